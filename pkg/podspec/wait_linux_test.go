// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// waiting is wait.sh at work, as a pod carries it, over a /proc made of files and with notes of its own.
type waiting struct {
	cmd         *exec.Cmd
	proc, notes string
}

const (
	helperGroup = "0::/kubepods/pod1/helper\n"
	targetGroup = "0::/kubepods/pod1/nginx\n"
)

// process puts a process into the false /proc. Its name is whatever it likes to be.
func (w *waiting) process(t *testing.T, pid, parent int, state, group string) {
	t.Helper()
	dir := filepath.Join(w.proc, strconv.Itoa(pid))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"cgroup": group, "stat": fmt.Sprintf("%d (sh) S 1\n (b) %s %d 0 0\n", pid, state, parent),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// start runs the script until it ends or the test does. prepare may change the command before it starts.
func (w *waiting) start(t *testing.T, shell string, prepare func(*exec.Cmd)) {
	t.Helper()
	text := strings.NewReplacer(Notes, w.notes, "/proc/[0-9]*", w.proc+"/[0-9]*", "#/proc/", "#"+w.proc+"/",
		"/proc/$pid/stat", w.proc+"/$pid/stat", "/proc/self/cgroup", w.proc+"/self/cgroup").Replace(OneLine(waitScript))
	w.cmd = exec.CommandContext(t.Context(), shell, "-c", text, "shareproc", "1")
	// Its stdout is a pipe that nobody writes to, as a container's is.
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { read.Close(); write.Close() })
	w.cmd.Stdout = write
	stderr := &strings.Builder{}
	w.cmd.Stderr = stderr
	if prepare != nil {
		prepare(w.cmd)
	}
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = w.cmd.Wait() // an error where the test has waited: either way nothing writes any more
		if stderr.Len() > 0 {
			t.Log(stderr)
		}
	})
}

// round waits until the script has looked once more: until it has written its notes over a mark.
func (w *waiting) round(t *testing.T) {
	t.Helper()
	w.until(t, func(notes string) bool { return strings.HasPrefix(notes, "process ") })
	f, err := os.OpenFile(w.notes, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.WriteString(f, "\n")
	f.Close()
	if err != nil {
		t.Fatal(err)
	}
	w.until(t, func(notes string) bool { return strings.Count(notes, "\n") == 1 })
}

func (w *waiting) until(t *testing.T, holds func(notes string) bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); ; <-time.After(10 * time.Millisecond) {
		text, err := os.ReadFile(w.notes)
		if err == nil && holds(string(text)) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the notes are %q, %v", text, err)
		}
	}
}

// ends waits for the script's end, which leaves no notes.
func (w *waiting) ends(t *testing.T) {
	t.Helper()
	if err := w.cmd.Wait(); err != nil {
		t.Error(err)
	}
	if text, err := os.ReadFile(w.notes); err != nil || len(text) > 0 {
		t.Errorf("left in the notes: %q, %v", text, err)
	}
}

func newWaiting(t *testing.T) *waiting {
	t.Helper()
	dir := t.TempDir()
	w := &waiting{proc: filepath.Join(dir, "proc"), notes: filepath.Join(dir, "notes")}
	if err := os.MkdirAll(filepath.Join(w.proc, "self"), 0o755); err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{w.notes: "", filepath.Join(w.proc, "self", "cgroup"): helperGroup} {
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	w.process(t, 1, 0, "S", targetGroup)
	return w
}

// A command of this container keeps a helper; a process of another does not, nor one that has ended and is not reaped.
func TestHelperEndsWhenNothingRuns(t *testing.T) {
	for name, shell := range waitShells(t) {
		for state, keeps := range map[string]bool{"S": true, "R": true, "T": true, "Z": false, "X": false} {
			t.Run(name+", state "+state, func(t *testing.T) {
				t.Parallel()
				w := newWaiting(t)
				w.process(t, 90, 1, state, helperGroup)
				w.start(t, shell, nil)
				if keeps {
					for range 2 {
						w.round(t)
					}
					if err := os.RemoveAll(filepath.Join(w.proc, "90")); err != nil {
						t.Fatal(err)
					}
				}
				w.ends(t)
			})
		}
	}
}

// A command that was over before the next look keeps it too, by the line that it left.
func TestHelperIsKeptByAMark(t *testing.T) {
	for name, shell := range waitShells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWaiting(t)
			w.start(t, shell, nil)
			for range 3 {
				w.round(t)
			}
			w.ends(t)
		})
	}
}

// A request to exit is a clean end, in the middle of a pause.
func TestHelperEndsWhenItIsTold(t *testing.T) {
	for name, shell := range waitShells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWaiting(t)
			w.start(t, shell, nil)
			w.round(t)
			if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			w.ends(t)
		})
	}
}

// began makes the script one of a helper with a time of ten minutes that was added at that time.
func began(made string) func(*exec.Cmd) {
	return func(cmd *exec.Cmd) {
		cmd.Args[len(cmd.Args)-1] = "600"
		cmd.Env = append(os.Environ(), Variable+"=600 "+made+" everything nginx anna")
	}
}

// A helper that begins long after it was added, as one does whose record the runtime has lost, is as good as over: 10 seconds
// are left to who waits for it, unless a command comes. Where the time is not known, or the clocks do not agree, it is any
// other helper.
func TestHelperThatBeginsLateIsNearlyOver(t *testing.T) {
	now := time.Now().Unix()
	for made, idle := range map[string]string{
		strconv.FormatInt(now-3600, 10): "590", strconv.FormatInt(now, 10): "0", strconv.FormatInt(now+3600, 10): "0", "-": "0", "1x": "0",
	} {
		for name, shell := range waitShells(t) {
			t.Run(name+", added at "+made, func(t *testing.T) {
				t.Parallel()
				w := newWaiting(t)
				w.start(t, shell, began(made))
				w.until(t, func(notes string) bool { return strings.HasSuffix(notes, " idle "+idle+" \n") })
				w.round(t)
				w.until(t, func(notes string) bool { return strings.HasSuffix(notes, " idle 0 \n") })
				if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
				w.ends(t)
			})
		}
	}
}

// Of a shell that begins late nobody's key is known yet, which is no key; whoever has attached to it is there.
func TestShellThatBeginsLateIsNearlyOverUntilSomebodyAttaches(t *testing.T) {
	for name, shell := range waitShells(t) {
		for attached, idle := range map[bool]string{false: "603", true: "0"} {
			t.Run(fmt.Sprintf("%s, attached %t", name, attached), func(t *testing.T) {
				t.Parallel()
				master, slave, err := pty.Open()
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { master.Close(); slave.Close() })
				w := newWaiting(t)
				w.process(t, 80, 0, "S", helperGroup)
				w.start(t, shell, func(cmd *exec.Cmd) {
					began("1000")(cmd)
					cmd.Args = append(cmd.Args, "80")
					cmd.Stdin, cmd.ExtraFiles = cmd.Stdout.(*os.File), []*os.File{slave}
				})
				w.until(t, func(notes string) bool { return strings.HasSuffix(notes, " idle 598 80\n") })
				if attached {
					if err := pty.Setsize(master, &pty.Winsize{Cols: 90, Rows: 30}); err != nil {
						t.Fatal(err)
					}
				}
				w.until(t, func(notes string) bool { return strings.HasSuffix(notes, " idle "+idle+" 80\n") })
				if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
				w.ends(t)
			})
		}
	}
}

// alone prepares the script for a user who may have one process: the shell, which is busybox. It ends a test without one.
func (w *waiting) alone(t *testing.T) (shell string, prepare func(*exec.Cmd)) {
	t.Helper()
	busybox := os.Getenv("SHAREPROC_TEST_BUSYBOX")
	if busybox == "" || os.Getuid() != 0 {
		t.Skip("needs busybox, named by SHAREPROC_TEST_BUSYBOX, and root to run it as another user")
	}
	for dir := filepath.Dir(w.proc); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	program, err := os.ReadFile(busybox)
	if err != nil {
		t.Fatal(err)
	}
	const nobody = 987654
	shell = filepath.Join(filepath.Dir(w.proc), "sh")
	if err := os.WriteFile(shell, program, 0o755); err != nil {
		t.Fatal(err)
	}
	return shell, func(cmd *exec.Cmd) {
		cmd.Env = []string{"PATH=" + filepath.Dir(shell), "SHAREPROC_WAIT=" + cmd.Args[2]}
		cmd.Args[2] = "ulimit -u 1 || exit; " + cmd.Args[2]
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		if err := cmd.Stdout.(*os.File).Chown(nobody, nobody); err != nil { // as runc does
			t.Fatal(err)
		}
	}
}

// In the helper's own shell it starts no process, so that a list of processes has one line of it, and so that it outlives
// a time in which the pod has as many processes as it may have.
func TestHelperForksNothing(t *testing.T) {
	w := newWaiting(t)
	shell, prepare := w.alone(t)
	w.start(t, shell, prepare)
	for range 2 {
		w.round(t)
	}
	pid := strconv.Itoa(w.cmd.Process.Pid)
	if children, err := os.ReadFile(filepath.Join("/proc", pid, "task", pid, "children")); err != nil || len(children) > 0 {
		t.Errorf("children %q, %v", children, err)
	}
	w.ends(t)
}

// What watches a shell has to fork; where it can't, it goes on all the same, as the same process.
func TestWatcherOfAShellOutlivesAShortageOfProcesses(t *testing.T) {
	w := newWaiting(t)
	w.process(t, 80, 0, "S", helperGroup)
	shell, prepare := w.alone(t)
	w.start(t, shell, func(cmd *exec.Cmd) {
		prepare(cmd)
		cmd.Args = append(cmd.Args, "80")
		cmd.Stdin = cmd.Stdout.(*os.File) // the pipe that nobody writes to
	})
	for range 3 {
		w.round(t)
	}
	if text, err := os.ReadFile(w.notes); err != nil || string(text) != fmt.Sprintf("process %d idle 0 80\n", w.cmd.Process.Pid) {
		t.Errorf("the notes are %q, %v", text, err)
	}
}

// The variables of a namespace's Services change nothing: the kubelet gives each container those of all of them.
func TestHelperAmongTwoHundredServices(t *testing.T) {
	for name, shell := range waitShells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWaiting(t)
			w.start(t, shell, func(cmd *exec.Cmd) {
				cmd.Env = os.Environ()
				for i := range 200 {
					service := fmt.Sprintf("%s_%d", strings.Repeat("KEEP", 10), i)
					for _, suffix := range []string{"SERVICE_HOST", "SERVICE_PORT", "PORT", "PORT_80_TCP", "PORT_80_TCP_PROTO", "PORT_80_TCP_PORT", "PORT_80_TCP_ADDR"} {
						cmd.Env = append(cmd.Env, service+"_"+suffix+"=tcp://10.96.255.255:80")
					}
				}
			})
			w.round(t)
			w.ends(t)
		})
	}
}
