// SPDX-License-Identifier: Apache-2.0

//go:build unix

package transfer_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer/localfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/trees"
)

// What an earlier copy has left stays also where the line of the next one breaks before anything new is sent.
func TestResumeLosesNothingOfAnEarlierCopy(t *testing.T) {
	dir := t.TempDir()
	source, to := filepath.Join(dir, "source"), filepath.Join(dir, "to")
	check(t, os.WriteFile(source, []byte(strings.Repeat("one file ", 40000)), 0o644))
	for n := 1; ; n++ {
		check(t, os.Mkdir(to, 0o755))
		o := transfer.Options{Source: source, Dest: filepath.Join(to, "x"), Resume: true, Pauses: []time.Duration{}}
		first := &line{kind: "cut", left: 200 << 10}
		first.next = func() int64 { return 1 << 40 }
		if _, err := transfer.Copy(t.Context(), far{Tree: localfs.Tree(), line: first}, localfs.Tree(), o); !transfer.IsBroken(err) {
			t.Fatal(err)
		}
		left := partial(t, to)
		if left == 0 {
			t.Fatal("nothing was left")
		}
		l := once(n)
		_, err := transfer.Copy(t.Context(), far{Tree: localfs.Tree(), line: l}, localfs.Tree(), o)
		if l.broken == 0 {
			check(t, err)
			trees.Only(t, to, "x")
			return
		}
		_, moved := os.Lstat(filepath.Join(to, "x"))
		if !transfer.IsBroken(err) || partial(t, to) < left && errors.Is(moved, os.ErrNotExist) {
			t.Errorf("%d: %v, %d bytes left of %d", n, err, partial(t, to), left)
		}
		check(t, os.RemoveAll(to))
	}
}

// partial is how much of a file an unfinished copy has left.
func partial(t *testing.T, dir string) int64 {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, ".shareproc-*.partial/data"))
	check(t, err)
	var n int64
	for _, name := range found {
		info, err := os.Lstat(name)
		check(t, err)
		n += info.Size()
	}
	return n
}
