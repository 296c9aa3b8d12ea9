// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/local"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/procfs"
)

// A localError is about this machine, not about the pod.
type localError struct {
	path string
	err  error
}

func (e localError) Error() string { return "write " + procfs.Escape(e.path) + ": " + e.err.Error() }

func (e localError) Unwrap() error { return e.err }

// left counts what was not copied, and names it.
type left struct {
	f     *Factory
	count int
	top   string
}

func (l *left) add(name string, err error) {
	l.count++
	if cause := (*fs.PathError)(nil); errors.As(err, &cause) {
		err = cause.Err
	}
	fmt.Fprintf(l.f.Streams.ErrOut, "not copied: %s: %s\n", procfs.Escape(path.Join(l.top, name)), clean(err.Error()))
}

func (l *left) err(opts *cpOptions) error {
	if l.count == 0 {
		return nil
	}
	files := "1 file was"
	if l.count > 1 {
		files = fmt.Sprintf("%d files were", l.count)
	}
	return fmt.Errorf("copy %s of pod/%s: %s not copied; everything else was", procfs.Escape(opts.path), opts.pod, files)
}

func (f *Factory) download(ctx context.Context, r *room, opts *cpOptions) (err error) {
	l := &left{f: f, top: opts.path}
	bar := f.newProgress(ctx)
	defer bar.stop()
	where, how := r.where(opts.pid, opts.path), f.how(ctx, opts, bar)
	if opts.local == "-" {
		found, err := how.Pull(ctx, r, where, &stdoutSink{out: f.Streams.Out, left: l})
		if err != nil {
			return opts.howOn(r.describe(opts.pid, found, err))
		}
		return l.err(opts)
	}
	dest := destination(opts.path, opts.local)
	tree, err := local.NewTree(dest, local.Options{Preserve: opts.preserve, Report: l.add, Progress: bar.add, Resume: opts.resume})
	if err != nil {
		return missingFolder(dest, err)
	}
	defer func() {
		if closed := tree.Close(); err == nil && closed != nil {
			err = localError{dest, closed}
		}
	}()
	found, err := how.Pull(ctx, r, where, tree)
	if err == nil {
		if err := tree.Finish(); err != nil {
			return localError{dest, err}
		}
		return l.err(opts)
	}
	if remote := (*fs.PathError)(nil); errors.As(err, &remote) && remote.Op == "copy" || ctx.Err() != nil {
		return opts.howOn(r.describe(opts.pid, found, err))
	}
	return localError{dest, err}
}

// destination is where a path goes: into a directory under its own name, "." and ".." under none.
func destination(remote, dest string) string {
	info, err := os.Stat(dest)
	if err != nil || !info.IsDir() {
		return filepath.Clean(dest)
	}
	switch base := path.Base("/" + remote); {
	case base == "/", base == "..", strings.HasSuffix(remote, "/."), remote == ".":
		full, err := filepath.EvalSymlinks(dest)
		if err != nil {
			return dest
		}
		if absolute, err := filepath.Abs(full); err == nil {
			return absolute // "." has no name of its own
		}
		return full
	default:
		return filepath.Join(dest, base)
	}
}

func missingFolder(dest string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return hint.With(localError{dest, fs.ErrNotExist}, "mkdir -p "+cmp.Or(filepath.Dir(dest), "."))
	}
	return localError{dest, err}
}

// A stdoutSink is for one file.
type stdoutSink struct {
	out interface{ Write([]byte) (int, error) }
	*left
	at int64 // how much went out
}

func (s *stdoutSink) Begin(found procfs.Found) error {
	if found.Info.IsDir() {
		return hint.With(errors.New("write a directory to stdout: only a file has bytes"), "kubectl shareproc fs tar POD PATH, for an archive")
	}
	return nil
}

func (s *stdoutSink) Entry(string, *procfs.Stat) error { return nil }

func (s *stdoutSink) Create(string, *procfs.Stat) (procfs.Content, error) {
	return stdoutContent{s}, nil
}

func (s *stdoutSink) Failed(name string, err error) { s.add(name, err) }

// A stdoutContent can take nothing back: its exit code says what became of it.
type stdoutContent struct{ *stdoutSink }

func (s stdoutContent) Write(p []byte) (int, error) {
	n, err := output{s.out}.Write(p)
	s.at += int64(n)
	return n, err
}

func (s stdoutContent) Skip(n int64) error {
	zeros := make([]byte, 64<<10)
	for n > 0 {
		part := min(n, int64(len(zeros)))
		if _, err := s.Write(zeros[:part]); err != nil {
			return err
		}
		n -= part
	}
	return nil
}

// Suspend leaves what went out.
func (s stdoutContent) Suspend() {}

// Rewind is possible only to where it is.
func (s stdoutContent) Rewind(n int64) error {
	if n != s.at {
		return outputError{fmt.Errorf("go on behind byte %d: %d went out already: %w", n, s.at, io.ErrUnexpectedEOF)}
	}
	return nil
}

func (s stdoutContent) Commit() error { return nil }

func (s stdoutContent) Abort() {}
