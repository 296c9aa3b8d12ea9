// SPDX-License-Identifier: Apache-2.0

//go:build linux

package local

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/procfs"
)

// A breaker breaks its first streams off after so many bytes of one direction, and says that all went well.
type breaker struct {
	procfs.Runner
	up    bool
	after []int64
	moved []*atomic.Int64 // what each stream carried, in that direction
}

func (b *breaker) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	left := int64(1) << 60
	if len(b.after) > 0 {
		left, b.after = b.after[0], b.after[1:]
	}
	moved := new(atomic.Int64)
	b.moved = append(b.moved, moved)
	if b.up {
		stdin = &counter{io.LimitReader(stdin, left), moved}
	} else {
		stdout = &limited{stdout, left, moved, cancel}
	}
	_ = b.Runner.Run(ctx, argv, stdin, stdout, stderr)
	return nil
}

func (b *breaker) carried() int64 {
	var all int64
	for _, n := range b.moved {
		all += n.Load()
	}
	return all
}

// A limited passes so many bytes on.
type limited struct {
	io.Writer
	left  int64
	moved *atomic.Int64
	end   func()
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(int64(len(p)), l.left)
	l.left -= n
	l.moved.Add(n)
	if _, err := l.Writer.Write(p[:n]); err != nil {
		return 0, err
	}
	if int(n) < len(p) {
		l.end()
		return int(n), io.ErrClosedPipe
	}
	return len(p), nil
}

// times lets a broken stream be tried again so often.
func times(n int) func(error) bool {
	return func(error) bool {
		n--
		return n >= 0
	}
}

// pullAgain is pull, which goes on where the stream breaks.
func pullAgain(ctx context.Context, r procfs.Runner, path, dest string, o Options, how procfs.Copying) (err error) {
	o.Resume = how.Resume
	tree, err := NewTree(dest, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tree.Close()) }()
	if _, err := how.Pull(ctx, r, procfs.Where{PID: os.Getpid(), Path: path}, tree); err != nil {
		return err
	}
	return tree.Finish()
}

const hugeSize = 4 << 20

// mixed has large files among small ones.
func mixed(t *testing.T, top string) {
	t.Helper()
	small(t, top)
	for i := range 220 {
		check(t, os.WriteFile(filepath.Join(top, "sub", strings.Repeat("n", i%50+1)+string(rune('a'+i%26))), []byte(strings.Repeat("z", i*7)), 0o600))
	}
	data := make([]byte, hugeSize)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(data) // it never fails
	check(t, os.WriteFile(filepath.Join(top, "huge"), data, 0o640))
	check(t, os.Link(filepath.Join(top, "huge"), filepath.Join(top, "sub/hard")))
	check(t, os.Link(filepath.Join(top, "a"), filepath.Join(top, "sub/also")))
	sparse, err := os.Create(filepath.Join(top, "sparse"))
	check(t, err)
	// It goes in parts, of which the second is left out.
	check(t, sparse.Truncate(2*sparsePart+1<<20))
	for _, at := range []int64{5, 2*sparsePart + 100} {
		_, err = sparse.WriteAt(data[:300000], at)
		check(t, err)
	}
	check(t, sparse.Close())
}

// A download that breaks goes on where it was, and what has come once does not come again.
func TestBrokenDownloadGoesOn(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, uint64(len(name))))
			folder := t.TempDir()
			source, dest := filepath.Join(folder, "source"), filepath.Join(folder, "dest")
			mixed(t, source)
			kept := fs.ModeType | fs.ModePerm
			for _, what := range []string{"", "/sub", "/huge", "/sparse"} {
				whole := &breaker{Runner: r}
				check(t, pullAgain(t.Context(), whole, source+what, dest, Options{Report: reports{}.add}, procfs.Copying{}))
				want := oracle(t, source+what, kept)
				compare(t, oracle(t, dest, kept), want)
				all := whole.moved[0].Load()
				for range 3 {
					check(t, os.RemoveAll(dest))
					failed := reports{}
					// Every second stream is the one that lists what there is.
					b := &breaker{Runner: r, after: []int64{random.Int64N(all), 1 << 40, random.Int64N(all), 1 << 40, random.Int64N(all) / 2}}
					cuts := b.after
					if err := pullAgain(t.Context(), b, source+what, dest, Options{Report: failed.add}, procfs.Copying{Again: times(3)}); err != nil {
						t.Fatalf("%s broken at %d: %v", what, cuts, err)
					}
					compare(t, oracle(t, dest, kept), want)
					if len(failed) > 0 {
						t.Errorf("reported: %v", failed)
					}
					onlyThese(t, folder, "source", "dest")
					if t.Failed() {
						t.Fatalf("%s broken at %d", what, cuts)
					}
					carried := b.carried()
					// A frame of small files and the lists are what comes twice, and a part of a sparse file, which is large here.
					if most := all + 3*(1<<20); (what == "/sub" || what == "/huge") && carried > most {
						t.Errorf("%s broken at %d: %d bytes came, of %d", what, cuts, carried, all)
					}
				}
				check(t, os.RemoveAll(dest))
			}
		})
	}
}

const sparsePart = 8 << 20

// Who tries no more finds nothing here.
func TestBrokenDownloadLeavesNothing(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			source := filepath.Join(folder, "source")
			mixed(t, source)
			for _, what := range []string{"", "/huge", "/sparse"} {
				b := &breaker{Runner: r, after: []int64{2 << 20, 1 << 40, 1 << 20, 1 << 40, 1 << 19}}
				err := pullAgain(t.Context(), b, source+what, folder+"/dest", Options{Report: reports{}.add}, procfs.Copying{Again: times(2)})
				if !procfs.Broken(err) {
					t.Errorf("%s: %v", what, err)
				}
				onlyThese(t, folder, "source")
			}
		})
	}
}

// With Resume a later run goes on, whatever became of what was left, and of the source.
func TestDownloadResumesInALaterRun(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			source, dest := filepath.Join(folder, "source"), filepath.Join(folder, "dest")
			mixed(t, source)
			kept := fs.ModeType | fs.ModePerm
			resume := procfs.Copying{Resume: true}
			for _, what := range []string{"", "/huge", "/sparse"} {
				for _, meanwhile := range []func(partial string){
					func(string) {},
					func(partial string) { scribble(t, partial) },
					func(string) {
						check(t, os.WriteFile(source+"/huge", []byte(strings.Repeat("other", hugeSize/4)), 0o600))
						check(t, os.WriteFile(source+"/a", []byte("B"), 0o600))
						check(t, os.Remove(source+"/none"))
						check(t, os.Remove(source+"/link"))
					},
				} {
					check(t, os.RemoveAll(source))
					mixed(t, source)
					b := &breaker{Runner: r, after: []int64{1 << 40, 3 << 20}}
					err := pullAgain(t.Context(), b, source+what, dest, Options{Report: reports{}.add}, resume)
					if !procfs.Broken(err) {
						t.Fatalf("%s: %v", what, err)
					}
					left := partialName(filepath.Base(dest))
					onlyThese(t, folder, "source", left)
					meanwhile(filepath.Join(folder, left))
					b.moved = nil
					failed := reports{}
					check(t, pullAgain(t.Context(), b, source+what, dest, Options{Report: failed.add}, resume))
					compare(t, oracle(t, dest, kept), oracle(t, source+what, kept))
					if len(failed) > 0 {
						t.Errorf("reported: %v", failed)
					}
					onlyThese(t, folder, "source", "dest")
					// And once more, with nothing to do.
					b.moved = nil
					again := source + what
					if what == "" {
						again += "/."
					}
					check(t, pullAgain(t.Context(), b, again, dest, Options{Report: failed.add}, resume))
					if n := b.carried(); n > 1<<20 {
						t.Errorf("%d bytes for what was there", n)
					}
					compare(t, oracle(t, dest, kept), oracle(t, source+what, kept))
					check(t, os.RemoveAll(dest))
					if t.Failed() {
						t.Fatalf("of %q", what)
					}
				}
			}
		})
	}
}

// scribble changes a byte of every file, but not their times.
func scribble(t *testing.T, top string) {
	t.Helper()
	check(t, filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		check(t, err)
		if info.Size() == 0 {
			return nil
		}
		check(t, os.Chmod(name, 0o600))
		file, err := os.OpenFile(name, os.O_RDWR, 0)
		check(t, err)
		_, err = file.WriteAt([]byte("#"), info.Size()/2)
		check(t, err)
		check(t, file.Close())
		return os.Chtimes(name, info.ModTime(), info.ModTime())
	}))
}
