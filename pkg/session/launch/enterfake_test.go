// SPDX-License-Identifier: Apache-2.0

//go:build linux

package launch

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// deceiver names for this test's own program, run once more, the directory that it makes its root.
const deceiver = "SHAREPROC_TEST_CHROOT"

// A process of the target that has made itself a root where /proc/N leads to programs of its own: they would be run with
// the helper's rights.
func TestFakedToolsAreNotExecuted(t *testing.T) {
	if root := os.Getenv(deceiver); root != "" {
		deceive(t, root)
		return
	}
	needRoot(t)
	for name, path := range enterShells(t) {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			fake := filepath.Join(root, "p", "root")
			for _, directory := range append(filepath.SplitList(path), "/usr/bin", "/bin") {
				if err := os.MkdirAll(filepath.Join(fake, directory), 0o755); err != nil {
					t.Fatal(err)
				}
				// Where this machine has a static program it shows that one would be run.
				if busybox := os.Getenv("SHAREPROC_TEST_BUSYBOX"); busybox != "" {
					copyFile(t, busybox, filepath.Join(fake, directory, "sh"))
					copyFile(t, busybox, filepath.Join(fake, directory, "env"))
				}
			}
			if err := os.Mkdir(filepath.Join(root, "proc"), 0o755); err != nil {
				t.Fatal(err)
			}
			for pid := os.Getpid(); pid < os.Getpid()+4000; pid++ {
				if err := os.Symlink("../p", filepath.Join(root, "proc", strconv.Itoa(pid))); err != nil {
					t.Fatal(err)
				}
			}
			pid := chrooted(t, root)
			if _, code := runEntered(t, path, nil, Root{PID: pid}.Try()); code != 46 {
				t.Errorf("exit code %d", code)
			}
			out, code := runEntered(t, path, nil, Root{PID: pid}.Argv([]string{"sh", "-c", "echo executed"}))
			if out != "" || code != 46 {
				t.Errorf("%q, exit code %d", out, code)
			}
		})
	}
}

// deceive makes root its own, says so, and stays until its input ends.
func deceive(t *testing.T, root string) {
	t.Helper()
	if err := syscall.Chroot(root); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Chdir("/"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(os.Stdout, "deceived\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		t.Fatal(err)
	}
}

func chrooted(t *testing.T, root string) int {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestFakedToolsAreNotExecuted$")
	cmd.Env = append(os.Environ(), deceiver+"="+root)
	return started(t, cmd, "deceived")
}

// started starts a process that says so when it is as the test needs it.
func started(t *testing.T, cmd *exec.Cmd, word string) int {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skipf("this machine does not let it start: %v", err)
	}
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if strings.TrimSpace(line) != word {
		t.Skipf("this machine does not let it: %q, %v", line, err)
	}
	return cmd.Process.Pid
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o755); err != nil { //nolint:gosec // it is a program
		t.Fatal(err)
	}
}

// Whoever may mount where the target is could put anything in the place of the helper's tools.
func TestRootsInNamespacesOfTheTargetsOwn(t *testing.T) {
	needRoot(t)
	const then = "echo ready; read -r _"
	own := &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	user := &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	for _, c := range []struct {
		what, script string
		as           *syscall.SysProcAttr
		want         int
	}{
		{"a mount namespace in which nothing is mounted", then, own, 0},
		{"a process that is mounted over", "mount --bind /tmp /proc/$$ && " + then, own, 47},
		{"a process of the helper that is mounted over", "mount --bind /tmp /proc/1 && " + then, own, 47},
		{"a second /proc over the first", "mount -t tmpfs none /proc && " + then, own, 46},
		{"a part of /proc at /proc", "mount --bind /proc/sys /proc && " + then, own, 46},
		{"a user namespace", then, user, 48},
	} {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", c.script)
		cmd.SysProcAttr = c.as
		t.Run(c.what, func(t *testing.T) {
			pid := started(t, cmd, "ready")
			for name, path := range enterShells(t) {
				if _, code := runEntered(t, path, nil, Root{PID: pid}.Try()); code != c.want {
					t.Errorf("under %s: exit code %d, want %d", name, code, c.want)
				}
			}
		})
	}
}
