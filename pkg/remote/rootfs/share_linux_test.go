// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

// A root over the connection of a Host is one command, and what the Host asks goes on, also where the root is denied or gone.
func TestRootOverTheConnectionOfAHost(t *testing.T) {
	for shell, r := range helper.Runners(t) {
		t.Run(shell, func(t *testing.T) {
			counting := &helper.Counting{Runner: r}
			conn := remote.Connect(t.Context(), counting)
			defer conn.Close()
			if _, err := process.On(conn).Processes(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := RootOf(t.Context(), conn, Where{PID: 4194304}); !errors.Is(err, remote.ErrNoProcess) {
				t.Errorf("no process: %v", err)
			}
			root, err := RootOf(t.Context(), conn, Where{PID: os.Getpid()})
			if err != nil {
				t.Fatal(err)
			}
			if info, err := root.Stat(t.Context(), "/etc", true); err != nil || !info.FileMode().IsDir() {
				t.Errorf("%+v, %v", info, err)
			}
			if list, err := process.On(conn).Processes(t.Context()); err != nil || len(list) == 0 {
				t.Errorf("%d processes, %v", len(list), err)
			}
			if got := counting.Count.Load(); got != 1 {
				t.Errorf("%d commands were run", got)
			}
		})
	}
}

// Roots that share a connection each have their own process, whoever asked last, and it stays when one of them is closed.
func TestRootsShareAConnection(t *testing.T) {
	for shell, r := range helper.Runners(t) {
		t.Run(shell, func(t *testing.T) {
			counting := &helper.Counting{Runner: r}
			conn := remote.Connect(t.Context(), counting)
			defer conn.Close()
			var roots []*Root
			var dirs []string
			given := 0
			for range 2 {
				dir, err := filepath.EvalSymlinks(t.TempDir())
				if err != nil {
					t.Fatal(err)
				}
				cmd := exec.CommandContext(t.Context(), "sleep", "600")
				if cmd.Dir = dir; cmd.Start() != nil {
					t.Fatal("no sleep")
				}
				t.Cleanup(func() { _ = cmd.Wait() }) // the end of the test kills it
				root, err := RootOf(t.Context(), conn.Lend(func() { given++ }), Where{PID: cmd.Process.Pid})
				if err != nil {
					t.Fatal(err)
				}
				roots, dirs = append(roots, root), append(dirs, dir)
			}
			for _, i := range []int{0, 1, 1, 0} {
				if got, err := roots[i].Absolute(t.Context(), "x"); err != nil || got != dirs[i]+"/x" {
					t.Errorf("root %d: %q, %v", i, got, err)
				}
			}
			if err := roots[0].Close(); err != nil || given != 1 {
				t.Errorf("%v, given back %d times", err, given)
			}
			if got, err := roots[1].Absolute(t.Context(), "x"); err != nil || got != dirs[1]+"/x" {
				t.Errorf("%q, %v", got, err)
			}
			if got := counting.Count.Load(); got != 1 {
				t.Errorf("%d commands were run", got)
			}
		})
	}
}
