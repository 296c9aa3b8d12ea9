// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/diff"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// Difference is a line of "fs diff -o json".
type Difference struct {
	output.TypeMeta
	output.PathText
	Change diff.Change  `json:"change"`
	Fields []diff.Field `json:"fields,omitempty"`
	// A and B are left out where there is no such file.
	A *diffFile `json:"a,omitempty"`
	B *diffFile `json:"b,omitempty"`
}

// diffFile is one of the two files.
type diffFile struct {
	Type string `json:"type"`
	// Permissions are the mode's lower twelve bits in octal.
	Permissions string    `json:"permissions"`
	UID         uint32    `json:"uid"`
	GID         uint32    `json:"gid"`
	Size        int64     `json:"sizeBytes"`
	Mtime       time.Time `json:"modificationTime"`
	LinkTarget  string    `json:"linkTarget,omitempty"`
	// SHA256 is there where it was needed to tell.
	SHA256 string `json:"sha256,omitempty"`
}

// A differencePrinter prints differences.
type differencePrinter struct {
	*output.Lines
	opts     *diffOptions
	a, b     *side
	terminal bool
}

func (p *differencePrinter) one(ctx context.Context, d *diff.Difference) error {
	if p.opts.output == "json" {
		return p.Object(Difference{output.NewTypeMeta("Difference"), output.NewPathText(p.path(d.Path)), d.Change, d.Fields, p.file(d.A, p.a, d.Path), p.file(d.B, p.b, d.Path)})
	}
	if err := p.Print(p.line(d)); err != nil {
		return err
	}
	if p.opts.unified && slices.Contains(d.Fields, diff.Content) {
		return p.text(ctx, d)
	}
	return nil
}

// path is a name of the listing; two files have one of their own.
func (p *differencePrinter) path(name string) string {
	if start := p.a.list.Files["."]; name == "." && !start.Mode.IsDir() {
		return baseOf(p.a.top)
	}
	return name
}

func baseOf(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

func (p *differencePrinter) file(f *diff.File, s *side, name string) *diffFile {
	if f == nil {
		return nil
	}
	one := &diffFile{
		Type: files.KindOf(f.Mode), Permissions: permissions(f.Mode), UID: f.UID, GID: f.GID, Size: f.Size, Mtime: f.Mtime, LinkTarget: f.Target,
	}
	if f.Unknown {
		one.Type = "unknown"
	}
	if sum, ok := s.sums[name]; ok {
		one.SHA256 = fmt.Sprintf("%x", sum)
	}
	return one
}

func permissions(mode fs.FileMode) string {
	bits := mode.Perm()
	for flag, bit := range map[fs.FileMode]fs.FileMode{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if mode&flag != 0 {
			bits |= bit
		}
	}
	return fmt.Sprintf("%04o", uint32(bits))
}

// line is CHANGE PATH[: WHAT DIFFERS]. A directory's path ends with a slash.
func (p *differencePrinter) line(d *diff.Difference) string {
	file := d.A
	if file == nil {
		file = d.B
	}
	path := remote.Escape(p.path(d.Path))
	switch {
	case file.Mode.IsDir() && d.Path != "." && !slices.Contains(d.Fields, diff.Type):
		path += "/"
	case file.Mode.Type() == fs.ModeSymlink && d.Change != diff.Changed:
		path += " -> " + remote.Escape(file.Target)
	}
	text := fmt.Sprintf("%-7s  %s", d.Change, path)
	for i, field := range d.Fields {
		text += map[bool]string{true: ": ", false: ", "}[i == 0] + fieldText(field, d.A, d.B)
	}
	return text + "\n"
}

func fieldText(field diff.Field, a, b *diff.File) string {
	var from, to string
	switch field {
	case diff.Type:
		from, to = files.KindOf(a.Mode), files.KindOf(b.Mode)
	case diff.Size:
		from, to = fmt.Sprint(a.Size), fmt.Sprint(b.Size)
	case diff.Target:
		from, to = remote.Escape(a.Target), remote.Escape(b.Target)
	case diff.Device:
		from, to = a.Device, b.Device
	case diff.Mode:
		from, to = permissions(a.Mode), permissions(b.Mode)
	case diff.Owner:
		from, to = fmt.Sprintf("%d:%d", a.UID, a.GID), fmt.Sprintf("%d:%d", b.UID, b.GID)
	default:
		return string(field)
	}
	return fmt.Sprintf("%s %s -> %s", field, from, to)
}

// TextLimit is how long a file may be of which -u prints what differs.
const TextLimit = 1 << 20

// text prints what differs in a text file.
func (p *differencePrinter) text(ctx context.Context, d *diff.Difference) error {
	if d.A.Size > TextLimit || d.B.Size > TextLimit {
		return p.Print(fmt.Sprintf("too large to compare line by line: %s and %s\n", output.HumanBytes(d.A.Size), output.HumanBytes(d.B.Size)))
	}
	var a, b []byte
	ended := make(chan error, 1)
	crash.Go(ctx, func() {
		ended <- crash.Try(func() (err error) {
			a, err = p.a.read(ctx, d.Path)
			return err
		})
	})
	b, errB := p.b.read(ctx, d.Path)
	err := errors.Join(errB, <-ended)
	switch {
	case errors.Is(err, errPart) && !errors.Is(err, errSide):
		return nil
	case errors.Is(err, errTooLarge) && !errors.Is(err, errSide):
		return p.Print("it has become too large to compare line by line\n")
	case err != nil:
		return err
	case diff.Binary(a) || diff.Binary(b):
		return p.Print("binary files\n")
	}
	text := string(diff.Text(p.a.name(d.Path), a, p.b.name(d.Path), b))
	if !p.terminal {
		return p.Print(text)
	}
	for line := range strings.Lines(text) {
		if err := p.Print(files.Printable(strings.TrimSuffix(line, "\n")) + "\n"); err != nil {
			return err
		}
	}
	return nil
}

// errPart stands for an error about one file, which is reported at the end.
var errPart = errors.New("one file could not be read")

// read gives a file's bytes.
func (s *side) read(ctx context.Context, name string) ([]byte, error) {
	data, err := s.tree.read(ctx, s, name, TextLimit)
	switch {
	case err == nil, errors.Is(err, errTooLarge):
		return data, err
	case files.GoesFor(err), ctx.Err() != nil:
		s.err = err
		return nil, errSide
	}
	s.parts = append(s.parts, err.Error())
	return nil, errPart
}
