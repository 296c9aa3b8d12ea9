// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
)

// crowded is a container in which no program can be started, and which says so when it is asked.
type crowded struct {
	cluster.Exec
	answer string
}

func (c crowded) Run(_ context.Context, argv []string, _ io.Reader, stdout, _ io.Writer) error {
	if argv[len(argv)-1] != pidsScript {
		return &attach.ExitError{Code: cannotFork}
	}
	_, err := io.WriteString(stdout, c.answer)
	return err
}

func TestHelperWithoutProcessesSaysTheNumbers(t *testing.T) {
	for answer, want := range map[string]string{
		"64 64\n":     "container shareproc-a of pod/web can start no process: 64 run in it, and at most 64 may (pids.max)",
		"3 max\n":     "container shareproc-a of pod/web can start no process: the limit of its pod or of its node is reached",
		"0 unknown\n": "container shareproc-a of pod/web can start no process: the limit of its pod or of its node is reached",
		"3 64\n":      "command terminated with exit code 2",
		"\x1b[2J\n":   "command terminated with exit code 2",
	} {
		l := lifetimeIn(withHelper(corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}))
		exec := crowded{answer: answer}
		err := l.ExplainProgram(t.Context(), exec, exec.Run(t.Context(), []string{"sh"}, nil, io.Discard, io.Discard))
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v", answer, err)
		}
		if _, exited := errors.AsType[*attach.ExitError](err); exited == strings.HasPrefix(want, "container") {
			t.Errorf("%q: an exit code %v", answer, exited)
		}
	}
}

// The script starts no process: its shell runs where none can be started.
func TestPidsScriptStartsNothing(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh on this machine")
	}
	cmd := exec.Command(sh, "-c", pidsScript)
	cmd.Env = []string{"PATH=/nothing"}
	out, err := cmd.Output()
	if words := strings.Fields(string(out)); err != nil || len(words) != 2 {
		t.Errorf("%q, %v", out, err)
	}
}
