// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// file is one file in "fs -o json".
type file struct {
	Name string `json:"name"`
	// NameBytes is the name in base64 where it is not UTF-8, which JSON can't hold.
	NameBytes []byte `json:"nameBytes,omitempty"`
	Type      string `json:"type"`
	// Permissions are the mode's lower twelve bits in octal.
	Permissions string    `json:"permissions"`
	UID         uint32    `json:"uid"`
	GID         uint32    `json:"gid"`
	User        string    `json:"user,omitempty"`
	Group       string    `json:"group,omitempty"`
	Links       uint64    `json:"links"`
	Size        int64     `json:"sizeBytes"`
	Mtime       time.Time `json:"modificationTime"`
	LinkTarget  string    `json:"linkTarget,omitempty"`
	// Error says why nothing more than the name is known.
	Error string `json:"error,omitempty"`
}

// fileInfo is what "fs -o json" prints: a file's facts, and a directory's entries.
type fileInfo struct {
	typeMeta
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	PID       int    `json:"pid"`
	// Path is without links, from the process's root.
	Path string `json:"path"`
	file
	Items []file `json:"items,omitempty"`
}

func newFile(name string, s *remote.Stat) file {
	out := file{Name: name}
	if !utf8.ValidString(name) {
		out.NameBytes = []byte(name)
	}
	out.Type = kindOf(s.FileMode())
	out.Permissions = fmt.Sprintf("%04o", s.Mode&0o7777)
	out.UID, out.GID, out.User, out.Group = s.UID, s.GID, s.User, s.Group
	out.Links, out.Size, out.Mtime, out.LinkTarget = s.Nlink, s.Size, s.Mtime, s.LinkTarget
	return out
}

func (f *Factory) printFound(r *room, root *remote.Root, info remote.Info, entries []remote.Entry, opts *fsOptions) error {
	switch {
	case isDocument(opts.output):
		entries = opts.list.arrange(entries)
		object := fileInfo{
			typeMeta: kind("File"), Namespace: r.session.Namespace, Pod: r.session.Pod,
			PID: root.Process.PID, Path: info.Path, file: newFile(path.Base(info.Path), info.Stat),
		}
		for _, e := range entries {
			object.Items = append(object.Items, entryFile(e))
		}
		return printObject(f.Streams.Out, opts.output, object)
	case opts.output == "name":
		return f.printNames(info, opts.list.arrange(entries), opts.nul)
	default:
		return f.printEntries(entries, opts)
	}
}

func entryFile(e remote.Entry) file {
	if _, err := e.Info(); err != nil {
		return file{Name: e.Name(), Type: "unknown", Error: err.Error()}
	}
	return newFile(e.Name(), e.Stat())
}

func (f *Factory) printNames(info remote.Info, entries []remote.Entry, nul bool) error {
	names := []string{info.Path}
	if info.FileMode().IsDir() {
		names = names[:0]
		for _, e := range entries {
			names = append(names, e.Name())
		}
	}
	for _, name := range names {
		line := remote.Escape(name) + "\n"
		if nul {
			line = name + "\x00"
		}
		if _, err := fmt.Fprint(f.Streams.Out, line); err != nil {
			return err
		}
	}
	return nil
}

func (f *Factory) printEntries(entries []remote.Entry, opts *fsOptions) error {
	rows := make([][]string, 0, len(entries))
	for _, e := range opts.list.arrange(entries) {
		rows = append(rows, longRow(e, e.Name(), opts.list.human, f.Report.Colored(f.Streams.Out)))
	}
	return table(f.Streams.Out, rows)
}

// longRow is what "ls -l" prints of a file, in columns. The name comes last, where colours disturb no other column.
func longRow(e remote.Entry, name string, human, colored bool) []string {
	s := e.Stat()
	name = remote.Escape(name)
	if s == nil {
		return []string{"?", "?", "?", "?", "?", "?", name}
	}
	if colored {
		name = fileStyle(kindOf(e.Type()), s.Mode).on(name)
	}
	if e.Type() == fs.ModeSymlink {
		name += " -> " + remote.Escape(s.LinkTarget)
	}
	bytes := size(s, e.Type())
	if human && e.Type()&fs.ModeDevice == 0 {
		bytes = humanBytes(s.Size)
	}
	return []string{
		modeString(s), strconv.FormatUint(s.Nlink, 10), owner(s.User, s.UID), owner(s.Group, s.GID), bytes,
		s.Mtime.Local().Format("2006-01-02 15:04"), name,
	}
}

func owner(name string, id uint32) string {
	if name != "" {
		return remote.Escape(name)
	}
	return strconv.FormatUint(uint64(id), 10)
}

// size is in bytes; a device has its numbers instead.
func size(s *remote.Stat, t fs.FileMode) string {
	if t&fs.ModeDevice != 0 {
		return fmt.Sprintf("%d,%d", s.RdevMajor, s.RdevMinor)
	}
	return strconv.FormatInt(s.Size, 10)
}

// kindOf names a file's type.
func kindOf(mode fs.FileMode) string {
	switch mode.Type() {
	case 0:
		return "file"
	case fs.ModeDir:
		return "directory"
	case fs.ModeSymlink:
		return "link"
	case fs.ModeNamedPipe:
		return "named pipe"
	case fs.ModeSocket:
		return "socket"
	case fs.ModeDevice:
		return "block device"
	case fs.ModeDevice | fs.ModeCharDevice:
		return "character device"
	default:
		return "unknown"
	}
}

// modeString is a mode in ls's ten letters.
func modeString(s *remote.Stat) string {
	letters := map[string]byte{
		"file": '-', "directory": 'd', "link": 'l', "named pipe": 'p', "socket": 's', "block device": 'b', "character device": 'c',
	}
	text := []byte("?rwxrwxrwx")
	if letter, ok := letters[kindOf(s.FileMode())]; ok {
		text[0] = letter
	}
	for i := range 9 {
		if s.Mode&(1<<(8-i)) == 0 {
			text[i+1] = '-'
		}
	}
	for i, special := range []struct {
		bit         uint32
		with, alone byte
	}{{0o4000, 's', 'S'}, {0o2000, 's', 'S'}, {0o1000, 't', 'T'}} {
		if s.Mode&special.bit == 0 {
			continue
		}
		at := 3 * (i + 1)
		if text[at] == 'x' {
			text[at] = special.with
		} else {
			text[at] = special.alone
		}
	}
	return string(text)
}
