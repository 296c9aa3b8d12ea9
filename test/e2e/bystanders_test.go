// SPDX-License-Identifier: Apache-2.0

//go:build unix

package e2e

import (
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/launch"
)

// helping is a way that leaves a helper, which can't be removed and ends by itself. Nothing of the command may run on.
func helping(flags ...string) leaving {
	return leaving{onePod, append([]string{"debug", "web"}, flags...), func(t *testing.T, w *environment) string {
		t.Helper()
		return ""
	}}
}

// A helper outlives its client, whatever that dies of; its command does not, and clean ends it.
func TestHelpersAfterTheirClientsEnd(t *testing.T) {
	full(t)
	t.Parallel()
	begun := phase{name: "a session", lasts: true, tied: true}
	added := phase{name: "a helper, added without an answer", decide: func(r request) fate {
		if r.asks(http.MethodPatch, "/ephemeralcontainers") {
			return mute
		}
		return pass
	}}
	for name, y := range map[string]leaving{"helper": helping(), "root": helping("--root")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := y.environment(t)
			over := func() {
				t.Helper()
				w.awaitNoProcess(t, "98765")
				w.awaitNoProcess(t, launch.WatchdogName)
			}
			for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGKILL} {
				begun.reach(t, w, newGate(t, w, nil), y).end(sig)
				over()
			}
			begun.panics(t, w, y)
			over()
			begun.loses(t, w, y)
			over()
			w.cleanHelpers(t)

			for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
				added.reach(t, w, newGate(t, w, added.decide), y).end(sig)
				w.cleanHelpers(t)
			}
			added.panics(t, w, y)
			w.cleanHelpers(t)
		})
	}
}

// cleanHelpers waits until a helper runs, and ends it as a person would on any machine.
func (w *environment) cleanHelpers(t *testing.T) {
	t.Helper()
	if err := poll(t.Context(), func() (bool, error) {
		list, err := w.plugin(t.Context(), "sessions", "--no-headers")
		return strings.Contains(list, "running"), err
	}); err != nil {
		t.Errorf("no helper that is idle in sessions: %v", err)
	}
	if out, err := w.plugin(t.Context(), "clean"); err != nil || !strings.Contains(out, "shareproc-") {
		t.Errorf("clean: %q, %v", out, err)
	}
	if list, err := w.plugin(t.Context(), "sessions", "-o", "name"); err != nil || strings.TrimSpace(list) != "" {
		t.Errorf("after clean there are %q, %v", list, err)
	}
}

// A copy is nobody's but its session's: the end of the original is not its end.
func TestCopyOutlivesItsOriginal(t *testing.T) {
	full(t)
	t.Parallel()
	for name, y := range map[string]leaving{"copy": copying(), "held": holding()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := y.environment(t)
			j := phase{name: "a session", lasts: true}.reach(t, w, newGate(t, w, nil), y)
			if _, err := w.kubectl(t.Context(), "delete", "pod", "web", "--now"); err != nil {
				t.Fatal(err)
			}
			select {
			case <-j.ended:
				t.Errorf("the session has ended with the original\n%s", j.text())
			default:
			}
			if y.left(t, w) == "" {
				t.Error("the copy has gone with the original")
			}
			j.end(syscall.SIGTERM)
			y.gone(t, w, j)
		})
	}
}

// The pod in which a session runs goes, or the whole workload does.
func TestPatchIsPutBackWhenItsPodGoes(t *testing.T) {
	full(t)
	t.Parallel()
	for name, y := range map[string]leaving{"pod": patching(), "root": {oneDeployment, append(patching().args, "--root"), patching().left}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := y.environment(t)
			j := phase{name: "a session", lasts: true}.reach(t, w, newGate(t, w, nil), y)
			if _, err := w.kubectl(t.Context(), "delete", "pods", "--all", "--now", "--wait=false"); err != nil {
				t.Fatal(err)
			}
			j.over(hang)
			if j.cmd.ProcessState.Success() {
				t.Errorf("a session whose pod was deleted ended well\n%s", j.text())
			}
			y.gone(t, w, j)
		})
	}
	t.Run("workload", func(t *testing.T) {
		t.Parallel()
		y := patching()
		w := y.environment(t)
		j := phase{name: "a session", lasts: true}.reach(t, w, newGate(t, w, nil), y)
		if _, err := w.kubectl(t.Context(), "delete", "deploy", "web", "--wait=false"); err != nil {
			t.Fatal(err)
		}
		j.over(hang)
		if j.cmd.ProcessState.Success() || strings.Contains(j.text(), "panic") {
			t.Errorf("a session whose workload was deleted:\n%s", j.text())
		}
		if err := poll(t.Context(), func() (bool, error) { return w.query(t, "pods", "-o", "name") == "", nil }); err != nil {
			t.Error(err)
		}
	})
}
