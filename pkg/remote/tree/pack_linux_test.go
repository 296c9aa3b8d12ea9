// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // see section.go
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer/localfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/trees"
)

// A meteredRunner counts the bytes of both streams.
type meteredRunner struct {
	remote.Runner
	down, up atomic.Int64
}

func (m *meteredRunner) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	in := io.TeeReader(stdin, helper.WriterFunc(func(p []byte) (int, error) { m.up.Add(int64(len(p))); return len(p), nil }))
	out := helper.WriterFunc(func(p []byte) (int, error) { m.down.Add(int64(len(p))); return stdout.Write(p) })
	return m.Runner.Run(ctx, argv, in, out, stderr)
}

// plantPackable makes a tree of which all but "random" shrinks. It returns the bytes of each kind.
func plantPackable(t *testing.T, dir string) (packable, random int64) {
	t.Helper()
	noise := make([]byte, 9<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(noise)
	log := strings.Repeat("2026-01-01T00:00:00Z INFO served /index.html in 12 ms\n", 400_000)
	trees.Plant(t, dir, map[string]string{
		"log": log, "random": string(noise), "small/a": "A", "small/b": strings.Repeat("b", 30_000), "small/none": "", "middle": log[:3<<20],
	})
	f, err := os.Create(dir + "/sparse")
	if err == nil {
		_, err = f.WriteAt([]byte(log[:9<<20]), 40<<20)
		err = errors.Join(err, f.Truncate(100<<20), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return int64(len(log)) + 12<<20, int64(len(noise))
}

func TestPackedCopiesAreWhole(t *testing.T) {
	for shell, r := range helper.Runners(t) {
		for direction, mode := range map[string]Packing{"down": PackAlways, "up": PackAlways, "across": PackAlways, "slow down": PackAuto, "slow up": PackAuto} {
			t.Run(shell+"/"+direction, func(t *testing.T) {
				m := &meteredRunner{Runner: r}
				root, dir := dialSelf(t, m), t.TempDir()
				src, dst := Source(root, mode), localfs.Tree()
				switch {
				case direction == "across":
					dst = Destination(dialSelf(t, m), mode)
				case strings.HasSuffix(direction, "up"):
					src, dst = localfs.Tree(), Destination(root, mode)
				}
				for _, end := range []transfer.Tree{src, dst} {
					if tree, ok := end.(tree); ok && mode == PackAuto { // as if the line were slow
						p := tree.packings
						p.down.took, p.up.took, p.up.bytes = time.Hour, time.Hour, packProbe
					}
				}
				packable, random := plantPackable(t, dir+"/src")
				report, err := transfer.Copy(t.Context(), dst, src, transfer.Options{Source: dir + "/src", Dest: dir + "/dst"})
				if err != nil || report.Failed > 0 {
					t.Fatal(report, err)
				}
				want, got := factsOf(t, dir+"/src"), factsOf(t, dir+"/dst")
				for name := range want {
					if want[name] != got[name] {
						t.Errorf("%s: %s, want %s", name, got[name], want[name])
					}
				}
				most := random + packable/4 + packProbe
				if strings.HasSuffix(direction, "down") && m.down.Load() > most || strings.HasSuffix(direction, "up") && m.up.Load() > most {
					t.Errorf("%d bytes came and %d went of %d that shrink and %d that do not", m.down.Load(), m.up.Load(), packable, random)
				}
			})
		}
	}
}

// A copy that resumes in the middle of a file has the rest packed.
func TestPackedCopyGoesOnWhereItBroke(t *testing.T) {
	for shell, r := range helper.Runners(t) {
		for direction := range map[string]bool{"down": true, "up": true} {
			t.Run(shell+"/"+direction, func(t *testing.T) {
				var broken remote.Runner = &tornRunner{Runner: r, after: 3 << 20}
				if direction == "up" {
					broken = &cutRunner{Local: r, after: 6 << 20}
				}
				root, dir := dialSelf(t, broken), t.TempDir()
				src, dst := Source(root, PackAlways), localfs.Tree()
				if direction == "up" {
					src, dst = localfs.Tree(), Destination(root, PackAlways)
				}
				plantPackable(t, dir+"/src")
				retries := 0
				_, err := transfer.Copy(t.Context(), dst, src, transfer.Options{
					Source: dir + "/src/random", Dest: dir + "/dst", Pauses: []time.Duration{0, 0, 0}, Retry: func(error, time.Duration) { retries++ },
				})
				before, _ := os.ReadFile(dir + "/src/random")
				after, failed := os.ReadFile(dir + "/dst")
				if err != nil || failed != nil || retries == 0 || !bytes.Equal(before, after) {
					t.Errorf("%v, %v: %d retries, %d bytes of %d", err, failed, retries, len(after), len(before))
				}
			})
		}
	}
}

// A tornRunner tears the first stdout behind so many bytes.
type tornRunner struct {
	remote.Runner
	after int64
	torn  atomic.Bool
}

func (r *tornRunner) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := stdout
	if !r.torn.Swap(true) {
		left := r.after
		out = helper.WriterFunc(func(p []byte) (int, error) {
			if left -= int64(len(p)); left < 0 {
				cancel()
				return 0, io.ErrClosedPipe
			}
			return stdout.Write(p)
		})
	}
	done := make(chan error, 1)
	go func() { done <- r.Runner.Run(ctx, argv, stdin, out, stderr) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestFastLinesAreNotPacked(t *testing.T) {
	p := packing{mode: PackAuto}
	if got := p.word(true); got != probeEnd() {
		t.Errorf("a large file is asked for with %q", got)
	}
	text := bytes.Repeat([]byte("a line\n"), packProbe/7+1)
	p.saw(text)
	p.decide()
	if !p.known || p.on || p.word(true) != "" {
		t.Errorf("%d bytes at once: %+v", len(text), p)
	}
	if _, ok := p.frame(text); ok {
		t.Error("a frame was packed")
	}
	noise := make([]byte, packProbe)
	_, _ = rand.NewChaCha8([32]byte{2}).Read(noise)
	slow := packing{mode: PackAuto, took: time.Hour}
	slow.saw(noise)
	if slow.decide(); !slow.known || slow.on {
		t.Errorf("what does not shrink: %+v", slow)
	}
	if _, ok := slow.frame(noise); ok || slow.skip != packAgain {
		t.Errorf("a frame that does not shrink: packed %v, %d to skip", ok, slow.skip)
	}
}

// What is no gzip, or another one than was sent, is damage, and what follows is read all the same.
func TestDamagedPacksAreNoticed(t *testing.T) {
	whole := packed([]byte(strings.Repeat("content ", 1000)))
	sum := sha1.Sum([]byte(strings.Repeat("content ", 1000))) //nolint:gosec // see section.go
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	for name, c := range map[string]struct {
		body    []byte
		damaged bool
	}{
		"whole": {whole, false}, "plain": {[]byte("content"), true}, "nothing": {nil, true}, "cut": {whole[:len(whole)/2], true}, "flipped": {flipped, true},
	} {
		answer := append(append(bytes.Clone(c.body), []byte("MARK."+hex.EncodeToString(sum[:])+"  - s0\x00")...), "next\x00"...)
		b := answerReader(answer)
		_, err := b.Section(true, func([]byte) error { return nil })
		if c.damaged != (err == remote.ErrDamaged) || !c.damaged && err != nil { //nolint:errorlint // as it was given
			t.Errorf("%s: %v", name, err)
		}
		if next, err := b.Field(); next != "next" || err != nil {
			t.Errorf("%s: behind it %q, %v", name, next, err)
		}
	}
}

func answerReader(text []byte) *remote.Answer {
	return &remote.Answer{Reader: bufio.NewReaderSize(bytes.NewReader(text), 16), Mark: "MARK"}
}
