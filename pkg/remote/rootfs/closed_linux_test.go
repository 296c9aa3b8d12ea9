// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

// failuresOf walks, and gives what was listed and what did not open.
func failuresOf(t *testing.T, root *Root, name string) (seen map[string]bool, failures []string) {
	t.Helper()
	seen = map[string]bool{}
	_, err := root.Walk(t.Context(), name, WalkOptions{}, func(p string, _ Entry) error {
		seen[p] = true
		return nil
	})
	var partly *TreeError
	if !errors.As(err, &partly) {
		t.Fatalf("got %v", err)
	}
	for _, failure := range partly.Failures {
		var cause *fs.PathError
		if !errors.As(failure, &cause) || cause.Op != "open" || !errors.Is(cause, fs.ErrPermission) {
			t.Errorf("got %v", failure)
			continue
		}
		failures = append(failures, cause.Path)
	}
	return seen, failures
}

// A directory that is closed to the helper's user is named, and what is beside it is listed.
func TestWalkNamesWhatDoesNotOpen(t *testing.T) {
	dir := helper.OpenTo(t)
	for _, err := range []error{os.Mkdir(filepath.Join(dir, "closed"), 0o700), os.WriteFile(filepath.Join(dir, "file"), nil, 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	target := exec.CommandContext(t.Context(), "sleep", "1000")
	target.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: helper.Nobody, Gid: helper.Nobody}}
	if err := target.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = target.Process.Kill(); _ = target.Wait() })
	root, err := Dial(t.Context(), helper.User{UID: helper.Nobody}, Where{PID: target.Process.Pid})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	seen, failures := failuresOf(t, root, dir)
	if !slices.Equal(failures, []string{dir + "/closed"}) || len(seen) != 3 || !seen[dir+"/closed"] || !seen[dir+"/file"] {
		t.Errorf("listed %v, not opened %q", seen, failures)
	}
}

// To find out what does not open, nothing is opened but directories: a FIFO would block, and a kernel file system is not entered.
func TestWalkOpensNothingButDirectories(t *testing.T) {
	dir := helper.OpenTo(t)
	root := filepath.Join(dir, "root")
	process := filepath.Join(dir, "proc", "1")
	for _, err := range []error{
		os.MkdirAll(filepath.Join(root, "kernel"), 0o700), os.Chmod(root, 0o755), os.Mkdir(filepath.Join(root, "closed"), 0o700),
		syscall.Mkfifo(filepath.Join(root, "fifo"), 0o644), os.MkdirAll(process, 0o755), os.Symlink(root, filepath.Join(process, "root")),
		os.WriteFile(filepath.Join(process, "stat"), []byte("1 (a) S 0 1"+strings.Repeat(" 0", 47)+"\n"), 0o644),
		os.WriteFile(filepath.Join(process, "status"), []byte("Name:\ta\nState:\tS\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n"), 0o644),
		os.WriteFile(filepath.Join(process, "mountinfo"), []byte("1 0 0:1 / / rw - ext4 a rw\n2 1 0:2 / /kernel rw - proc proc rw\n"), 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	r, err := dialIn(ctx, helper.User{UID: helper.Nobody}, filepath.Join(dir, "proc"), Where{PID: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	seen, failures := failuresOf(t, r, "/")
	if !slices.Equal(failures, []string{"/closed"}) || !seen["/fifo"] || !seen["/kernel"] {
		t.Errorf("listed %v, not opened %q", seen, failures)
	}
}

// Who denies its root is named, and the shell that asked goes on: it would end where its own exec fails.
func TestDialNamesWhoDeniesItsRoot(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can be two users")
	}
	root, err := Dial(t.Context(), helper.User{UID: helper.Nobody}, Where{PID: os.Getpid()})
	t.Cleanup(func() { _ = root.Close() })
	var denied *AccessError
	if !errors.As(err, &denied) || denied.PID != os.Getpid() || denied.UID != 0 || !slices.Equal(denied.Tried, []int{os.Getpid()}) || root.Process.PID != os.Getpid() {
		t.Errorf("got %v, of %+v", err, root.Process)
	}
}
