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
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/procfs"
)

// pushAgain is push, which goes on where the stream breaks.
func pushAgain(ctx context.Context, r procfs.Runner, name, path string, o Options, how procfs.Copying) error {
	source, err := Source(name, o)
	if err != nil {
		return err
	}
	_, err = how.Push(ctx, r, procfs.Where{PID: os.Getpid(), Path: path}, source)
	return err
}

// settled waits until nothing unfinished is in a folder: who was cut takes away what nobody came back for.
func settled(t *testing.T, folder string, names ...string) {
	t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for {
		left, err := filepath.Glob(filepath.Join(folder, ".shareproc-*"))
		check(t, err)
		if len(left) == 0 || time.Now().After(deadline) {
			onlyThese(t, folder, names...)
			return
		}
		<-time.After(20 * time.Millisecond)
	}
}

// An upload that breaks goes on where it was, and what has come once does not go again.
func TestBrokenUploadGoesOn(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, uint64(len(name))))
			folder := t.TempDir()
			source, dest := filepath.Join(folder, "source"), filepath.Join(folder, "dest")
			mixed(t, source)
			check(t, os.Chmod(source+"/sub/empty", 0o555))
			kept := fs.ModeType | fs.ModePerm
			for _, what := range []string{"", "/huge"} {
				intact := &breaker{Runner: r, up: true}
				check(t, pushAgain(t.Context(), intact, source+what, dest, Options{Report: reports{}.add}, procfs.Copying{}))
				want := whole(oracle(t, source+what, kept))
				all := intact.moved[0].Load()
				for range 3 {
					check(t, os.RemoveAll(dest))
					failed := reports{}
					b := &breaker{Runner: r, up: true, after: []int64{random.Int64N(all), random.Int64N(all), random.Int64N(all) / 2}}
					cuts := b.after
					if err := pushAgain(t.Context(), b, source+what, dest, Options{Report: failed.add}, procfs.Copying{Again: times(3)}); err != nil {
						t.Fatalf("%s broken at %d: %v", what, cuts, err)
					}
					comparedUp(t, oracle(t, dest, kept), want)
					if len(failed) > 0 {
						t.Errorf("reported: %v", failed)
					}
					settled(t, folder, "source", "dest")
					if t.Failed() {
						t.Fatalf("%s broken at %d", what, cuts)
					}
					carried := b.carried()
					// A frame that was cut goes again. Of a tree it is a file, or the small ones beside one.
					if most := all + 3*(1<<20); what != "" && carried > most {
						t.Errorf("%s broken at %d: %d bytes went, of %d", what, cuts, carried, all)
					}
				}
				check(t, os.RemoveAll(dest))
			}
		})
	}
}

// What an attempt has left is not forgotten for one after it that was cut before it began.
func TestBrokenUploadRemembersEveryAttempt(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			source, dest := filepath.Join(folder, "source"), filepath.Join(folder, "dest")
			mixed(t, source)
			for _, what := range []string{"", "/huge"} {
				b := &breaker{Runner: r, up: true, after: []int64{3 << 20, 3000, 3000}}
				check(t, pushAgain(t.Context(), b, source+what, dest, Options{Report: reports{}.add}, procfs.Copying{Again: times(3)}))
				settled(t, folder, "source", "dest")
				if last := b.moved[3].Load(); what != "" && last > hugeSize-2<<20 {
					t.Errorf("%d bytes of %d went in the end, after %d had come", last, hugeSize, 3<<20)
				}
				check(t, os.RemoveAll(dest))
			}
		})
	}
}

// comparedUp compares what an archive keeps.
func comparedUp(t *testing.T, got, want map[string]string) {
	t.Helper()
	compare(t, whole(got), want)
}

// Who tries no more finds nothing there.
func TestBrokenUploadLeavesNothing(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			source := filepath.Join(folder, "source")
			mixed(t, source)
			for _, what := range []string{"", "/huge"} {
				b := &breaker{Runner: r, up: true, after: []int64{2 << 20, 1 << 20, 1 << 19}}
				err := pushAgain(t.Context(), b, source+what, folder+"/dest", Options{Report: reports{}.add}, procfs.Copying{Again: times(2)})
				if !procfs.Broken(err) {
					t.Errorf("%s: %v", what, err)
				}
				settled(t, folder, "source")
			}
		})
	}
}

// With Resume a later run goes on, whatever became of what was left, and of the source.
func TestUploadResumesInALaterRun(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			source, dest := filepath.Join(folder, "source"), filepath.Join(folder, "dest")
			kept := fs.ModeType | fs.ModePerm
			resume := procfs.Copying{Resume: true}
			for _, what := range []string{"", "/huge"} {
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
					b := &breaker{Runner: r, up: true, after: []int64{3 << 20}}
					err := pushAgain(t.Context(), b, source+what, dest, Options{Report: reports{}.add}, resume)
					if !procfs.Broken(err) {
						t.Fatalf("%s: %v", what, err)
					}
					left, err := filepath.Glob(filepath.Join(folder, ".shareproc-*.partial"))
					check(t, err)
					if len(left) != 1 {
						t.Fatalf("left: %q", left)
					}
					meanwhile(left[0])
					failed := reports{}
					check(t, pushAgain(t.Context(), b, source+what, dest, Options{Report: failed.add}, resume))
					comparedUp(t, oracle(t, dest, kept), whole(oracle(t, source+what, kept)))
					if len(failed) > 0 {
						t.Errorf("reported: %v", failed)
					}
					onlyThese(t, folder, "source", "dest")
					check(t, os.RemoveAll(dest))
					if t.Failed() {
						t.Fatalf("of %q", what)
					}
				}
			}
		})
	}
}

// What was interrupted is kept as well.
func TestInterruptedUploadResumes(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			source, dest := filepath.Join(folder, "source"), filepath.Join(folder, "dest")
			mixed(t, source)
			for _, what := range []string{"", "/huge"} {
				ctx, cancel := context.WithCancelCause(t.Context())
				var seen atomic.Int64
				err := pushAgain(ctx, r, source+what, dest, Options{Report: reports{}.add, Progress: func(n int64) {
					if seen.Add(n) > 3<<20 {
						cancel(io.ErrNoProgress)
					}
				}}, procfs.Copying{Resume: true})
				if !errors.Is(err, io.ErrNoProgress) {
					t.Fatalf("%s: %v", what, err)
				}
				if left, err := filepath.Glob(filepath.Join(folder, ".shareproc-*.partial")); err != nil || len(left) != 1 {
					t.Fatalf("%s: left: %q, %v", what, left, err)
				}
				check(t, pushAgain(t.Context(), r, source+what, dest, Options{Report: reports{}.add}, procfs.Copying{Resume: true}))
				kept := fs.ModeType | fs.ModePerm
				comparedUp(t, oracle(t, dest, kept), whole(oracle(t, source+what, kept)))
				onlyThese(t, folder, "source", "dest")
				check(t, os.RemoveAll(dest))
			}
		})
	}
}
