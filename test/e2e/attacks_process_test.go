// SPDX-License-Identifier: Apache-2.0

//go:build linux

package e2e

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// executed is what the target's program has written down where it was run as somebody's tool.
func (h *hostilePod) executed() string {
	h.t.Helper()
	return h.in("side", nil, "sh", "-c", "cat /hostile/executed /hostile/fake/executed 2>/dev/null || true")
}

// A target that owns its mount namespace, as every process may make one where the pod's seccomp profile is unset, gets no
// program of its own run by the helper. CVE-2019-5736 is an attack of that kind on runc.
func TestNoProgramOfTheTargetIsRun(t *testing.T) {
	full(t)
	fromEnvironment(t)
	t.Parallel()
	for name, spec := range map[string]hostileSpec{"baseline": baseline(), "root": root()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec.first = []string{"unshare", "-U", "-r", "-m", hostileProgram, "userns"}
			h := newHostilePod(t, spec)
			h.debug()
			for range 3 {
				h.try(nil, "fs", "find", "web", "/", "-c", "app", "-q")
				h.try(nil, "fs", "cat", "web", "/etc/passwd", "-c", "app", "-q")
				h.try(nil, "cp", "web:/etc", t.TempDir(), "-c", "app", "-q")
				if ran := h.executed(); ran != "" {
					t.Fatalf("the target's program ran:\n%s", ran)
				}
			}
		})
	}
}

// A target that made itself a root of plain directories does not get it run by "debug --root" either, which enters that
// root and brings its own tools.
func TestRootShellRunsItsOwnTools(t *testing.T) {
	full(t)
	fromEnvironment(t)
	t.Parallel()
	spec := root()
	spec.first = []string{hostileProgram, "chroot-fake"}
	h := newHostilePod(t, spec)
	for _, args := range [][]string{
		{"debug", "web", "-c", "app", "--root", "-q", "--", "ls", "/"},
		{"fs", "web", "/", "-c", "app", "-q"},
		{"fs", "find", "web", "/p", "-c", "app", "-q"},
	} {
		if o := h.try(nil, args...); strings.Contains(o.stdout, "hello from") {
			t.Errorf("%q printed %q, exit code %d", args, o.stdout, o.code)
		}
	}
	if ran := h.executed(); ran != "" {
		t.Errorf("the target's program ran:\n%s", ran)
	}
}

// A process that is called like the beginning of another line of /proc/PID/stat gets nobody killed.
func TestNameOfAProcessKillsNobody(t *testing.T) {
	full(t)
	fromEnvironment(t)
	t.Parallel()
	// A helper of root's may end anybody's processes.
	for name, spec := range map[string]hostileSpec{"restricted": restricted(), "root": root()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec.shared = true
			h := newHostilePod(t, spec)
			h.debug()
			local := filepath.Join(t.TempDir(), "new")
			if err := os.WriteFile(local, []byte("new\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			h.in("app", nil, "mkdir", "/data/d")
			args := []string{"cp", "--resume", local, "web:/data/d/", "-c", "app", "-q"}
			watch := h.attack("", "watch", "/data/d")
			if o := h.try(nil, args...); o.code != 0 {
				t.Fatal(o.stderr)
			}
			victim := h.pid("sleep 98712")
			words := []string{"named", "sh) S 1 " + victim + " ", "x"}
			for _, name := range watch() {
				words = append(words, name, "file", "")
			}
			h.attack("", words...)
			if o := h.try(nil, args...); o.code != 0 {
				t.Errorf("%s", o.stderr)
			}
			if now := h.pid("sleep 98712"); now != victim {
				t.Errorf("the process %s of the other container is %s now", victim, now)
			}
			pod, err := h.client.CoreV1().Pods(h.namespace).Get(t.Context(), "web", metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range append(pod.Status.ContainerStatuses, pod.Status.EphemeralContainerStatuses...) {
				if c.RestartCount != 0 || c.State.Running == nil || c.LastTerminationState != (corev1.ContainerState{}) {
					t.Errorf("container %s was ended: %+v", c.Name, c)
				}
			}
		})
	}
}

// A command that is interrupted leaves nothing behind, also where the first process reaps nobody: what is left counts
// against the pod's limit of processes. Of one whose client is killed the runtime kills the first process, and the one that
// outlives it to clean up has nobody then who looks after it.
func TestInterruptsLeaveNoZombies(t *testing.T) {
	full(t)
	fromEnvironment(t)
	t.Parallel()
	h := newHostilePod(t, restricted())
	h.in("app", nil, hostileProgram, "tree", "/data/t", "10000")
	h.in("app", nil, "fallocate", "-l", "2147483648", "/data/big")
	if o := h.try(nil, "fs", "web", "/data", "-c", "app", "-q"); o.code != 0 {
		t.Fatal(o.stderr)
	}
	killed := 0
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		for _, args := range [][]string{
			{"fs", "grep", "-r", "line", "web", "/data/t", "-c", "app"},
			{"fs", "checksum", "-R", "web", "/data/t", "-c", "app", "-q"},
			{"cp", "web:/data/big", "-", "-c", "app", "-q"},
		} {
			h.interrupt(sig, args...)
			if sig == syscall.SIGKILL {
				killed++
			}
			if left := h.awaitEnd(); len(left) > killed {
				t.Fatalf("%q left after %s: %q", args, sig, left)
			}
		}
	}
}

// awaitEnd waits until nothing runs but what waits, and returns what has ended by then and is still there. What one look
// finds and the next does not is reaped.
func (h *hostilePod) awaitEnd() (left []seen) {
	h.t.Helper()
	var before []seen
	running := func(p seen) bool { return p.state != "Z" }
	err := poll(h.t.Context(), func() (bool, error) {
		now := h.left()
		left = nil
		for _, p := range now {
			if slices.Contains(before, p) {
				left = append(left, p)
			}
		}
		quiet := before != nil && !slices.ContainsFunc(slices.Concat(before, now), running)
		before = append([]seen{}, now...)
		return quiet, nil
	})
	if err != nil {
		h.t.Errorf("something still runs: %v: %q", err, before)
	}
	return left
}

// left are the processes that are neither app's nor those of a helper that waits, nor runc's on their way into a container,
// which are called exe and which it reaps.
func (h *hostilePod) left() []seen {
	h.t.Helper()
	waits := map[string]bool{"1": true, h.pid(""): true}
	var found []seen
	for _, p := range h.processes() {
		if !waits[p.pid] && p.text != `"[exe]"` && !strings.Contains(p.text, "SHAREPROC_WAIT") && !strings.HasPrefix(p.text, `"sleep `) {
			found = append(found, p)
		}
	}
	return found
}

// interrupt ends a command of the plugin as soon as it has printed something.
func (h *hostilePod) interrupt(sig syscall.Signal, args ...string) {
	h.t.Helper()
	cmd := exec.CommandContext(h.t.Context(), filepath.Join(h.path, "kubectl-shareproc"), args...)
	cmd.Env = append(os.Environ(), h.env()...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	if _, err := io.ReadFull(stdout, make([]byte, 1)); err != nil {
		h.t.Errorf("%q printed nothing: %v", args, err)
	}
	if err := cmd.Process.Signal(sig); err != nil {
		h.t.Error(err)
	}
	_, _ = io.Copy(io.Discard, stdout)
	if err := cmd.Wait(); err == nil {
		h.t.Errorf("%q ended before it was interrupted", args)
	}
}
