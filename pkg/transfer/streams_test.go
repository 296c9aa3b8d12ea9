// SPDX-License-Identifier: Apache-2.0

package transfer_test

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

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer/localfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/trees"
)

// A countedTree is a connection to this machine's files that counts what came, and may break.
type countedTree struct {
	transfer.Tree
	bytes  atomic.Int64
	before func(part transfer.Part) error
}

func (l *countedTree) Open(ctx context.Context, path string) (transfer.Reader, error) {
	r, err := l.Tree.Open(ctx, path)
	return &countedReader{r, l}, err
}

type countedReader struct {
	transfer.Reader
	tree *countedTree
}

func (r *countedReader) Read(ctx context.Context, parts []transfer.Part, to transfer.Receiver) error {
	if r.tree.before != nil {
		if err := r.tree.before(parts[0]); err != nil {
			return err
		}
	}
	return r.Reader.Read(ctx, parts, &tally{to, &r.tree.bytes})
}

type tally struct {
	transfer.Receiver
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
	for _, size := range []int{3 * transfer.StreamPiece, 4*transfer.StreamPiece + 7, 6*transfer.StreamPiece - 1} {
		from, to, data := t.TempDir(), t.TempDir(), contents(size)
		check(t, os.WriteFile(filepath.Join(from, "big"), data, 0o644))
		check(t, os.WriteFile(filepath.Join(from, "small"), data[:transfer.StreamPiece], 0o644))
		lines := []*countedTree{{Tree: localfs.Tree()}, {Tree: localfs.Tree()}, {Tree: localfs.Tree()}}
		// One connection breaks once, and all of them go on.
		broken := false
		lines[1].before = func(transfer.Part) error {
			if broken {
				return nil
			}
			broken = true
			return brokenLine{}
		}
		_, err := transfer.Copy(t.Context(), localfs.Tree(), transfer.Streams(lines[0], []transfer.Tree{lines[1], lines[2]}), transfer.Options{Source: from + "/.", Dest: to, Pauses: []time.Duration{0, 0}})
		check(t, err)
		for name, want := range map[string][]byte{"big": data, "small": data[:transfer.StreamPiece]} {
			if got, err := os.ReadFile(filepath.Join(to, name)); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s of %d bytes differs: %v", name, len(want), err)
			}
		}
		if !broken || lines[1].bytes.Load() == 0 || size > 3*transfer.StreamPiece && lines[2].bytes.Load() == 0 {
			t.Errorf("%d bytes: came %d, %d and %d", size, lines[0].bytes.Load(), lines[1].bytes.Load(), lines[2].bytes.Load())
		}
	}
}

func TestFileThatChangesUnderSeveralStreamsIsLeftOut(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	big := filepath.Join(from, "big")
	check(t, os.WriteFile(big, contents(4*transfer.StreamPiece), 0o644))
	second := &countedTree{Tree: localfs.Tree(), before: func(p transfer.Part) error {
		if p.From < 3*transfer.StreamPiece {
			return nil
		}
		return os.WriteFile(big, contents(4 * transfer.StreamPiece)[1:], 0o644)
	}}
	_, err := transfer.Copy(t.Context(), localfs.Tree(), transfer.Streams(localfs.Tree(), []transfer.Tree{second}), transfer.Options{Source: big, Dest: to + "/big"})
	if !errors.Is(err, transfer.ErrChanged) {
		t.Errorf("ended with %v", err)
	}
	trees.Same(t, trees.Harvest(t, to), map[string]string{})
}

func TestLargeFileWithHolesComesOverOneStream(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	big := filepath.Join(from, "big")
	check(t, os.WriteFile(big, []byte("beginning"), 0o644))
	check(t, os.Truncate(big, 4*transfer.StreamPiece))
	second := &countedTree{Tree: localfs.Tree()}
	_, err := transfer.Copy(t.Context(), localfs.Tree(), transfer.Streams(localfs.Tree(), []transfer.Tree{second}), transfer.Options{Source: big, Dest: to + "/big"})
	check(t, err)
	if info, err := os.Stat(to + "/big"); err != nil || info.Size() != 4*transfer.StreamPiece || second.bytes.Load() != 0 {
		t.Errorf("%v, %v, %d bytes over the second", info, err, second.bytes.Load())
	}
}

// A shortReader says that all came of what it left the end out.
type shortReader struct{ transfer.Reader }

func (r shortReader) Read(ctx context.Context, parts []transfer.Part, to transfer.Receiver) error {
	if parts[0].To > 0 {
		parts[0].To--
	}
	return r.Reader.Read(ctx, parts, to)
}

type shortTree struct{ transfer.Tree }

func (t shortTree) Open(ctx context.Context, path string) (transfer.Reader, error) {
	r, err := t.Tree.Open(ctx, path)
	return shortReader{r}, err
}

func TestPieceThatIsShortIsNoPartOfAFile(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	check(t, os.WriteFile(filepath.Join(from, "big"), contents(3*transfer.StreamPiece), 0o644))
	_, err := transfer.Copy(t.Context(), localfs.Tree(), transfer.Streams(localfs.Tree(), []transfer.Tree{shortTree{localfs.Tree()}}), transfer.Options{Source: from + "/big", Dest: to + "/big"})
	if !errors.Is(err, transfer.ErrDamaged) {
		t.Errorf("ended with %v", err)
	}
	trees.Same(t, trees.Harvest(t, to), map[string]string{})
}
