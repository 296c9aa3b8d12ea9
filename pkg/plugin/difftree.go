// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/diff"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/local"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/procfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// A remoteTree is in a pod.
type remoteTree struct {
	room   *room
	root   *remote.Root
	partly *remote.TreeError
}

func (t *remoteTree) list(ctx context.Context, s *side) (err error) {
	s.top = ""
	if t.root, err = t.room.root(ctx, s.end.pid); err != nil {
		return t.room.pathError(ctx, s.end.pid, t.root, &fs.PathError{Op: "open", Path: s.end.path, Err: err})
	}
	options := remote.WalkOptions{LinkTargets: true}
	_, err = t.root.Walk(ctx, s.end.path, options, func(path string, e remote.Entry) error {
		if s.top == "" {
			s.top = path
		}
		s.list.Files[s.relative(path)] = remoteFile(e.Stat())
		return nil
	})
	if err == nil || !errors.As(err, &t.partly) {
		return t.room.pathError(ctx, s.end.pid, t.root, err)
	}
	for _, failure := range t.partly.Failures {
		if cause, ok := errors.AsType[*fs.PathError](failure); ok && cause.Op == "open" {
			s.list.Closed[s.relative(cause.Path)] = true
		}
	}
	return nil
}

// relative is a path from the target's root as a name of the listing.
func (s *side) relative(path string) string {
	name := strings.TrimPrefix(strings.TrimPrefix(path, strings.TrimSuffix(s.top, "/")), "/")
	if name == "" {
		return "."
	}
	return name
}

// absolute is the opposite.
func (s *side) absolute(name string) string {
	if name == "." {
		return s.top
	}
	return strings.TrimSuffix(s.top, "/") + "/" + name
}

func remoteFile(s *remote.Stat) diff.File {
	if s == nil {
		return diff.File{Unknown: true}
	}
	f := diff.File{Mode: s.FileMode(), Size: s.Size, Mtime: s.Mtime, UID: s.UID, GID: s.GID, Target: s.LinkTarget}
	if f.Mode&fs.ModeDevice != 0 {
		f.Device = fmt.Sprintf("%d,%d", s.RdevMajor, s.RdevMinor)
	}
	return f
}

func (t *remoteTree) missing() error {
	if t.partly == nil {
		return nil
	}
	return t.room.partly(t.partly)
}

// sumRate is what a request costs over a far line, in bytes that the helper could sum up instead: a tenth of a second at 200 MiB/s.
const sumRate = 20 << 20

// sum asks for the files one by one, or for all of a directory that they are in, whatever costs less.
func (t *remoteTree) sum(ctx context.Context, s *side, names []string) error {
	top, all := common(names), int64(0)
	for name, file := range s.list.Files {
		if file.Mode.IsRegular() && !file.Unknown && (top == "." || name == top || strings.HasPrefix(name, top+"/")) {
			all += file.Size
		}
	}
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	if int64(len(names))*sumRate > all+sumRate {
		return t.sumAt(ctx, s, top, wanted)
	}
	for _, name := range names {
		if err := t.sumAt(ctx, s, name, wanted); err != nil {
			return err
		}
	}
	return nil
}

func (t *remoteTree) sumAt(ctx context.Context, s *side, name string, wanted map[string]bool) error {
	options := remote.SumOptions{Recursive: true}
	_, err := t.root.Sum(ctx, s.absolute(name), options, func(path string, sum [32]byte) error {
		if name := s.relative(path); wanted[name] {
			s.sums[name] = sum
		}
		return nil
	})
	var partly *remote.TreeError
	if errors.As(err, &partly) {
		for _, failure := range partly.Failures {
			if cause, ok := errors.AsType[*fs.PathError](failure); ok && wanted[s.relative(cause.Path)] {
				s.reasons[s.relative(cause.Path)] = cause.Err
			}
		}
		return nil
	}
	described := t.room.pathError(ctx, s.end.pid, t.root, err)
	if cause, ok := errors.AsType[*fs.PathError](err); ok && !goesFor(described) && ctx.Err() == nil && wanted[name] {
		s.reasons[name] = cause.Err
		return nil
	}
	return described
}

// common is the innermost directory that all of some sorted names are in, or the only one itself.
func common(names []string) string {
	top := names[0]
	for last := names[len(names)-1]; top != "." && top != last && !strings.HasPrefix(last, top+"/"); {
		top = path.Dir(top)
	}
	return top
}

// errEnough ends the reading of a file that is too large.
var errEnough = errors.New("enough")

func (t *remoteTree) read(ctx context.Context, s *side, name string, limit int64) ([]byte, error) {
	var b bytes.Buffer
	_, err := t.root.Read(ctx, s.absolute(name), func(remote.Info) (io.Writer, error) { return limitedWriter{&b, limit}, nil })
	if errors.Is(err, errEnough) {
		return nil, local.ErrTooLarge
	}
	return b.Bytes(), t.room.pathError(ctx, s.end.pid, t.root, err)
}

type limitedWriter struct {
	*bytes.Buffer
	limit int64
}

// Write takes no more than the limit.
func (w limitedWriter) Write(p []byte) (int, error) {
	if int64(w.Len()+len(p)) > w.limit {
		return 0, errEnough
	}
	return w.Buffer.Write(p)
}

// A localTree is on this machine.
type localTree struct {
	files  *local.Files
	name   string
	partly *procfs.TreeError
}

func (t *localTree) list(ctx context.Context, s *side) error {
	s.top, t.name = s.end.path, s.end.path
	err := t.files.Walk(ctx, func(name string, info fs.FileInfo, target string) {
		f := diff.File{Mode: info.Mode(), Size: info.Size(), Mtime: info.ModTime(), Target: target}
		f.UID, f.GID, _ = local.Owner(info)
		s.list.Files[name] = f
	})
	if err == nil || !errors.As(err, &t.partly) {
		return err
	}
	for _, failure := range t.partly.Failures {
		if cause, ok := errors.AsType[*fs.PathError](failure); ok && cause.Op == "open" {
			s.list.Closed[cause.Path] = true
		}
	}
	return nil
}

func (t *localTree) missing() error {
	if t.partly == nil {
		return nil
	}
	return partError{partText(remote.Escape(t.name), t.partly.Failures, t.partly.Count), t.partly}
}

func (t *localTree) sum(ctx context.Context, s *side, names []string) error {
	for _, name := range names {
		sum, err := t.files.Sum(ctx, name)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			s.reasons[name] = err
		default:
			s.sums[name] = sum
		}
	}
	return nil
}

func (t *localTree) read(_ context.Context, s *side, name string, limit int64) ([]byte, error) {
	data, err := t.files.Read(name, limit)
	if err != nil && !errors.Is(err, local.ErrTooLarge) {
		err = readError(s.absolute(name), err)
	}
	return data, err
}
