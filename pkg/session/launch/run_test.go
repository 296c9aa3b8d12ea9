// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
)

func TestCommandHidesTheHelpersOwnVariables(t *testing.T) {
	env := (podspec.Helper{By: "anna", Reason: "INC-7"}).Ephemeral().Env
	if len(env) != 2 || !strings.Contains(runScript, "unset "+env[0].Name+" "+env[1].Name+";") {
		t.Errorf("%q does not unset all of %v", runScript, env)
	}
	if !strings.Contains(runScript, ">>"+podspec.Notes+";") {
		t.Errorf("%q leaves no mark in %s", runScript, podspec.Notes)
	}
}

// The mark must neither change the command's words nor its exit code.
func TestCommandPassesWordsAndExitCode(t *testing.T) {
	argv := New([]string{"sh", "-c", `printf '%s|' "$@"; exit 7`, "x", "a b", "$HOME", "'\"\n"}).Argv()
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

// busybox writes each line that is typed into $HOME/.ash_history, unless HISTFILE is empty. What is only unset it sets, and
// /dev/null it replaces by a file after a thousand lines.
func TestShellsKeepNoHistory(t *testing.T) {
	for _, key := range []string{"HISTFILE", "HISTFILE=/home/app/.history"} {
		name, value, _ := strings.Cut(key, "=")
		for what, argv := range map[string][]string{
			"a command in a helper":         New([]string{"sh", "-c", `echo "${HISTFILE-unset}."; env | grep ^HISTFILE=`}).Argv(),
			"a command in a held container": New([]string{"sh", "-c", `echo "${HISTFILE-unset}."; env | grep ^HISTFILE=`}).ArgvIn("/bin"),
		} {
			cmd := exec.Command(argv[0], argv[1:]...)
			if value != "" {
				cmd.Env = append(cmd.Environ(), name+"="+value)
			}
			out, err := cmd.Output()
			if err != nil || string(out) != ".\nHISTFILE=\n" {
				t.Errorf("%s, before it %s: %q, %v", what, key, out, err)
			}
		}
	}
}
