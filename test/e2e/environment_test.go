// SPDX-License-Identifier: Apache-2.0

//go:build unix

package e2e

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func testEnvironment(t *testing.T) *environment {
	t.Helper()
	w, remove, err := newEnvironment(t.Context(), fromEnvironment(t), t.TempDir())
	if remove != nil {
		t.Cleanup(func() {
			if err := remove(); err != nil {
				t.Error(err)
			}
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *environment) awaitNoCopy(t *testing.T) {
	t.Helper()
	if err := poll(t.Context(), func() (bool, error) {
		out, err := w.kubectl(t.Context(), "get", "pods", "-o", "name")
		return strings.TrimSpace(out) == "pod/web", err
	}); err != nil {
		t.Errorf("the copy is still there: %v", err)
	}
}

// awaitProcess waits until every text is in the command line of some process.
func (w *environment) awaitProcess(t *testing.T, texts ...string) {
	t.Helper()
	var last string
	err := poll(t.Context(), func() (bool, error) {
		out, err := w.plugin(t.Context(), "ps", "web", "-a", "-q")
		last = out
		return !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(out, text) }), err
	})
	if err != nil {
		t.Fatalf("%q don't run: %v\n%s", texts, err, last)
	}
}

// awaitNoProcess waits until no process has text in its command line.
func (w *environment) awaitNoProcess(t *testing.T, text string) {
	t.Helper()
	var last string
	err := poll(t.Context(), func() (bool, error) {
		out, err := w.plugin(t.Context(), "ps", "web", "-a", "-q")
		last = out
		return !strings.Contains(out, text), err
	})
	if err != nil {
		t.Errorf("%q still runs: %v\n%s", text, err, last)
	}
}

func (w *environment) plugin(ctx context.Context, args ...string) (string, error) {
	return w.run(ctx, "kubectl-shareproc", args...)
}

func (w *environment) kubectl(ctx context.Context, args ...string) (string, error) {
	return w.run(ctx, "kubectl", args...)
}

func (w *environment) run(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(w.path, name), args...)
	cmd.Env = append(os.Environ(), w.env()...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = errors.New(name + " " + strings.Join(args, " ") + ": " + string(exit.Stderr))
	}
	return string(out), err
}
