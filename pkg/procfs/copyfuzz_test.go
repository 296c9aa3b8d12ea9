// SPDX-License-Identifier: Apache-2.0

//go:build linux

package procfs

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // see content.go
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// recordedMark stands for the mark in a recorded answer.
const recordedMark = "MARKMARKMARKMARKMARKMARKMA"

// A taper records what a command answers.
type taper struct {
	Runner
	answer []byte
}

func (r *taper) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	var script, answer bytes.Buffer
	err := r.Runner.Run(ctx, argv, io.TeeReader(stdin, &script), io.MultiWriter(stdout, &answer), stderr)
	mark, _, _ := strings.Cut(script.String(), "\n")
	r.answer = bytes.ReplaceAll(answer.Bytes(), []byte(mark), []byte(recordedMark))
	return err
}

// played answers with what was recorded, as if asked now.
func played(answer []byte) Runner {
	return runnerFunc(func(_ context.Context, stdin io.Reader, stdout, _ io.Writer) error {
		input := bufio.NewReader(stdin)
		mark, err := input.ReadString('\n')
		if err != nil {
			return err
		}
		go func() { _, _ = io.Copy(io.Discard, input) }()
		_, err = stdout.Write(bytes.ReplaceAll(answer, []byte(recordedMark), []byte(strings.TrimSuffix(mark, "\n"))))
		return err
	})
}

// A ledger is a Sink that holds what is called against what may be called.
type ledger struct {
	t    *testing.T
	open int
}

func (l *ledger) valid(name string) {
	if name != "" && (!fs.ValidPath(strings.ToValidUTF8(name, "x")) || strings.ContainsRune(name, 0) || name == ".") {
		l.t.Fatalf("name %q", name)
	}
}

func (l *ledger) Begin(Found) error { return nil }

func (l *ledger) Entry(name string, s *Stat) error {
	if l.valid(name); s == nil || s.FileMode().IsRegular() {
		l.t.Fatalf("entry %q: %+v", name, s)
	}
	return nil
}

func (l *ledger) Create(name string, s *Stat) (Content, error) {
	if l.valid(name); s == nil {
		l.t.Fatalf("file %q without facts", name)
	}
	l.open++
	return &entry{ledger: l}, nil
}

func (l *ledger) Failed(name string, err error) {
	if l.valid(name); err == nil {
		l.t.Fatalf("%q failed, but why", name)
	}
}

// An entry is a file in a ledger.
type entry struct {
	*ledger
	over bool
}

func (e *entry) Write(p []byte) (int, error) {
	if e.over {
		e.t.Fatal("written to after its end")
	}
	return len(p), nil
}

func (e *entry) Skip(n int64) error {
	if e.over || n <= 0 {
		e.t.Fatalf("a hole of %d", n)
	}
	return nil
}

func (e *entry) Commit() error {
	e.end()
	return nil
}

func (e *entry) Abort() { e.end() }

func (e *entry) end() {
	if e.over {
		e.t.Fatal("ended twice")
	}
	e.over = true
	e.open--
}

// FuzzPull reads any answer to Pull: it may be wrong in every way, but leads to no name that is none, and every file is
// ended once.
func FuzzPull(f *testing.F) {
	folder := f.TempDir()
	for name, text := range map[string]string{"a": "A", "sub/b": "bb", "none": "", "large": strings.Repeat("x", 131072)} {
		file := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			f.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			f.Fatal(err)
		}
	}
	if err := os.Symlink("a", filepath.Join(folder, "link")); err != nil {
		f.Fatal(err)
	}
	for _, c := range []struct {
		path string
		how  Copying
	}{{folder, Copying{}}, {folder + "/sub", Copying{}}, {folder + "/a", Copying{}}, {folder, Copying{Follow: true, Total: func(int64) {}}}} {
		r := &taper{Runner: localRunner{}}
		if _, err := c.how.Pull(f.Context(), r, Where{PID: os.Getpid(), Path: c.path}, &ledger{t: &testing.T{}}); err != nil {
			f.Fatal(err)
		}
		f.Add(r.answer, c.how.Follow)
	}
	f.Fuzz(func(t *testing.T, answer []byte, follow bool) {
		how := Copying{Follow: follow}
		if follow {
			how.Total = func(int64) {}
		}
		l := &ledger{t: t}
		_, err := how.Pull(t.Context(), played(answer), Where{PID: 1, Path: "/x"}, l)
		if l.open != 0 {
			t.Fatalf("%d files are left open: %v", l.open, err)
		}
		_, _ = Copying{Resume: true}.Pull(t.Context(), played(answer), Where{PID: 1, Path: "/x"}, &ledger{t: t})
	})
}

// FuzzPush reads any answer to Push: it is no success without the sum of all that was to be sent.
func FuzzPush(f *testing.F) {
	const payload = "payload"
	file := Source{Name: "x", Write: func(w io.Writer, rest Rest) error {
		_, err := io.WriteString(w, payload[min(rest.From, int64(len(payload))):])
		return err
	}, Open: func(string) (fs.File, error) { return fstest.MapFS{"x": {Data: []byte(payload)}}.Open("x") }}
	tree := file
	tree.Tree, tree.Again = true, func(w io.Writer) error {
		_, err := io.WriteString(w, payload)
		return err
	}
	h := sha1.Sum([]byte(payload)) //nolint:gosec // see content.go
	sum := hex.EncodeToString(h[:])
	r := &taper{Runner: localRunner{}}
	dest := filepath.Join(f.TempDir(), "x")
	if _, err := Push(f.Context(), r, Where{PID: os.Getpid(), Path: dest}, file); err != nil {
		f.Fatal(err)
	}
	again := bytes.Replace(r.answer, []byte(sum), []byte("7\x00"+sum+"\x00,"+sum), 1)
	meta := "./x\x00\x00" + "1:2 81a4 7 0 0 1 0:0 1 d t z 8\n\x00" + sum + "\x00\x00,"
	// The sum of nothing is one too.
	nothing := bytes.Replace(r.answer, []byte(sum), []byte("d41d8cd98f00b204e9800998ecf8427e"), 1)
	for _, answer := range [][]byte{r.answer, nothing, again, bytes.Replace(r.answer, []byte(sum), []byte(meta+sum), 1)} {
		f.Add(answer, false, false)
		f.Add(answer, false, true)
		f.Add(answer, true, false)
		f.Add(answer, true, true)
	}
	f.Fuzz(func(t *testing.T, answer []byte, asTree, resume bool) {
		source := file
		if asTree {
			source = tree
		}
		_, err := Copying{Resume: resume}.Push(t.Context(), played(answer), Where{PID: 1, Path: "/x"}, source)
		if err == nil && !bytes.Contains(answer, []byte(sum)) {
			t.Fatalf("success by %q", answer)
		}
	})
}
