// SPDX-License-Identifier: Apache-2.0

//go:build linux

package rootfs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

func TestSumIsExact(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root := helper.OpenDirectory(t)
			hostileTree(t, root)
			got := map[string][32]byte{}
			counting := &helper.Counting{Runner: r}
			root8 := fakeRoot(t, counting, root)
			_, err := Sum(t.Context(), root8, "/", SumOptions{Recursive: true}, func(path string, sum [32]byte) error {
				if _, twice := got[path]; twice {
					t.Errorf("%q twice", path)
				}
				got[path] = sum
				return nil
			})
			if err != nil || counting.Count.Load() != 1 {
				t.Fatalf("%v, %d commands", err, counting.Count.Load())
			}
			want := 0
			err = filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
				if err != nil || !d.Type().IsRegular() {
					return err
				}
				want++
				content, err := os.ReadFile(path)
				if below := strings.TrimPrefix(path, root); got[below] != sha256.Sum256(content) {
					t.Errorf("%q: wrong or missing", below)
				}
				return err
			})
			if err != nil || len(got) != want {
				t.Errorf("%d sums, want %d (%v)", len(got), want, err)
			}
			for path, want := range map[string]error{"files": remote.ErrIsDirectory, "files/fifo": remote.ErrSpecial, "files/a": nil} {
				n := 0
				_, err := Sum(t.Context(), root8, path, SumOptions{}, func(string, [32]byte) error { n++; return nil })
				if !errors.Is(err, want) || (n == 1) != (want == nil) {
					t.Errorf("%s: %v", path, err)
				}
			}
		})
	}
}

func TestGrep(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root := helper.OpenDirectory(t)
			for _, name := range hostileNames() {
				helper.Write(t, filepath.Join(root, "hostile", name), "first\nneedle\t\x1b[31m\xff:5:x\nlast needle")
				helper.Write(t, filepath.Join(root, "hay", name), "nothing here")
			}
			makeSpecial(t, filepath.Join(root, "hostile"))
			helper.Write(t, filepath.Join(root, "binary"), "needle\x00needle\n")
			helper.Write(t, filepath.Join(root, "more"), "a.c\nABC\nabc\n(x)+\n")
			helper.Write(t, filepath.Join(root, "long"), strings.Repeat("long", 1<<20)+"\nshort long\n")
			root8 := fakeRoot(t, r, root)
			grep := func(path string, opts GrepOptions) ([]Match, error) {
				matches := []Match{}
				_, err := Grep(t.Context(), root8, path, opts, func(m Match) error {
					matches = append(matches, m)
					return nil
				})
				return matches, err
			}
			got, err := grep("/", GrepOptions{Pattern: "needle", Recursive: true})
			if err != nil || len(got) != 2*len(hostileNames()) {
				t.Fatalf("%d matches, %v", len(got), err)
			}
			for i, m := range got {
				want := Match{Path: "/hostile/" + filepath.Base(m.Path), Line: 2 + i%2, Text: []string{"needle\t\x1b[31m\xff:5:x", "last needle"}[i%2]}
				if m != want || !slices.Contains(hostileNames(), filepath.Base(m.Path)) {
					t.Errorf("got %+v, want %+v", m, want)
				}
			}
			if got, err := grep("/hostile", GrepOptions{Pattern: "NEEDLE", IgnoreCase: true, Recursive: true, FilesOnly: true}); err != nil || len(got) != len(hostileNames()) {
				t.Errorf("%d files, %v", len(got), err)
			}
			for _, test := range []struct {
				opts GrepOptions
				want string
			}{
				{GrepOptions{Pattern: "a.c"}, "[1 3]"},
				{GrepOptions{Pattern: "a.c", Fixed: true}, "[1]"},
				{GrepOptions{Pattern: "abc", IgnoreCase: true}, "[2 3]"},
				{GrepOptions{Pattern: `\(x\)+`, Extended: true}, "[4]"},
				{GrepOptions{Pattern: "-v"}, "[]"},
				{GrepOptions{Pattern: "ABC\nabc"}, "[2 3]"},
			} {
				got, err := grep("more", test.opts)
				lines := []int{}
				for _, m := range got {
					lines = append(lines, m.Line)
				}
				if err != nil || fmt.Sprint(lines) != test.want {
					t.Errorf("%+v: lines %v, %v", test.opts, lines, err)
				}
			}
			got, err = grep("long", GrepOptions{Pattern: "long"})
			if err != nil || len(got) != 2 || !got[0].Cut || got[0].Line != 1 || got[1].Text != "short long" || got[1].Cut {
				t.Errorf("long lines: %d, %v", len(got), err)
			}
			for pattern, opts := range map[string]GrepOptions{"a\x00": {}, "(": {Extended: true}, `\(`: {}} {
				opts.Pattern = pattern
				if _, err := grep("more", opts); !errors.Is(err, remote.ErrPattern) {
					t.Errorf("%q: %v", pattern, err)
				}
			}
			if _, err := grep("/", GrepOptions{Pattern: "x"}); !errors.Is(err, remote.ErrIsDirectory) {
				t.Errorf("a directory: %v", err)
			}
		})
	}
}

// A lockedBuffer is read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestTail(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root := helper.OpenDirectory(t)
			file := filepath.Join(root, "-log\n")
			helper.Write(t, file, "one\ntwo\nthree\n")
			helper.Symlink(t, "/-log\n", filepath.Join(root, "link"))
			if err := syscall.Mknod(filepath.Join(root, "fifo"), syscall.S_IFIFO|0o600, 0); err != nil {
				t.Fatal(err)
			}
			root8 := fakeRoot(t, r, root)
			for lines, want := range map[int]string{0: "", 1: "three\n", 2: "two\nthree\n", 9: "one\ntwo\nthree\n"} {
				var got bytes.Buffer
				_, err := Tail(t.Context(), root8, "link", TailOptions{Lines: lines}, func(Info) (io.Writer, error) { return &got, nil })
				if err != nil || got.String() != want {
					t.Errorf("%d lines: %q, %v", lines, got.String(), err)
				}
			}
			for path, want := range map[string]error{"/": remote.ErrIsDirectory, "fifo": remote.ErrSpecial} {
				if _, err := Tail(t.Context(), root8, path, TailOptions{Lines: 1}, nil); !errors.Is(err, want) {
					t.Errorf("%s: %v", path, err)
				}
			}
		})
	}
}

// What is appended is seen at once, each byte of it, and nothing is left when the reader goes.
func TestTailFollows(t *testing.T) {
	adoptOrphans(t)
	for name, l := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root := helper.OpenDirectory(t)
			file := filepath.Join(root, "log")
			helper.Write(t, file, "one\ntwo\n")
			ctx, cancel := context.WithCancelCause(t.Context())
			root8 := fakeRoot(t, &runtimeRunner{ended: make(chan struct{}), Local: l, t: t}, root)
			var got lockedBuffer
			interrupted, ended := errors.New("interrupted"), make(chan error, 1)
			go func() {
				_, err := Tail(ctx, root8, "log", TailOptions{Lines: 1, Follow: true}, func(Info) (io.Writer, error) { return &got, nil })
				ended <- err
			}()
			want := "two\n"
			for i := range 4 {
				waitFor(t, func() bool { return got.String() == want })
				log, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
				if err != nil {
					t.Fatal(err)
				}
				text := fmt.Sprintf("%d\x00\n", i)
				if _, err := log.WriteString(text); err != nil {
					t.Fatal(err)
				}
				log.Close()
				want += text
			}
			waitFor(t, func() bool { return got.String() == want })
			cancel(interrupted)
			helper.Within(t, time.Minute, func() {
				if err := <-ended; !errors.Is(err, interrupted) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

// waitFor waits for a condition that another goroutine brings about.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for range 12000 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("still not so after two minutes")
}
