// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"context"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

// fakeRoot is the root of process 8 in a directory like /proc, whose files are in the directory root.
func fakeRoot(t *testing.T, r remote.Runner, root string) *Root {
	t.Helper()
	proc := helper.Proc(t, helper.Process{PID: 8, Start: 100, Root: root, Cgroup: "0::/aaaa"})
	return dial(t, r, proc, Where{PID: 8})
}

// dialIn is Dial where processes are in another directory.
func dialIn(ctx context.Context, r remote.Runner, proc string, w Where) (*Root, error) {
	c := remote.Connect(ctx, r)
	c.Proc = proc
	root, err := RootOf(ctx, c, w)
	if err != nil {
		c.Close()
	}
	return root, err
}

// dial connects for as long as the test runs.
func dial(t *testing.T, r remote.Runner, proc string, w Where) *Root {
	t.Helper()
	root, err := dialIn(t.Context(), r, proc, w)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

// processes lists the processes of a directory like /proc over a connection of its own.
func processes(ctx context.Context, r remote.Runner, proc string) ([]process.Process, error) {
	c := remote.Connect(ctx, r)
	c.Proc = proc
	defer func() { _ = c.Close() }()
	return process.On(c).Processes(ctx)
}
