// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// kept is the script of a helper that keeps a shell, at work in a terminal that nobody has attached to yet.
type kept struct {
	cmd    *exec.Cmd
	master *os.File
	notes  string
	mu     sync.Mutex
	screen bytes.Buffer
}

func (k *kept) Write(p []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.screen.Write(p)
}

func (k *kept) shown() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.screen.String()
}

func (k *kept) await(t *testing.T, text string) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !strings.Contains(k.shown(), text); <-time.After(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%q does not show; the screen has %q", text, k.shown())
		}
	}
}

// code is the script's exit code; -1 where a signal ended it.
func (k *kept) code(t *testing.T) int {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- k.cmd.Wait() }()
	select {
	case err := <-ended:
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return k.cmd.ProcessState.ExitCode()
	case <-time.After(2 * time.Minute):
		t.Fatalf("still running; the screen has %q", k.shown())
		return 0
	}
}

// noted reports whether the watcher has written its first note: it sets its traps before that.
func (k *kept) noted() bool {
	text, err := os.ReadFile(k.notes)
	return err == nil && len(text) > 0
}

// watcher is the child of the script that runs wait.sh, once it does.
func (k *kept) watcher(t *testing.T) int {
	t.Helper()
	main := strconv.Itoa(k.cmd.Process.Pid)
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); <-time.After(10 * time.Millisecond) {
		children, err := os.ReadFile(filepath.Join("/proc", main, "task", main, "children"))
		if err != nil {
			t.Fatal(err)
		}
		for child := range strings.FieldsSeq(string(children)) {
			line, err := os.ReadFile(filepath.Join("/proc", child, "cmdline"))
			if err == nil && strings.HasSuffix(string(line), "\x00"+main+"\x00") && k.noted() {
				pid, err := strconv.Atoi(child)
				if err != nil {
					t.Fatal(err)
				}
				return pid
			}
		}
	}
	t.Fatal("no watcher")
	return 0
}

// eachShell runs the script under the machine's sh and, where there is one, under nothing but busybox.
func eachShell(t *testing.T, do func(*testing.T, *kept)) {
	t.Helper()
	paths := map[string]string{"sh": os.Getenv("PATH")}
	if busybox := os.Getenv("SHAREPROC_TEST_BUSYBOX"); busybox != "" {
		dir := t.TempDir()
		for _, tool := range []string{"sh", "grep", "sleep", "stty", "stat", "date"} {
			if err := os.Symlink(busybox, filepath.Join(dir, tool)); err != nil {
				t.Fatal(err)
			}
		}
		paths["busybox"] = dir
	}
	for name, path := range paths {
		t.Run(name, func(t *testing.T) {
			master, slave, err := pty.Open()
			if err != nil {
				t.Fatal(err)
			}
			defer master.Close()
			c := Helper{Keep: time.Hour, Persistent: true, Prompt: "web-0(main)"}.Ephemeral()
			notes := filepath.Join(t.TempDir(), "notes")
			text := strings.ReplaceAll(c.Command[2], Notes, notes)
			k := &kept{master: master, notes: notes, cmd: exec.CommandContext(t.Context(), "sh", "-c", text)}
			if name == "busybox" {
				k.cmd.Path = filepath.Join(path, "sh")
			}
			k.cmd.Env = []string{"PATH=" + path}
			for _, v := range c.Env {
				k.cmd.Env = append(k.cmd.Env, v.Name+"="+v.Value)
			}
			k.cmd.Stdin, k.cmd.Stdout, k.cmd.Stderr = slave, slave, slave
			k.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
			if err := k.cmd.Start(); err != nil {
				t.Fatal(err)
			}
			slave.Close()
			t.Cleanup(func() { _ = syscall.Kill(-k.cmd.Process.Pid, syscall.SIGKILL) })
			go func() {
				buffer := make([]byte, 1024)
				for {
					n, err := master.Read(buffer)
					if err != nil {
						return
					}
					_, _ = k.Write(buffer[:n])
				}
			}()
			do(t, k)
		})
	}
}

// Nothing is printed before somebody attaches, whose size is there first; then the shell's exit code is the container's.
func TestKeptShellStartsWithASizeAndEndsWithItsCode(t *testing.T) {
	eachShell(t, func(t *testing.T, k *kept) {
		t.Helper()
		select {
		case <-time.After(time.Second):
		case <-t.Context().Done():
		}
		if k.shown() != "" {
			t.Errorf("nobody is there, and it shows %q", k.shown())
		}
		if err := pty.Setsize(k.master, &pty.Winsize{Cols: 90, Rows: 30}); err != nil {
			t.Fatal(err)
		}
		k.await(t, "web-0(main) ")
		if _, err := k.master.WriteString("stty size; set | grep -c '^SHAREPROC_'\nexit 7\n"); err != nil {
			t.Fatal(err)
		}
		k.await(t, "30 90\r\n0\r\n")
		if code := k.code(t); code != 7 {
			t.Errorf("exit code %d", code)
		}
	})
}

// The end of the time is that of a helper too to which nobody has attached: what waits for that ends with its watcher.
func TestKeptShellEndsWithoutAnybody(t *testing.T) {
	eachShell(t, func(t *testing.T, k *kept) {
		t.Helper()
		if err := syscall.Kill(k.watcher(t), syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if code := k.code(t); code != 0 || k.shown() != "" {
			t.Errorf("exit code %d; the screen has %q", code, k.shown())
		}
	})
}

// The watcher ends a shell that ignores the signal.
func TestKeptShellIsEndedByItsWatcher(t *testing.T) {
	eachShell(t, func(t *testing.T, k *kept) {
		t.Helper()
		if err := pty.Setsize(k.master, &pty.Winsize{Cols: 90, Rows: 30}); err != nil {
			t.Fatal(err)
		}
		k.await(t, "web-0(main) ")
		// The watcher is the other child of the script.
		if _, err := k.master.WriteString("trap '' HUP TERM; read -r _ _ _ up _ </proc/self/stat; for p in /proc/[0-9]*; do read -r pid _ _ parent _ 2>/dev/null <$p/stat; " +
			"read -r me _ </proc/self/stat; [ \"$parent\" = \"$up\" ] && [ \"$pid\" != \"$me\" ] && echo other $pid; done; echo \"en\"d\n"); err != nil {
			t.Fatal(err)
		}
		k.await(t, "end\r\n")
		_, rest, found := strings.Cut(k.shown(), "\nother ")
		watcher, _, _ := strings.Cut(rest, "\r")
		if !found {
			t.Fatalf("no watcher; the screen has %q", k.shown())
		}
		if _, err := k.master.WriteString("kill -TERM " + watcher + "\n"); err != nil {
			t.Fatal(err)
		}
		if code := k.code(t); code != 137 {
			t.Errorf("exit code %d", code)
		}
	})
}
