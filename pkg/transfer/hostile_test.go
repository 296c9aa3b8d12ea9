// SPDX-License-Identifier: Apache-2.0

//go:build unix

package transfer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer/localfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/trees"
)

// Whatever a listing says, nothing is written outside the destination, and what no tree can have is named.
func TestHostileListing(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	trees.Plant(t, dir, map[string]string{"victim/file": "safe", "dest/out": "-> ../victim"})
	link := func(path, target string) transfer.File {
		return transfer.File{Path: path, Mode: fs.ModeSymlink | 0o777, Target: target}
	}
	src := made{files: []transfer.File{
		{Path: "good", Size: 4},
		{Path: "..", Size: 4},
		{Path: "../escape", Size: 4},
		{Path: "a/../../escape", Size: 4},
		{Path: "/absolute", Size: 4},
		{Path: "", Size: 4},
		{Path: "nul\x00", Size: 4},
		{Path: "double//slash", Size: 4},
		{Path: "dot/./x", Size: 4},
		{Path: "slash/", Size: 4},
		{Path: "no/parent", Size: 4},
		link("l", "../victim"),
		{Path: "l/file", Size: 4},
		link("up", ".."),
		{Path: "up/escape", Size: 4},
		link("twice", "../victim"),
		{Path: "twice", Mode: fs.ModeDir | 0o755},
		{Path: "twice/file", Size: 4},
		{Path: "good", Size: 5},
		{Path: "out", Mode: fs.ModeDir | 0o755},
		{Path: "out/file", Size: 4},
		{Path: "short", Size: 2},
	}}
	heard := reports{}
	report, err := transfer.Copy(t.Context(), localfs.Tree(), src, transfer.Options{Source: "/x/.", Dest: "dest", Report: heard.add})
	check(t, err)
	trees.Same(t, trees.Harvest(t, "dest"), map[string]string{
		"good": "abc\x00", "l": "-> ../victim", "up": "-> ..", "twice": "-> ../victim", "out": "-> ../victim", "short": "\x00\x00",
	})
	trees.Same(t, trees.Harvest(t, "victim"), map[string]string{"file": "safe"})
	trees.Only(t, dir, "victim", "dest")
	if report.Failed != 16 || !errors.Is(heard["out"], transfer.ErrInTheWay) || !errors.Is(heard["twice/file"], transfer.ErrName) {
		t.Errorf("%d: %v", report.Failed, heard)
	}
}

// A listing whose beginning is missing, comes twice or is another file is none.
func TestHostileBeginning(t *testing.T) {
	dir := t.TempDir()
	for i, list := range [][]transfer.File{
		{},
		{{Path: "a"}},
		{{Path: ".", Mode: fs.ModeSymlink, Target: "/"}, {Path: "a"}},
		{{Path: ".", Mode: fs.ModeDir}, {Path: ".", Mode: fs.ModeSymlink, Target: "/"}},
		{{Path: "."}},
		{{Path: ".", Mode: fs.ModeDir, Err: fs.ErrPermission}},
	} {
		_, err := transfer.Copy(t.Context(), localfs.Tree(), bare{files: list}, transfer.Options{Source: "/x", Dest: dir})
		if err == nil {
			t.Error(i, "was taken for a tree")
		}
		trees.Only(t, dir)
	}
}

type bare made

func (b bare) Stat(_ context.Context, path string, _ bool) (transfer.File, error) {
	return transfer.File{Path: path, Mode: fs.ModeDir | 0o755}, nil
}
func (b bare) Open(context.Context, string) (transfer.Reader, error) { return b, nil }
func (b bare) Stage(context.Context, string, string, bool) (transfer.Stage, error) {
	return nil, fs.ErrInvalid
}

func (b bare) Sum(context.Context, []transfer.Part) ([]transfer.Sum, error) {
	return nil, fs.ErrInvalid
}
func (b bare) Read(context.Context, []transfer.Part, transfer.Receiver) error { return nil }
func (b bare) List(context.Context) iter.Seq2[transfer.File, error] {
	return func(yield func(transfer.File, error) bool) {
		for _, f := range b.files {
			if !yield(f, nil) {
				return
			}
		}
	}
}

// A Reader that sends more than it announced, or other parts, is not believed.
func TestHostileContents(t *testing.T) {
	for name, read := range map[string]func(transfer.Receiver) error{
		"too long": func(r transfer.Receiver) error {
			return errors.Join(r.Data(0, 0, []byte("too long")), r.Done(0, 4, nil))
		},
		"before":  func(r transfer.Receiver) error { return errors.Join(r.Data(0, -1, []byte("x")), r.Done(0, 4, nil)) },
		"shorter": func(r transfer.Receiver) error { return errors.Join(r.Data(0, 0, []byte("x")), r.Done(0, 1, nil)) },
		"again":   func(r transfer.Receiver) error { return errors.Join(r.Done(0, 4, nil), r.Done(0, 4, nil)) },
		"late":    func(r transfer.Receiver) error { return errors.Join(r.Done(0, 4, nil), r.Data(0, 0, []byte("x"))) },
		"other":   func(r transfer.Receiver) error { return r.Data(7, 0, []byte("x")) },
		"nothing": func(transfer.Receiver) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			src := lying{made{files: []transfer.File{{Path: "f", Size: 4}}}, read}
			report, err := transfer.Copy(t.Context(), localfs.Tree(), src, transfer.Options{Source: "/x", Dest: dir})
			if err == nil && report.Failed == 0 {
				t.Error("believed")
			}
			if _, err := os.Lstat(filepath.Join(dir, "x/f")); !errors.Is(err, fs.ErrNotExist) {
				t.Error("the file is there:", err)
			}
			trees.Only(t, dir, "x")
		})
	}
}

type lying struct {
	made
	read func(transfer.Receiver) error
}

func (l lying) Open(context.Context, string) (transfer.Reader, error) { return l, nil }
func (l lying) Read(_ context.Context, _ []transfer.Part, r transfer.Receiver) error {
	return l.read(r)
}

// A file that changes while it is copied is named, is not there, and replaces nothing.
func TestChangedFileReplacesNothing(t *testing.T) {
	for _, size := range []int{1000, 1 << 20} {
		dir := t.TempDir()
		t.Chdir(dir)
		trees.Plant(t, dir, map[string]string{"source/grows": strings.Repeat("x", size), "source/a": "A", "dest/grows": "old"})
		change := func() {
			f, err := os.OpenFile("source/grows", os.O_RDWR, 0)
			check(t, err)
			_, err = f.WriteString("other")
			check(t, errors.Join(err, f.Close()))
		}
		heard, once := reports{}, true
		report, err := transfer.Copy(t.Context(), localfs.Tree(), localfs.Tree(), transfer.Options{Source: "source/.", Dest: "dest", Report: heard.add, Progress: func(n int64) {
			if once && n >= 1000 {
				change()
				once = false
			}
		}})
		if err != nil || report.Failed != 1 || !errors.Is(heard["grows"], transfer.ErrChanged) {
			t.Error(report, err, heard)
		}
		trees.Same(t, trees.Harvest(t, "dest"), map[string]string{"grows": "old", "a": "A"})
		if _, err := transfer.Copy(t.Context(), localfs.Tree(), localfs.Tree(), transfer.Options{Source: "source/grows", Dest: "dest", Progress: func(int64) { change() }}); !errors.Is(err, transfer.ErrChanged) {
			t.Error(err)
		}
		trees.Same(t, trees.Harvest(t, "dest"), map[string]string{"grows": "old", "a": "A"})
	}
}

// Standard streams: what comes is copied whole, and what went out is not sent twice.
func TestStandardStreams(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	text := strings.Repeat("text ", 100<<10)
	_, err := transfer.Copy(t.Context(), localfs.Tree(), transfer.Input(iotest.HalfReader(strings.NewReader(text)), nil), transfer.Options{Source: "-", Dest: "made"})
	check(t, err)
	if data, err := os.ReadFile("made"); err != nil || string(data) != text {
		t.Error(len(data), err)
	}
	_, err = transfer.Copy(t.Context(), localfs.Tree(), transfer.Input(iotest.TimeoutReader(strings.NewReader(text)), nil), transfer.Options{Source: "-", Dest: "not made"})
	if !errors.Is(err, iotest.ErrTimeout) {
		t.Error(err)
	}
	if _, err = transfer.Copy(t.Context(), localfs.Tree(), transfer.Input(strings.NewReader(text), nil), transfer.Options{Source: "-", Dest: "."}); !errors.Is(err, transfer.ErrIsDirectory) {
		t.Error(err)
	}
	trees.Only(t, dir, "made")
	var out bytes.Buffer
	l := &line{kind: "cut", left: 200 << 10, next: func() int64 { return 150 << 10 }}
	_, err = transfer.Copy(t.Context(), transfer.Output(&out, nil), far{Tree: localfs.Tree(), line: l}, transfer.Options{Source: "made", Dest: "-", Pauses: make([]time.Duration, 5)})
	if err != nil || out.String() != text || l.broken != 3 {
		t.Errorf("%d bytes after %d breaks, %v", out.Len(), l.broken, err)
	}
	l = &line{kind: "cut", left: 200 << 10, next: func() int64 { return 1 << 40 }}
	_, err = transfer.Copy(t.Context(), far{Tree: localfs.Tree(), line: l}, transfer.Input(strings.NewReader(text), nil), transfer.Options{Source: "-", Dest: "lost"})
	if !transfer.IsBroken(err) {
		t.Error(err)
	}
	if _, err = transfer.Copy(t.Context(), transfer.Output(io.Discard, nil), localfs.Tree(), transfer.Options{Source: ".", Dest: "-"}); err == nil {
		t.Error("wrote a directory to stdout")
	}
	trees.Only(t, dir, "made")
	hole, err := os.Create("hole")
	check(t, err)
	check(t, errors.Join(hole.Truncate(1<<20), hole.Close()))
	out.Reset()
	_, err = transfer.Copy(t.Context(), transfer.Output(&out, nil), localfs.Tree(), transfer.Options{Source: "hole", Dest: "-"})
	if err != nil || !bytes.Equal(out.Bytes(), make([]byte, 1<<20)) {
		t.Error(out.Len(), err)
	}
}

// Who waits for stdin can be stopped.
func TestStdinIsLeftWhenCanceled(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	dir := t.TempDir()
	_, err := transfer.Copy(ctx, localfs.Tree(), transfer.Input(r, nil), transfer.Options{Source: "-", Dest: filepath.Join(dir, "x"), Total: func(int64) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	trees.Only(t, dir)
}

// What is known of 100,000 files takes 40 MiB at most.
func TestManyFilesFitInMemory(t *testing.T) {
	const count = 100_000
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before, most := heap(), int64(0)
	src := many(count)
	report, err := transfer.Copy(t.Context(), nowhere{}, src, transfer.Options{Source: "/many", Dest: "/to", Total: func(int64) { most = max(most, heap()) }, Progress: func(n int64) {}})
	if err != nil || report.Copied != count+101 {
		t.Fatal(report, err)
	}
	if used := max(most, heap()) - before; used > 40<<20 {
		t.Errorf("%d files take %d MiB", count, used>>20)
	}
}

type many int

func (m many) Stat(ctx context.Context, path string, _ bool) (transfer.File, error) {
	return made{}.Stat(ctx, path, false)
}
func (m many) Open(context.Context, string) (transfer.Reader, error) { return m, nil }
func (m many) Stage(context.Context, string, string, bool) (transfer.Stage, error) {
	return nil, fs.ErrInvalid
}

func (m many) Sum(context.Context, []transfer.Part) ([]transfer.Sum, error) {
	return nil, fs.ErrInvalid
}

func (m many) Read(ctx context.Context, parts []transfer.Part, r transfer.Receiver) error {
	return made{}.Read(ctx, parts, r)
}

func (m many) List(context.Context) iter.Seq2[transfer.File, error] {
	return func(yield func(transfer.File, error) bool) {
		yield(transfer.File{Path: ".", Mode: fs.ModeDir | 0o755, State: "."}, nil)
		for i := range 100 {
			yield(transfer.File{Path: fmt.Sprintf("directory-%03d", i), Mode: fs.ModeDir | 0o755, State: fmt.Sprintf("a state of %d bytes or so, as it is", i)}, nil)
		}
		for i := range int(m) {
			yield(transfer.File{Path: fmt.Sprintf("directory-%03d/file-of-a-usual-length-%d", i%100, i), Mode: 0o644, Size: 3, Blocks: 8, State: fmt.Sprintf("%040d:%016d", i, i)}, nil)
		}
	}
}

// nowhere takes everything.
type nowhere struct{}

func (nowhere) Stat(ctx context.Context, path string, _ bool) (transfer.File, error) {
	return archiveAt("/to").Stat(ctx, path, false)
}

func archiveAt(path string) transfer.Tree                             { return transfer.NewArchive(io.Discard, false, path) }
func (nowhere) Open(context.Context, string) (transfer.Reader, error) { return nil, fs.ErrNotExist }
func (nowhere) Stage(context.Context, string, string, bool) (transfer.Stage, error) {
	return nowhereStage{}, nil
}

type nowhereStage struct{ transfer.Stage }

func (nowhereStage) Put(_ context.Context, _ []transfer.Part, fill func(transfer.Receiver) error) ([]error, error) {
	return nil, fill(nowhereStage{})
}
func (nowhereStage) Data(int, int64, []byte) error     { return nil }
func (nowhereStage) Done(int, int64, error) error      { return nil }
func (nowhereStage) Close(context.Context, bool) error { return nil }
func (nowhereStage) Commit(context.Context, []transfer.File, []transfer.Move) ([]error, error) {
	return nil, nil
}

// An end that knows of a batch only that something in it has changed does not cost the other files.
func TestOneChangedFileOfABatch(t *testing.T) {
	dir := t.TempDir()
	src := batching{made{fails: map[string]error{"f7": transfer.ErrChanged, "f30": transfer.ErrChanged}}}
	for i := range 50 {
		src.files = append(src.files, transfer.File{Path: fmt.Sprint("f", i), Size: 4})
	}
	heard := reports{}
	report, err := transfer.Copy(t.Context(), localfs.Tree(), src, transfer.Options{Source: "/x", Dest: filepath.Join(dir, "x"), Report: heard.add})
	if err != nil || report.Failed != 2 || report.Copied != 49 || heard["f7"] == nil || heard["f30"] == nil {
		t.Error(report, err, heard)
	}
	if tree := trees.Harvest(t, filepath.Join(dir, "x")); len(tree) != 48 {
		t.Error(len(tree), "files")
	}
}

type batching struct{ made }

func (b batching) Open(context.Context, string) (transfer.Reader, error) { return b, nil }
func (b batching) Read(ctx context.Context, parts []transfer.Part, r transfer.Receiver) error {
	fails := map[string]error{}
	for _, part := range parts {
		if b.fails[part.Path] != nil {
			for _, all := range parts {
				fails[all.Path] = b.fails[part.Path]
			}
		}
	}
	return made{fails: fails}.Read(ctx, parts, r)
}

// A file whose size nobody knows, as the kernel's are, is copied and archived, also over a line that breaks.
func TestUnknownSize(t *testing.T) {
	dir := t.TempDir()
	src := endless{made{files: []transfer.File{{Path: "f", Size: -1, Blocks: -1}, {Path: "g", Size: 4}}}}
	l := &line{kind: "cut", left: 810, next: func() int64 { return 1 << 40 }}
	report, err := transfer.Copy(t.Context(), localfs.Tree(), far{Tree: src, line: l}, transfer.Options{Source: "/x", Dest: filepath.Join(dir, "x"), Pauses: []time.Duration{0}})
	if err != nil || report.Copied != 3 || l.broken != 1 {
		t.Error(report, err, l.broken)
	}
	trees.Same(t, trees.Harvest(t, filepath.Join(dir, "x")), map[string]string{"f": strings.Repeat("line\n", 100), "g": "abc\x00"})
	var out bytes.Buffer
	_, err = transfer.Copy(t.Context(), transfer.NewArchive(&out, false, "/x"), src, transfer.Options{Source: "/x", Dest: "/x"})
	check(t, err)
	if entries, err := readArchive(&out); err != nil || len(entries) != 3 || entries[1].Size != 500 {
		t.Error(entries, err)
	}
}

type endless struct{ made }

func (e endless) Open(context.Context, string) (transfer.Reader, error) { return e, nil }
func (e endless) Read(ctx context.Context, parts []transfer.Part, r transfer.Receiver) error {
	if parts[0].Size >= 0 {
		return e.made.Read(ctx, parts, r)
	}
	for i := range int64(100) {
		if err := r.Data(0, i*5, []byte("line\n")); err != nil {
			return err
		}
	}
	return r.Done(0, 500, nil)
}
