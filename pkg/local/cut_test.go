// SPDX-License-Identifier: Apache-2.0

//go:build linux

package local

import (
	"bufio"
	"bytes"
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

// A cutter lets so many bytes of stdin pass, and then says that all went well.
type cutter struct {
	procfs.Runner
	up     int64
	passed atomic.Int64
}

func (c *cutter) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	_ = c.Runner.Run(ctx, argv, &counter{io.LimitReader(stdin, c.up), &c.passed}, stdout, stderr)
	return nil
}

// A recorder keeps what a script answered, to be played again.
type recorder struct {
	procfs.Runner
	mark   string
	answer bytes.Buffer
}

func (r *recorder) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	var text bytes.Buffer
	err := r.Runner.Run(ctx, argv, io.TeeReader(stdin, &text), io.MultiWriter(stdout, &r.answer), stderr)
	r.mark, _, _ = strings.Cut(text.String(), "\n")
	return err
}

// A player answers with the first so many recorded bytes, as if asked now, but for one that it may turn over.
type player struct {
	*recorder
	length, damage int
}

func (p player) Run(_ context.Context, _ []string, stdin io.Reader, stdout, _ io.Writer) error {
	mark, err := bufio.NewReader(stdin).ReadString('\n')
	if err != nil {
		return err
	}
	text := bytes.ReplaceAll(p.answer.Bytes(), []byte(p.mark), []byte(strings.TrimSuffix(mark, "\n")))[:p.length]
	if p.damage >= 0 {
		text[p.damage] ^= 1
	}
	_, err = stdout.Write(text)
	return err
}

type counter struct {
	io.Reader
	n *atomic.Int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// small makes a tree whose copy has every kind of frame.
func small(t *testing.T, top string) {
	t.Helper()
	check(t, os.MkdirAll(filepath.Join(top, "sub/empty"), 0o755))
	for name, text := range map[string]string{"a": "A", "sub/b": strings.Repeat("b", 3000), "big": strings.Repeat("x", 140000), "none": ""} {
		check(t, os.WriteFile(filepath.Join(top, name), []byte(text), 0o644))
	}
	check(t, os.Symlink("a", filepath.Join(top, "link")))
}

// Wherever a download is cut, it is no success, and nothing of it is seen. Where a byte is another it may be another
// tree, but no other content.
func TestNoCutDownloadIsASuccess(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			source, dest := filepath.Join(folder, "source"), filepath.Join(folder, "dest")
			small(t, source)
			record := &recorder{Runner: r}
			check(t, pull(t.Context(), record, source, dest, Options{Report: reports{}.add}))
			length := record.answer.Len()
			content := bytes.Index(record.answer.Bytes(), []byte("xxxxxxxx"))
			check(t, os.RemoveAll(dest))
			for i := range 600 {
				n := random.IntN(length)
				if i%2 == 0 {
					n = random.IntN(6000) // where the frames are
				}
				if err := pull(t.Context(), player{record, n, -1}, source, dest, Options{Report: reports{}.add}); err == nil {
					t.Fatalf("cut at %d of %d: success", n, length)
				}
				if onlyThese(t, folder, "source"); t.Failed() {
					t.Fatalf("cut at %d", n)
				}
			}
			for range 100 {
				at := content + random.IntN(140000)
				if err := pull(t.Context(), player{record, length, at}, source, dest, Options{Report: reports{}.add}); !errors.Is(err, procfs.ErrDamaged) {
					t.Fatalf("byte %d of the content was another: %v", at, err)
				}
				onlyThese(t, folder, "source")
			}
			check(t, pull(t.Context(), player{record, length, -1}, source, dest, Options{Report: reports{}.add}))
			compare(t, oracle(t, dest, ^fs.FileMode(0)), oracle(t, source, ^fs.FileMode(0)))
		})
	}
}

// Wherever an upload is cut, it is no success, and nothing of it is seen.
func TestNoCutUploadIsASuccess(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			source, dest := filepath.Join(folder, "source"), filepath.Join(folder, "dest")
			small(t, source)
			for _, what := range []string{source, source + "/big"} {
				all := &cutter{Runner: r, up: 1 << 40}
				check(t, push(t.Context(), all, what, dest, Options{}))
				check(t, os.RemoveAll(dest))
				for range 40 {
					n := random.Int64N(all.passed.Load())
					err := push(t.Context(), &cutter{Runner: r, up: n}, what, dest, Options{})
					if err == nil {
						t.Fatalf("%s cut at %d of %d: success", what, n, all.passed.Load())
					}
					if onlyThese(t, folder, "source"); t.Failed() {
						t.Fatalf("%s cut at %d of %d: %v", what, n, all.passed.Load(), err)
					}
				}
			}
		})
	}
}

// An interrupted copy leaves nothing, here or there.
func TestInterruptedCopiesLeaveNothing(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			source := filepath.Join(folder, "source")
			small(t, source)
			check(t, os.WriteFile(filepath.Join(source, "huge"), make([]byte, 64<<20), 0o644))
			for _, copying := range []func(context.Context, Options) error{
				func(ctx context.Context, o Options) error { return pull(ctx, r, source, folder+"/dest", o) },
				func(ctx context.Context, o Options) error { return push(ctx, r, source, folder+"/dest", o) },
				func(ctx context.Context, o Options) error { return push(ctx, r, source+"/huge", folder+"/dest", o) },
				func(ctx context.Context, o Options) error { return pull(ctx, r, source+"/huge", folder+"/dest", o) },
			} {
				ctx, cancel := context.WithCancelCause(t.Context())
				var seen int64
				err := copying(ctx, Options{Report: reports{}.add, Progress: func(n int64) {
					if seen += n; seen > 8<<20 {
						cancel(io.ErrNoProgress)
					}
				}})
				if err == nil {
					t.Error("success")
				}
				onlyThese(t, folder, "source")
			}
		})
	}
}

// What a target says about names leads nowhere else.
func TestNothingIsWrittenOutside(t *testing.T) {
	folder := t.TempDir()
	check(t, os.MkdirAll(filepath.Join(folder, "dest"), 0o755))
	check(t, os.MkdirAll(filepath.Join(folder, "victim"), 0o755))
	check(t, os.Symlink("../victim", filepath.Join(folder, "dest/out")))
	check(t, os.Symlink("in", filepath.Join(folder, "dest/in-link")))
	check(t, os.Mkdir(filepath.Join(folder, "dest/in"), 0o755))
	failed := reports{}
	tree, err := NewTree(filepath.Join(folder, "dest"), Options{Report: failed.add})
	check(t, err)
	defer tree.Close()
	info, err := os.Stat(folder)
	check(t, err)
	check(t, tree.Begin(procfs.Found{Info: info}))
	file := &procfs.Stat{Mode: 0o100644, Nlink: 1}
	for _, name := range []string{"out/x", "in-link/x", "../x", "/x"} {
		if c, err := tree.Create(name, file); c != nil && err == nil {
			if err := c.Commit(); err == nil && len(failed) == 0 {
				t.Errorf("%s: written", name)
			}
		}
	}
	check(t, tree.Entry("out/sub", &procfs.Stat{Mode: 0o040755}))
	check(t, tree.Entry("in-link", &procfs.Stat{Mode: 0o040755}))
	if len(failed) < 4 {
		t.Errorf("reported: %v", failed)
	}
	onlyThese(t, folder, "dest", "victim")
	onlyThese(t, filepath.Join(folder, "victim"))
	onlyThese(t, filepath.Join(folder, "dest/in"))
}

func TestNamesOfWindows(t *testing.T) {
	for name, want := range map[string]bool{
		"a/b": true, "CON": false, "con.txt": false, "console": true, "a:b": false, "a.": false, "a /b": false, "x/NUL/y": false, "COM1": false, "COM0": true,
		"lpt9.x": false, `a\b`: false, "a\x01": false, "..x": true,
	} {
		if possibleOn("windows", name) != want || !possibleOn("linux", name) {
			t.Errorf("%q", name)
		}
	}
}
