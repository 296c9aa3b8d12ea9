// SPDX-License-Identifier: Apache-2.0

//go:build unix

package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer/localfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/trees"
)

const silence = 20 * time.Second

// A fault is what a line does at a byte.
type fault string

func (f fault) Error() string { return "line: " + string(f) }
func (f fault) Broken() bool  { return true }
func (f fault) Stalled() bool { return f == "stall" }

// A line is what two ends talk over. It breaks after so many bytes, as often as it has to.
type line struct {
	random *rand.Rand
	kind   string // cut, reset, stall or corrupt
	left   int64  // until it breaks
	next   func() int64
	nth    int // 0: by bytes
	calls  int
	broken int
}

// once breaks whatever is the nth to be carried.
func once(n int) *line {
	return &line{kind: "cut", nth: n, left: 1 << 40}
}

// carry says how much of n bytes get through.
func (l *line) carry(ctx context.Context, n int) (int, error) {
	if l.calls++; l.calls == l.nth {
		l.broken++
		return 0, fault(l.kind)
	}
	if l.left -= int64(n); l.left >= 0 {
		return n, nil
	}
	through := max(0, n+int(l.left))
	l.left = l.next()
	l.broken++
	if l.kind == "stall" {
		select {
		case <-time.After(silence):
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
	return through, fault(l.kind)
}

// A far is a Tree behind a line, as one in a pod is.
type far struct {
	transfer.Tree
	*line
}

func (f far) Stat(ctx context.Context, path string, follow bool) (transfer.File, error) {
	if _, err := f.carry(ctx, 100); err != nil {
		return transfer.File{}, err
	}
	return f.Tree.Stat(ctx, path, follow)
}

func (f far) Open(ctx context.Context, path string) (transfer.Reader, error) {
	r, err := f.Tree.Open(ctx, path)
	return farReader{r, f.line}, err
}

func (f far) Stage(ctx context.Context, directory, id string, preserve bool) (transfer.Stage, error) {
	if _, err := f.carry(ctx, 100); err != nil {
		return nil, err
	}
	s, err := f.Tree.Stage(ctx, directory, id, preserve)
	return farStage{farReader{s, f.line}, s}, err
}

type farReader struct {
	transfer.Reader
	*line
}

func (r farReader) List(ctx context.Context) iter.Seq2[transfer.File, error] {
	return func(yield func(transfer.File, error) bool) {
		for f, err := range r.Reader.List(ctx) {
			if _, cut := r.carry(ctx, 100); cut != nil {
				yield(transfer.File{}, cut)
				return
			}
			if !yield(f, err) {
				return
			}
		}
	}
}

func (r farReader) Sum(ctx context.Context, files []transfer.Part) ([]transfer.Sum, error) {
	sums, err := r.Reader.Sum(ctx, files)
	if _, cut := r.carry(ctx, 50*len(files)); cut != nil {
		return nil, cut
	}
	return sums, err
}

// Read cuts what comes, or turns over a byte of it, which the checksum tells at the end.
func (r farReader) Read(ctx context.Context, files []transfer.Part, to transfer.Receiver) error {
	return r.Reader.Read(ctx, files, &lossy{Receiver: to, line: r.line, ctx: ctx})
}

type lossy struct {
	transfer.Receiver
	*line
	ctx     context.Context
	damaged bool
	bad     bool
}

func (l *lossy) Data(i int, offset int64, p []byte) error {
	n, cut := l.carry(l.ctx, len(p))
	if cut != nil && l.kind == "corrupt" {
		p = slices.Clone(p)
		p[min(n, len(p)-1)] ^= 1
		l.damaged, cut, n = true, nil, len(p)
	}
	if n > 0 {
		if err := l.Receiver.Data(i, offset, p[:n]); err != nil {
			return err
		}
	}
	return cut
}

func (l *lossy) Done(i int, size int64, err error) error {
	if _, cut := l.carry(l.ctx, 40); cut != nil && l.kind != "corrupt" {
		return cut
	}
	if err == nil && l.damaged {
		err = fault("damaged")
		l.bad = true
	}
	l.damaged = false
	return l.Receiver.Done(i, size, err)
}

type farStage struct {
	farReader
	near transfer.Stage
}

// Put loses what the line has not carried, and may lose the answer.
func (s farStage) Put(ctx context.Context, parts []transfer.Part, fill func(transfer.Receiver) error) ([]error, error) {
	if _, err := s.carry(ctx, 100*len(parts)); err != nil {
		return nil, err
	}
	l := &lossy{line: s.line, ctx: ctx}
	errs, err := s.near.Put(ctx, parts, func(r transfer.Receiver) error {
		l.Receiver = r
		return fill(l)
	})
	if err == nil && l.bad {
		return nil, fault("damaged")
	}
	if _, cut := s.carry(ctx, 50); cut != nil {
		return nil, cut
	}
	return errs, err
}

func (s farStage) Remove(ctx context.Context, paths []string) error {
	if _, err := s.carry(ctx, 50); err != nil {
		return err
	}
	return s.near.Remove(ctx, paths)
}

func (s farStage) Commit(ctx context.Context, directories []transfer.File, moves []transfer.Move) ([]error, error) {
	if _, err := s.carry(ctx, 50); err != nil {
		return nil, err
	}
	errs, err := s.near.Commit(ctx, directories, moves)
	if _, cut := s.carry(ctx, 50); cut != nil {
		return nil, cut // it has happened, and nobody heard of it
	}
	return errs, err
}

func (s farStage) Close(ctx context.Context, keep bool) error { return s.near.Close(ctx, keep) }

// Over a line that breaks anywhere, a copy is whole, or it failed and said so; never is half of it under its name, and
// nothing else is left.
func TestBrokenLines(t *testing.T) {
	dir := t.TempDir()
	source, one := filepath.Join(dir, "source"), filepath.Join(dir, "one")
	example(t, source)
	check(t, os.WriteFile(one, []byte(strings.Repeat("one file ", 20000)), 0o644))
	tree, file := described(t, source), described(t, one)
	count := map[string]int{}
	for trial := range 600 {
		random := rand.New(rand.NewPCG(5007183032110269612, uint64(trial)))
		kind := []string{"cut", "reset", "stall", "corrupt"}[trial%4]
		how := []string{"once", "every", "never"}[trial/4%3]
		from, want := one, file
		if trial/12%2 == 0 {
			from, want = source, tree
		}
		up := trial/24%2 == 0
		synctest.Test(t, func(t *testing.T) {
			l := &line{random: random, kind: kind, left: random.Int64N(330 << 10), next: func() int64 {
				switch how {
				case "once":
					return 1 << 40
				case "every":
					return 20<<10 + random.Int64N(100<<10)
				default:
					return random.Int64N(1 << 10)
				}
			}}
			src, dst := localfs.Tree(), localfs.Tree()
			if up {
				dst = far{Tree: dst, line: l}
			} else {
				src = far{Tree: src, line: l}
			}
			to := filepath.Join(dir, "to")
			check(t, os.Mkdir(to, 0o755))
			defer func() { check(t, os.RemoveAll(to)) }()
			old := trial/48%2 == 0 && from == one
			if old {
				check(t, os.WriteFile(filepath.Join(to, "x"), []byte("old"), 0o600))
			}
			moved, start := int64(0), time.Now()
			report, err := transfer.Copy(t.Context(), dst, src, transfer.Options{Source: from, Dest: filepath.Join(to, "x"), Progress: func(n int64) { moved += n }})
			took := time.Since(start)
			name := fmt.Sprintf("trial %d: %s %s, up %v, broken %d times", trial, kind, how, up, l.broken)
			if took > transfer.Bound(silence, transfer.DefaultPauses()) {
				t.Errorf("%s: took %s", name, took)
			}
			trees.Only(t, to, "x")
			left, _ := os.Lstat(filepath.Join(to, "x"))
			switch {
			case err == nil && report.Failed == 0:
				count[how+" whole"]++
				compare(t, name, want, described(t, filepath.Join(to, "x")))
				if from == source {
					trees.Same(t, trees.Harvest(t, filepath.Join(to, "x")), trees.Harvest(t, source))
				} else if data, err := os.ReadFile(filepath.Join(to, "x")); err != nil || string(data) != strings.Repeat("one file ", 20000) {
					t.Errorf("%s: other contents, %v", name, err)
				}
				if expected := transfer.TotalOf(want); moved != expected {
					t.Errorf("%s: progress %d of %d", name, moved, expected)
				}
			case !transfer.IsBroken(err):
				t.Errorf("%s: %+v, %v", name, report, err)
			case how == "once":
				t.Errorf("%s: %v", name, err)
			case left != nil && !old && from == one && left.Size() != 180000, old && left.Size() != 3 && left.Size() != 180000:
				t.Errorf("%s: %d bytes are under its name", name, left.Size())
			default:
				count[how+" failed"]++
			}
		})
		if t.Failed() {
			t.Fatal("trial", trial)
		}
	}
	t.Log(count)
	if count["once whole"] != 200 || count["every whole"] == 0 || count["never failed"] == 0 {
		t.Error("not what such lines come to")
	}
}

// Whichever question or answer is lost, one copy after the other is whole, and goes where it should: a lost answer of Commit
// must not nest the next attempt's copy in what the first one moved.
func TestEachAnswerLost(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	trees.Plant(t, dir, map[string]string{"source/a": "A", "source/sub/b": "B", "source/sub/in/c": "C", "source/l": "-> a", "source/big": strings.Repeat("x", 200<<10)})
	want := trees.Harvest(t, "source")
	for _, there := range []bool{false, true} {
		for _, up := range []bool{false, true} {
			for n := 1; ; n++ {
				src, dst := localfs.Tree(), localfs.Tree()
				l := once(n)
				if up {
					dst = far{Tree: dst, line: l}
				} else {
					src = far{Tree: src, line: l}
				}
				check(t, os.Mkdir("to", 0o755))
				o := transfer.Options{Source: "source", Dest: "to/dest", Pauses: []time.Duration{0}}
				if there {
					trees.Plant(t, "to", map[string]string{"dest/sub/in/": "", "dest/a": "old"})
					o.Source = "source/."
				}
				report, err := transfer.Copy(t.Context(), dst, src, o)
				if err != nil || report.Failed > 0 {
					t.Fatalf("there %v, up %v, %d: %+v, %v", there, up, n, report, err)
				}
				trees.Same(t, trees.Harvest(t, "to/dest"), want)
				if trees.Only(t, "to", "dest"); t.Failed() {
					t.Fatalf("there %v, up %v, %d", there, up, n)
				}
				check(t, os.RemoveAll("to"))
				if l.broken == 0 {
					break
				}
			}
		}
	}
}

func compare(t *testing.T, name string, want, got map[string]transfer.File) {
	t.Helper()
	for path, f := range want {
		if now := got[path]; now.Mode != f.Mode || f.Mode.IsRegular() && (now.Size != f.Size || !now.Mtime.Equal(f.Mtime)) {
			t.Errorf("%s: %s: %+v became %+v", name, path, f, now)
		}
	}
}

// A line that is always silent ends a copy after two silences and the pause between them, and the bound holds.
func TestDeadLine(t *testing.T) {
	dir := t.TempDir()
	trees.Plant(t, dir, map[string]string{"a": "A"})
	synctest.Test(t, func(t *testing.T) {
		l := &line{kind: "stall", next: func() int64 { return 0 }}
		start, heard := time.Now(), 0
		_, err := transfer.Copy(t.Context(), localfs.Tree(), far{Tree: localfs.Tree(), line: l}, transfer.Options{
			Source: filepath.Join(dir, "a"), Dest: filepath.Join(dir, "b"), Retry: func(error, time.Duration) { heard++ },
		})
		if took := time.Since(start); !transfer.IsStalled(err) || took != 2*silence+2*time.Second || heard != 1 {
			t.Errorf("%v after %s, %d times again", err, took, heard)
		}
	})
	if b := transfer.Bound(silence, transfer.DefaultPauses()); b != 97*time.Second {
		t.Error(b)
	}
}

// What a target refuses is not asked for again.
func TestRefusalIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := transfer.Copy(t.Context(), localfs.Tree(), localfs.Tree(), transfer.Options{Source: filepath.Join(t.TempDir(), "none"), Dest: "x"})
		if !errors.Is(err, os.ErrNotExist) || time.Since(start) != 0 {
			t.Error(err, time.Since(start))
		}
	})
}

// Ctrl-C leaves nothing, and with Resume what the next copy goes on with.
func TestCanceledThenResumed(t *testing.T) {
	for _, resume := range []bool{false, true} {
		dir := t.TempDir()
		source, dest := filepath.Join(dir, "source"), filepath.Join(dir, "to/dest")
		example(t, source)
		check(t, os.Mkdir(filepath.Join(dir, "to"), 0o755))
		ctx, cancel := context.WithCancelCause(t.Context())
		stop, came := errors.New("stop"), int64(0)
		o := transfer.Options{Source: source, Dest: dest, Resume: resume, Progress: func(n int64) {
			if came += n; came > 170<<10 {
				cancel(stop)
			}
		}}
		if _, err := transfer.Copy(ctx, localfs.Tree(), localfs.Tree(), o); !errors.Is(err, stop) {
			t.Fatal(err)
		}
		if !resume {
			trees.Only(t, filepath.Join(dir, "to"))
			continue
		}
		if entries, err := os.ReadDir(filepath.Join(dir, "to")); err != nil || len(entries) != 1 || !strings.HasSuffix(entries[0].Name(), ".partial") {
			t.Fatal(entries, err)
		}
		// What is not there any more must not come back, and what is another file must come whole.
		check(t, os.Remove(filepath.Join(source, "sub/deep/er/c")))
		check(t, os.WriteFile(filepath.Join(source, "a"), []byte("other"), 0o644))
		read := &counting{Tree: localfs.Tree()}
		o.Progress = nil
		heard := reports{}
		o.Report = heard.add
		report, err := transfer.Copy(t.Context(), localfs.Tree(), read, o)
		if err != nil || report.Failed != 0 {
			t.Fatal(report, err)
		}
		if read.bytes == 0 || read.bytes > 150<<10 {
			t.Errorf("read %d bytes again", read.bytes)
		}
		trees.Same(t, trees.Harvest(t, dest), trees.Harvest(t, source))
		trees.Only(t, filepath.Join(dir, "to"), "dest")
	}
}

// counting counts the bytes that a tree is read for.
type counting struct {
	transfer.Tree
	bytes int64
}

func (c *counting) Open(ctx context.Context, path string) (transfer.Reader, error) {
	r, err := c.Tree.Open(ctx, path)
	return countingReader{r, c}, err
}

type countingReader struct {
	transfer.Reader
	*counting
}

func (r countingReader) Open(context.Context, string) (transfer.Reader, error) { return nil, io.EOF }

func (r countingReader) Read(ctx context.Context, files []transfer.Part, to transfer.Receiver) error {
	return r.Reader.Read(ctx, files, countingReceiver{to, r.counting})
}

type countingReceiver struct {
	transfer.Receiver
	*counting
}

func (r countingReceiver) Data(i int, offset int64, p []byte) error {
	r.bytes += int64(len(p))
	return r.Receiver.Data(i, offset, p)
}

// With Resume, copies that all break come to a whole one together, each going on where the last one was.
func TestResumeGetsThere(t *testing.T) {
	dir := t.TempDir()
	source, one := filepath.Join(dir, "source"), filepath.Join(dir, "one")
	example(t, source)
	check(t, os.WriteFile(one, []byte(strings.Repeat("one file ", 40000)), 0o644))
	for trial := range 16 {
		from, up, kind := []string{source, one}[trial%2], trial/2%2 == 0, []string{"cut", "stall"}[trial/4%2]
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(11, uint64(trial)))
			to := filepath.Join(dir, "to")
			check(t, os.Mkdir(to, 0o755))
			defer func() { check(t, os.RemoveAll(to)) }()
			sent, most := int64(0), transfer.TotalOf(described(t, from))
			for run := 1; ; run++ {
				l := &line{random: random, kind: kind, next: func() int64 { return 40<<10 + random.Int64N(80<<10) }}
				l.left = l.next()
				src, dst := transfer.Tree(&counting{Tree: localfs.Tree()}), localfs.Tree()
				counted := src.(*counting)
				if up {
					dst = far{Tree: dst, line: l}
				} else {
					src = far{Tree: src, line: l}
				}
				report, err := transfer.Copy(t.Context(), dst, src, transfer.Options{Source: from, Dest: filepath.Join(to, "x"), Resume: true, Pauses: []time.Duration{}})
				sent += counted.bytes
				if err == nil {
					if report.Failed != 0 {
						t.Fatal(report)
					}
					break
				}
				if !transfer.IsBroken(err) || run == 100 {
					t.Fatal(trial, run, err)
				}
				if _, err := os.Lstat(filepath.Join(to, "x")); err == nil {
					t.Fatal("there before it is whole")
				}
			}
			trees.Only(t, to, "x")
			compare(t, fmt.Sprint("trial ", trial), described(t, from), described(t, filepath.Join(to, "x")))
			if from == source {
				trees.Same(t, trees.Harvest(t, filepath.Join(to, "x")), trees.Harvest(t, source))
			} else if data, err := os.ReadFile(filepath.Join(to, "x")); err != nil || string(data) != strings.Repeat("one file ", 40000) {
				t.Error("other contents", err)
			}
			if kind == "cut" && sent > 4*most {
				t.Errorf("trial %d: read %d bytes for %d", trial, sent, most)
			}
		})
		if t.Failed() {
			t.Fatal("trial", trial, from, up, kind)
		}
	}
}
