// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer/localfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/trees"
)

// A cutRunner ends the stdin of its first command after some bytes.
type cutRunner struct {
	helper.Local
	after int64
	cut   atomic.Bool
}

func (c *cutRunner) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	if !c.cut.Swap(true) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
		stdin = io.MultiReader(io.LimitReader(stdin, c.after), readerFunc(func([]byte) (int, error) { cancel(); return 0, io.EOF }))
	}
	return c.Local.Run(ctx, argv, stdin, stdout, stderr)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// Small files travel as an archive, which has each of them from its beginning, whatever an earlier connection has left of them.
func TestTreeIsWholeBehindACut(t *testing.T) {
	files := map[string]string{}
	for i := range 60 {
		files[fmt.Sprintf("d%d/f%d", i%3, i)] = strings.Repeat(fmt.Sprintf("line of file %02d\n", i), 400)
	}
	for shell, local := range helper.Runners(t) {
		for after := int64(60 << 10); after < 450<<10; after += 120 << 10 {
			t.Run(fmt.Sprint(shell, "/", after), func(t *testing.T) {
				dir := t.TempDir()
				trees.Plant(t, dir+"/src", files)
				root := dialSelf(t, &cutRunner{Local: local, after: after})
				report, err := transfer.Copy(t.Context(), Destination(root, PackAuto), localfs.Tree(), transfer.Options{
					Source: dir + "/src", Dest: dir + "/dst", Pauses: []time.Duration{0, 0, 0},
				})
				if err != nil || report.Failed > 0 {
					t.Fatal(report, err)
				}
				want, got := factsOf(t, dir+"/src"), factsOf(t, dir+"/dst")
				for name := range want {
					if want[name] != got[name] {
						t.Errorf("%s: %s, want %s", name, got[name], want[name])
					}
				}
			})
		}
	}
}
