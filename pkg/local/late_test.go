// SPDX-License-Identifier: Apache-2.0

//go:build linux

package local

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/procfs"
)

// A late runner's first stream is given up after so many bytes, but its command lives on: what was on its way comes when
// the rest is done, as from a line that only slept.
type late struct {
	procfs.Runner
	after int64
	rest  chan struct{}
	ended chan struct{} // the first command is
}

func (l *late) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	if l.ended != nil {
		return l.Runner.Run(ctx, argv, stdin, stdout, stderr)
	}
	l.ended = make(chan struct{})
	taken := &taken{Reader: io.LimitReader(stdin, l.after), end: make(chan struct{})}
	go func() {
		defer close(l.ended)
		_ = l.Runner.Run(context.WithoutCancel(ctx), argv, io.MultiReader(taken, &held{l.rest, strings.NewReader(strings.Repeat("late", 1<<18))}), deaf{stdout}, io.Discard)
	}()
	<-taken.end
	return nil
}

// A deaf writer never tells that nobody reads any more.
type deaf struct{ io.Writer }

func (d deaf) Write(p []byte) (int, error) {
	_, _ = d.Writer.Write(p)
	return len(p), nil
}

// A taken says when it was read to its end.
type taken struct {
	io.Reader
	end chan struct{}
}

func (t *taken) Read(p []byte) (int, error) {
	n, err := t.Reader.Read(p)
	if err != nil {
		close(t.end)
	}
	return n, err
}

// A held gives nothing before it may.
type held struct {
	until chan struct{}
	io.Reader
}

func (h *held) Read(p []byte) (int, error) {
	<-h.until
	return h.Reader.Read(p)
}

// What a stream that was given up brings late does not get into what the next one has finished.
func TestLateBytesAreNotWritten(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			source, dest := filepath.Join(folder, "source"), filepath.Join(folder, "dest")
			mixed(t, source)
			kept := fs.ModeType | fs.ModePerm
			for _, what := range []string{"", "/huge"} {
				for _, how := range []procfs.Copying{{Again: times(1)}, {Again: times(1), Resume: true}} {
					l := &late{Runner: r, after: hugeSize / 2, rest: make(chan struct{})}
					err := pushAgain(t.Context(), l, source+what, dest, Options{Report: reports{}.add}, how)
					close(l.rest)
					<-l.ended
					check(t, err)
					comparedUp(t, oracle(t, dest, kept), whole(oracle(t, source+what, kept)))
					settled(t, folder, "source", "dest")
					if t.Failed() {
						t.Fatalf("of %q", what)
					}
					check(t, os.RemoveAll(dest))
				}
			}
		})
	}
}

// Where only the answer is lost everything is there already, and the next attempt goes to the same place.
func TestLostAnswerMovesNothing(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			source := filepath.Join(folder, "source")
			small(t, source)
			kept := fs.ModeType | fs.ModePerm
			for _, c := range []struct{ what, dest, made string }{
				{"", "dest", "dest"}, {"/big", "dest", "dest"}, {"", "in", "in/source"}, {"/big", "in", "in/big"}, {"/.", "in", "in"}, {"/.", "dest", "dest"},
			} {
				check(t, os.MkdirAll(filepath.Join(folder, "in"), 0o755))
				intact := &breaker{Runner: r}
				check(t, pushAgain(t.Context(), intact, source+c.what, folder+"/"+c.dest, Options{Report: reports{}.add}, procfs.Copying{}))
				check(t, os.RemoveAll(filepath.Join(folder, c.made)))
				check(t, os.MkdirAll(filepath.Join(folder, "in"), 0o755))
				b := &breaker{Runner: r, after: []int64{intact.carried() - 20}}
				check(t, pushAgain(t.Context(), b, source+c.what, folder+"/"+c.dest, Options{Report: reports{}.add}, procfs.Copying{Again: times(1)}))
				if len(b.moved) != 2 {
					t.Fatalf("%+v: %d attempts", c, len(b.moved))
				}
				compare(t, timeless(oracle(t, filepath.Join(folder, c.made), kept)), timeless(oracle(t, source+strings.TrimSuffix(c.what, "/."), kept)))
				if t.Failed() {
					t.Fatalf("of %+v", c)
				}
				check(t, os.RemoveAll(filepath.Join(folder, "dest")))
				check(t, os.RemoveAll(filepath.Join(folder, "in")))
			}
		})
	}
}

// timeless takes the times from directories, of which what is moved into them makes others, and is whole otherwise.
func timeless(all map[string]string) map[string]string {
	for name, text := range whole(all) {
		if mode, _, _ := strings.Cut(text, " "); strings.HasPrefix(text, "d") {
			all[name] = mode
		}
	}
	return all
}
