// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// userRunner is a helper that is another user than root.
type userRunner struct{ uid uint32 }

func (u userRunner) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: &syscall.Credential{Uid: u.uid, Gid: u.uid}}
	return cmd.Run()
}

// A directory that is closed to the helper's user is named, and what is beside it is listed.
func TestWalkNamesWhatDoesNotOpen(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can be two users")
	}
	const nobody = 65534
	dir, err := os.MkdirTemp("/tmp", "closed") // t.TempDir is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for _, err := range []error{
		os.Chmod(dir, 0o755), os.Mkdir(filepath.Join(dir, "closed"), 0o700), os.WriteFile(filepath.Join(dir, "file"), nil, 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	target := exec.CommandContext(t.Context(), "sleep", "1000")
	target.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if err := target.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = target.Process.Kill(); _ = target.Wait() })
	root, err := Dial(t.Context(), userRunner{nobody}, Where{PID: target.Process.Pid})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	seen := map[string]bool{}
	_, err = root.Walk(t.Context(), dir, WalkOptions{}, func(p string, _ Entry) error {
		seen[p] = true
		return nil
	})
	var partly *TreeError
	if !errors.As(err, &partly) || partly.Count != 1 {
		t.Fatalf("got %v", err)
	}
	var cause *fs.PathError
	if !errors.As(partly.Failures[0], &cause) || cause.Op != "open" || cause.Path != dir+"/closed" || !errors.Is(cause, fs.ErrPermission) {
		t.Errorf("got %v", partly)
	}
	if len(seen) != 3 || !seen[dir+"/closed"] || !seen[dir+"/file"] {
		t.Errorf("listed %v", seen)
	}
}
