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
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// userRunner is a helper that is another user than root.
type userRunner struct{ uid uint32 }

func (u userRunner) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: &syscall.Credential{Uid: u.uid, Gid: u.uid}}
	return cmd.Run()
}

const nobody = 65534

// openTo makes a directory that another user may look into.
func openTo(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can be two users")
	}
	dir, err := os.MkdirTemp("/tmp", "closed") //nolint:usetesting // t.TempDir is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

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
	dir := openTo(t)
	for _, err := range []error{os.Mkdir(filepath.Join(dir, "closed"), 0o700), os.WriteFile(filepath.Join(dir, "file"), nil, 0o600)} {
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
	seen, failures := failuresOf(t, root, dir)
	if !slices.Equal(failures, []string{dir + "/closed"}) || len(seen) != 3 || !seen[dir+"/closed"] || !seen[dir+"/file"] {
		t.Errorf("listed %v, not opened %q", seen, failures)
	}
}

// To find out what does not open, nothing is opened but directories: a FIFO would block, and a kernel file system is not entered.
func TestWalkOpensNothingButDirectories(t *testing.T) {
	dir := openTo(t)
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
	r, err := dialIn(ctx, userRunner{nobody}, filepath.Join(dir, "proc"), Where{PID: 1})
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
	root, err := Dial(t.Context(), userRunner{nobody}, Where{PID: os.Getpid()})
	t.Cleanup(func() { _ = root.Close() })
	var denied *AccessError
	if !errors.As(err, &denied) || denied.PID != os.Getpid() || denied.UID != 0 || !slices.Equal(denied.Tried, []int{os.Getpid()}) || root.Process.PID != os.Getpid() {
		t.Errorf("got %v, of %+v", err, root.Process)
	}
}

// The names of a listing are relative to where it begins, also where that is the root.
func TestListingOfTheRootIsRelativeToIt(t *testing.T) {
	dir := t.TempDir()
	process := filepath.Join(dir, "proc", "1")
	for _, err := range []error{
		os.MkdirAll(filepath.Join(dir, "root", "a", "b"), 0o755), os.MkdirAll(process, 0o755), os.Symlink(filepath.Join(dir, "root"), filepath.Join(process, "root")),
		os.WriteFile(filepath.Join(process, "stat"), []byte("1 (a) S 0 1"+strings.Repeat(" 0", 47)+"\n"), 0o644),
		os.WriteFile(filepath.Join(process, "status"), []byte("Name:\ta\nState:\tS\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n"), 0o644),
		os.WriteFile(filepath.Join(process, "mountinfo"), nil, 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := dialIn(t.Context(), localRunner{}, filepath.Join(dir, "proc"), Where{PID: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	for start, want := range map[string][]string{"/": {".", "a", "a/b"}, "/a": {".", "b"}, "/a/b": {"."}} {
		tree, err := Source(root, PackAuto).Open(t.Context(), start)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for f, err := range tree.List(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, f.Path)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", start, got, want)
		}
	}
}
