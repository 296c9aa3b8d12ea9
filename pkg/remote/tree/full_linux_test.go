// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer/localfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

// A limitedRunner lets no file grow beyond 1 MiB, as a full file system would.
type limitedRunner struct{ helper.Local }

func (l limitedRunner) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	limit := []string{argv[0], "-c", `ulimit -f 2048; exec "$@"`, "sh"}
	if l.Path != "" {
		argv[0] = l.Path + "/" + argv[0]
	}
	return l.Local.Run(ctx, append(limit, argv...), stdin, stdout, stderr)
}

// What does not fit is no broken connection, however much is still on its way when that shows: nothing is tried again.
func TestWriteThatFailsIsNoBrokenConnection(t *testing.T) {
	for shell, local := range helper.Runners(t) {
		for name, sizes := range map[string]map[string]int{"one": {"big": 64 << 20}, "many": {"a": 100 << 10, "b": 32 << 20, "c": 1}} {
			t.Run(shell+"/"+name, func(t *testing.T) {
				dir := t.TempDir()
				for file, size := range sizes {
					text := make([]byte, size)
					_, _ = rand.Read(text)
					helper.Write(t, dir+"/src/"+file, string(text))
				}
				if err := os.Mkdir(dir+"/dst", 0o755); err != nil {
					t.Fatal(err)
				}
				root, retries := dialSelf(t, limitedRunner{local}), 0
				_, err := transfer.Copy(t.Context(), Destination(root, PackAuto), localfs.Tree(), transfer.Options{
					Source: dir + "/src", Dest: dir + "/dst/", Retry: func(error, time.Duration) { retries++ },
				})
				if !errors.Is(err, remote.ErrWrite) || transfer.IsBroken(err) || retries > 0 {
					t.Errorf("%v, after %d retries", err, retries)
				}
				if left, err := os.ReadDir(dir + "/dst"); err != nil || len(left) > 0 {
					t.Errorf("left: %v, %v", left, err)
				}
			})
		}
	}
}
