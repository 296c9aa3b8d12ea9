// SPDX-License-Identifier: Apache-2.0

//go:build linux

package remote

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// The test program starts itself again for processes with a root of their own.
const (
	childVar = "SHAREPROC_TEST_CHILD"
	// childWaits [ROOT [UID]]: in that root, as that user, until its stdin ends.
	childWaits = "waits"
	// childStats ROOT: answers each NUL-terminated path with what stat(2) says of it in that root.
	childStats = "stats"
)

func TestMain(m *testing.M) {
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
	if mode == childStats {
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

// A childProcess is a running one.
type childProcess struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	out   *bufio.Reader
}

// startChild runs the test program as a child until the test ends.
func startChild(t *testing.T, mode string, attr *syscall.SysProcAttr, env []string, args ...string) *childProcess {
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
	c := &childProcess{cmd, stdin, bufio.NewReader(stdout)}
	t.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil && !t.Failed() {
			t.Errorf("child: %v", err)
		}
	})
	if mode == childWaits {
		if line, err := c.out.ReadString('\n'); err != nil || line != "ready\n" {
			t.Fatalf("child said %q: %v", line, err)
		}
	}
	return c
}

// stat asks a childStats child.
func (c *childProcess) stat(t *testing.T, path string) (errno syscall.Errno, ino uint64) {
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

// needRoot skips a test that only root can make.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("changing a process's root or user needs root")
	}
}

// addressOf is for the one system call that package syscall has no function for.
func addressOf(b *[128]byte) unsafe.Pointer { return unsafe.Pointer(b) }
