// SPDX-License-Identifier: Apache-2.0

//go:build linux

package launch

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// enterShells are what the scripts are tested with, each as a PATH.
func enterShells(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{"sh": os.Getenv("PATH")}
	busybox := os.Getenv("SHAREPROC_TEST_BUSYBOX")
	if busybox == "" {
		return all
	}
	dir := t.TempDir()
	for _, tool := range []string{"sh", "env", "tr", "chroot", "pwd", "grep", "sleep"} {
		if err := os.Link(busybox, filepath.Join(dir, tool)); err != nil {
			if err := os.Symlink(busybox, filepath.Join(dir, tool)); err != nil {
				t.Fatal(err)
			}
		}
	}
	all["busybox"] = dir
	return all
}

// inhabitant is a process with an environment and a working directory.
func inhabitant(t *testing.T, dir string, as *syscall.SysProcAttr, env ...string) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sleep", "1000")
	cmd.Dir, cmd.Env, cmd.SysProcAttr = dir, env, as
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd.Process.Pid
}

func runEntered(t *testing.T, path string, as *syscall.SysProcAttr, argv []string) (string, int) {
	t.Helper()
	shell, err := exec.LookPath(filepath.Join(path, argv[0]))
	if err != nil {
		shell = argv[0]
	}
	cmd := exec.CommandContext(t.Context(), shell, argv[1:]...)
	cmd.Env = []string{"PATH=" + path, "TERM=vt100", "SHAREPROC_SESSION=id", "HELPERS=own"}
	cmd.SysProcAttr = as
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("chroot needs root")
	}
}

func TestEnteredRootHasTheTargetsFolderAndVariables(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	pid := inhabitant(t, dir, nil, "PATH=/target/bin", "HOME=/the home", "TMPDIR=/a\nb", "SECRET=x\n\ny", "a.b=dotted", "TERM=other", "LD_PRELOAD=/none.so", "-i=odd", "HISTFILE=/written/down")
	for name, path := range enterShells(t) {
		t.Run(name, func(t *testing.T) {
			if out, code := runEntered(t, path, nil, Root{PID: pid}.Try()); code != 0 || out != "" {
				t.Fatalf("the trial ended with %d: %q", code, out)
			}
			out, code := runEntered(t, path, nil, Root{PID: pid}.Argv([]string{"sh", "-c", `pwd; printf '%s\n' "$1" "$TERM"; env; exit 9`, "x", "a  'b'"}))
			if code != 9 {
				t.Fatalf("exit code %d: %s", code, out)
			}
			for _, want := range []string{dir + "\na  'b'\nvt100\n", "HOME=/the home\n", "TMPDIR=/a\nb\n", "SHAREPROC_SESSION=id\n", ":/target/bin\n", "HISTFILE=\n"} {
				if !strings.Contains(out, want) {
					t.Errorf("%q is not in %q", want, out)
				}
			}
			for _, no := range []string{"SECRET", "a.b", "LD_PRELOAD", "HELPERS"} {
				if strings.Contains(out, no) {
					t.Errorf("%s is in %q", no, out)
				}
			}
			out, _ = runEntered(t, path, nil, Root{PID: pid, AllVariables: true}.Argv([]string{"env"}))
			if strings.Contains(out, "/written/down") {
				t.Errorf("the target's history file is in %q", out)
			}
			for _, want := range []string{"HISTFILE=\n", "SECRET=x\n\ny\n", "LD_PRELOAD=/none.so\n", "HOME=/the home\n", "TERM=vt100\n"} {
				if !strings.Contains(out, want) {
					t.Errorf("with all variables: %q is not in %q", want, out)
				}
			}
		})
	}
}

func TestEnteringARootThatRefuses(t *testing.T) {
	needRoot(t)
	nobody := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	dir := t.TempDir()
	own, other := inhabitant(t, "/", nobody), inhabitant(t, "/", nil)
	for name, path := range enterShells(t) {
		t.Run(name, func(t *testing.T) {
			if name == "busybox" {
				// The test's own directories are root's.
				path = "/bin:/usr/bin:/sbin:/usr/sbin"
			}
			for _, c := range []struct {
				what string
				pid  int
				as   *syscall.SysProcAttr
				path string
				want int
			}{
				{"no such process", 1 << 30, nil, path, 41},
				{"a process of another user", other, nobody, path, 41},
				{"chroot without the capability", own, nobody, path, 43},
				{"no tools", other, nil, dir, 45},
			} {
				argv := Root{PID: c.pid}.Try()
				argv[0] = "/bin/sh"
				if _, code := runEntered(t, c.path, c.as, argv); code != c.want {
					t.Errorf("%s: exit code %d, want %d", c.what, code, c.want)
				}
				argv = Root{PID: c.pid}.Argv([]string{"sh", "-c", "exit 0"})
				argv[0] = "/bin/sh"
				if _, code := runEntered(t, c.path, c.as, argv); code == 0 {
					t.Errorf("%s: a command was run", c.what)
				}
			}
		})
	}
}

func TestBesideARoot(t *testing.T) {
	pid := inhabitant(t, "/", nil)
	out, code := runEntered(t, os.Getenv("PATH"), nil, Root{PID: pid}.Beside([]string{"sh", "-c", `pwd; exit "$1"`, "x", "4"}))
	if want := "/proc/" + strconv.Itoa(pid) + "/root\n"; out != want || code != 4 {
		t.Errorf("%q, exit code %d", out, code)
	}
	if argv := (Root{PID: 1}).Beside(nil); !slices.Contains(argv, "sh") || argv[len(argv)-1] != "sh" {
		t.Errorf("no shell at the end of %q", argv)
	}
}

// Every way in which Try can end has words of its own.
func TestRootRefusals(t *testing.T) {
	seen := map[string]int{}
	for code := 41; code <= 49; code++ {
		text := RootRefusal(code)
		if before, ok := seen[text]; ok {
			t.Errorf("%d and %d are both %q", before, code, text)
		}
		seen[text] = code
	}
	for code := 41; code <= 48; code++ {
		if !strings.Contains(enterScript, "refuse "+strconv.Itoa(code)) && !strings.Contains(enterScript, "exit "+strconv.Itoa(code)) {
			t.Errorf("the script never ends with %d", code)
		}
	}
}
