// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// The test program starts itself again for processes with a root of their own.
const (
	childVar = "SHAREPROC_TEST_CHILD"
	// childWaits [ROOT [UID]]: in that root, as that user, until its stdin ends.
	Waits = "waits"
	// childStats ROOT: answers each NUL-terminated path with what stat(2) says of it in that root.
	Stats = "stats"
)

// Main runs the tests of a package, or is a child.
func Main(m *testing.M) {
	if os.Getenv(childVar) == "" {
		os.Exit(m.Run())
	}
	if err := child(os.Getenv(childVar), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func child(mode string, args []string) error {
	if name := os.Getenv("COMM"); name != "" {
		if err := os.WriteFile("/proc/self/comm", []byte(name), 0); err != nil {
			return err
		}
	}
	if err := mountAll(os.Getenv(mountsVar)); err != nil {
		return err
	}
	if root := os.Getenv("CHILD_ROOT"); root != "" {
		if err := syscall.Chroot(root); err != nil {
			return err
		}
		if err := os.Chdir("/"); err != nil {
			return err
		}
	}
	if work := os.Getenv("CHILD_WORK"); work != "" {
		if err := os.Chdir(work); err != nil {
			return err
		}
	}
	if uid, err := strconv.Atoi(os.Getenv("CHILD_UID")); err == nil {
		if err := syscall.Setuid(uid); err != nil {
			return err
		}
	}
	if mode == Stats {
		return answerStats()
	}
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

func answerStats() error {
	in := bufio.NewReader(os.Stdin)
	for {
		path, err := in.ReadString(0)
		if err != nil {
			return nil
		}
		var st syscall.Stat_t
		err = syscall.Stat(strings.TrimSuffix(path, "\x00"), &st)
		errno, _ := err.(syscall.Errno) //nolint:errorlint // syscall returns it bare
		fmt.Println(int(errno), st.Ino)
	}
}

// A Child is a running one.
type Child struct {
	Cmd   *exec.Cmd
	stdin io.WriteCloser
	out   *bufio.Reader
}

// StartChild runs the test program as a child until the test ends.
func StartChild(t *testing.T, mode string, attr *syscall.SysProcAttr, env []string, args ...string) *Child {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append([]string{childVar + "=" + mode}, env...)
	cmd.SysProcAttr = attr
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &Child{cmd, stdin, bufio.NewReader(stdout)}
	t.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil && !t.Failed() {
			t.Errorf("child: %v", err)
		}
	})
	if mode == Waits {
		if line, err := c.out.ReadString('\n'); err != nil || line != "ready\n" {
			t.Fatalf("child said %q: %v", line, err)
		}
	}
	return c
}

// Stat asks a child of Stats.
func (c *Child) Stat(t *testing.T, path string) (errno syscall.Errno, ino uint64) {
	t.Helper()
	if _, err := io.WriteString(c.stdin, path+"\x00"); err != nil {
		t.Fatal(err)
	}
	line, err := c.out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if _, err := fmt.Sscan(line, &n, &ino); err != nil {
		t.Fatal(err)
	}
	return syscall.Errno(n), ino
}

// NeedRoot skips a test that only root can make.
func NeedRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("changing a process's root or user needs root")
	}
}

// User is a helper that is another user than root.
type User struct{ UID uint32 }

// Run runs a command as that user.
func (u User) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: &syscall.Credential{Uid: u.UID, Gid: u.UID}}
	return cmd.Run()
}

// Nobody is a user who is nobody.
const Nobody = 65534

// OpenTo makes a directory that another user may look into.
func OpenTo(t *testing.T) string {
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

// mountsVar are the mounts of a child with a mount namespace of its own: TYPE PATH, one a line.
const mountsVar = "CHILD_MOUNTS"

// mountAll makes them. What is of type dead is a file system whose server has ended, closed one that only another user may
// look into, and stuck one whose server never answers; bind has the file
// bound of the directory above on a file.
func mountAll(list string) error {
	for line := range strings.Lines(list) {
		kind, path, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		var err error
		switch kind {
		case "dead", "closed", "stuck":
			err = mountFuse(kind, path)
		case "bind":
			err = syscall.Mount(filepath.Join(filepath.Dir(filepath.Dir(path)), "bound"), path, "", syscall.MS_BIND, "")
		default:
			err = syscall.Mount(kind, path, kind, 0, "")
		}
		if err != nil {
			return fmt.Errorf("mount %s: %w", line, err)
		}
	}
	return nil
}

func mountFuse(kind, path string) error {
	server, err := syscall.Open("/dev/fuse", syscall.O_RDWR, 0)
	if err != nil {
		return err
	}
	user := 0
	if kind == "closed" {
		user = 1000
	}
	err = syscall.Mount(kind, path, "fuse", 0, fmt.Sprintf("fd=%d,rootmode=40000,user_id=%d,group_id=%d", server, user, user))
	if kind == "dead" {
		err = errors.Join(err, syscall.Close(server))
	}
	return err
}

// Mounted is a process that has mounts below a directory: TYPE NAME, of directories that are made.
func Mounted(t *testing.T, dir string, mounts ...string) (pid int) {
	t.Helper()
	NeedRoot(t)
	if _, err := os.Stat("/dev/fuse"); err != nil {
		t.Skip("no FUSE here")
	}
	var list strings.Builder
	for _, m := range mounts {
		kind, name, _ := strings.Cut(m, " ")
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil && kind != "bind" {
			t.Fatal(err)
		}
		fmt.Fprintf(&list, "%s %s\n", kind, filepath.Join(dir, name))
	}
	child := StartChild(t, Waits, &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}, []string{mountsVar + "=" + list.String()})
	return child.Cmd.Process.Pid
}

// NobodysProcess is a process of another user.
func NobodysProcess(t *testing.T) (pid int) {
	t.Helper()
	target := exec.CommandContext(t.Context(), "sleep", "1000")
	target.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: Nobody, Gid: Nobody}}
	if err := target.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = target.Process.Kill(); _ = target.Wait() })
	return target.Process.Pid
}
