// SPDX-License-Identifier: Apache-2.0

package session

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
)

func TestCommandHidesTheHelpersOwnVariables(t *testing.T) {
	env := (podspec.Helper{By: "anna"}).Ephemeral().Env
	if len(env) != 1 || !strings.Contains(runScript, "unset "+env[0].Name+";") {
		t.Errorf("%q does not unset all of %v", runScript, env)
	}
	if !strings.Contains(runScript, ">>"+podspec.Notes+";") {
		t.Errorf("%q leaves no mark in %s", runScript, podspec.Notes)
	}
}

// The mark must neither change the command's words nor its exit code.
func TestCommandPassesWordsAndExitCode(t *testing.T) {
	argv := NewCommand([]string{"sh", "-c", `printf '%s|' "$@"; exit 7`, "x", "a b", "$HOME", "'\"\n"}).Argv()
	if _, err := exec.LookPath(argv[0]); err != nil {
		t.Skip("no sh on this machine")
	}
	out, err := exec.Command(argv[0], argv[1:]...).Output()
	if want := "a b|$HOME|'\"\n|"; string(out) != want {
		t.Errorf("got %q, want %q", out, want)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 7 {
		t.Errorf("got %v", err)
	}
}
