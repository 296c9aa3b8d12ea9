// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// A countedTree is a connection to this machine's files that counts what came, and may break.
type countedTree struct {
	Tree
	bytes  atomic.Int64
	before func(part Part) error
}

func (l *countedTree) Open(ctx context.Context, path string) (Reader, error) {
	r, err := l.Tree.Open(ctx, path)
	return &countedReader{r, l}, err
}

type countedReader struct {
	Reader
	tree *countedTree
}

func (r *countedReader) Read(ctx context.Context, parts []Part, to Receiver) error {
	if r.tree.before != nil {
		if err := r.tree.before(parts[0]); err != nil {
			return err
		}
	}
	return r.Reader.Read(ctx, parts, &tally{to, &r.tree.bytes})
}

type tally struct {
	Receiver
	bytes *atomic.Int64
}

func (c *tally) Data(i int, offset int64, p []byte) error {
	c.bytes.Add(int64(len(p)))
	return c.Receiver.Data(i, offset, p)
}

type brokenLine struct{}

func (brokenLine) Error() string { return "cut" }
func (brokenLine) Broken() bool  { return true }

// contents are the same contents each time.
func contents(n int) []byte {
	data := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(data)
	return data
}

func TestLargeFileComesOverSeveralStreams(t *testing.T) {
	for _, size := range []int{3 * streamPart, 4*streamPart + 7, 6*streamPart - 1} {
		from, to, data := t.TempDir(), t.TempDir(), contents(size)
		check(t, os.WriteFile(filepath.Join(from, "big"), data, 0o644))
		check(t, os.WriteFile(filepath.Join(from, "small"), data[:streamPart], 0o644))
		lines := []*countedTree{{Tree: Local()}, {Tree: Local()}, {Tree: Local()}}
		// One connection breaks once, and all of them go on.
		broken := false
		lines[1].before = func(Part) error {
			if broken {
				return nil
			}
			broken = true
			return brokenLine{}
		}
		_, err := Copy(t.Context(), Local(), Streams(lines[0], []Tree{lines[1], lines[2]}), Options{Source: from + "/.", Dest: to, Pauses: []time.Duration{0, 0}})
		check(t, err)
		for name, want := range map[string][]byte{"big": data, "small": data[:streamPart]} {
			if got, err := os.ReadFile(filepath.Join(to, name)); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s of %d bytes differs: %v", name, len(want), err)
			}
		}
		if !broken || lines[1].bytes.Load() == 0 || size > 3*streamPart && lines[2].bytes.Load() == 0 {
			t.Errorf("%d bytes: came %d, %d and %d", size, lines[0].bytes.Load(), lines[1].bytes.Load(), lines[2].bytes.Load())
		}
	}
}

func TestFileThatChangesUnderSeveralStreamsIsLeftOut(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	big := filepath.Join(from, "big")
	check(t, os.WriteFile(big, contents(4*streamPart), 0o644))
	second := &countedTree{Tree: Local(), before: func(p Part) error {
		if p.From < 3*streamPart {
			return nil
		}
		return os.WriteFile(big, contents(4 * streamPart)[1:], 0o644)
	}}
	_, err := Copy(t.Context(), Local(), Streams(Local(), []Tree{second}), Options{Source: big, Dest: to + "/big"})
	if !errors.Is(err, ErrChanged) {
		t.Errorf("ended with %v", err)
	}
	same(t, harvest(t, to), map[string]string{})
}

func TestLargeFileWithHolesComesOverOneStream(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	big := filepath.Join(from, "big")
	check(t, os.WriteFile(big, []byte("beginning"), 0o644))
	check(t, os.Truncate(big, 4*streamPart))
	second := &countedTree{Tree: Local()}
	_, err := Copy(t.Context(), Local(), Streams(Local(), []Tree{second}), Options{Source: big, Dest: to + "/big"})
	check(t, err)
	if info, err := os.Stat(to + "/big"); err != nil || info.Size() != 4*streamPart || second.bytes.Load() != 0 {
		t.Errorf("%v, %v, %d bytes over the second", info, err, second.bytes.Load())
	}
}

// A shortReader says that all came of what it left the end out.
type shortReader struct{ Reader }

func (r shortReader) Read(ctx context.Context, parts []Part, to Receiver) error {
	if parts[0].To > 0 {
		parts[0].To--
	}
	return r.Reader.Read(ctx, parts, to)
}

type shortTree struct{ Tree }

func (t shortTree) Open(ctx context.Context, path string) (Reader, error) {
	r, err := t.Tree.Open(ctx, path)
	return shortReader{r}, err
}

func TestPieceThatIsShortIsNoPartOfAFile(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	check(t, os.WriteFile(filepath.Join(from, "big"), contents(3*streamPart), 0o644))
	_, err := Copy(t.Context(), Local(), Streams(Local(), []Tree{shortTree{Local()}}), Options{Source: from + "/big", Dest: to + "/big"})
	if !errors.Is(err, ErrDamaged) {
		t.Errorf("ended with %v", err)
	}
	same(t, harvest(t, to), map[string]string{})
}
