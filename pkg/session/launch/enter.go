// SPDX-License-Identifier: Apache-2.0

package launch

import (
	_ "embed"
	"fmt"
	"strconv"
)

// enterScript runs a command with the root of a process as /.
//
//go:embed enter.sh
var enterScript string

// besideScript is used if chroot is denied.
const besideScript = `cd "/proc/$0/root" && exec "$@"`

// Root runs a command with the root of a process as / and the tools of the helper. It requires UID 0, CAP_SYS_CHROOT,
// /proc mounted in the target, and static tools. The command starts in the working directory of the process.
type Root struct {
	PID int
	// AllVariables passes the whole environment of the process, instead of variables that are known to hold no secret.
	// Names that a shell rejects are left out.
	AllVariables bool
}

// Try is the command that checks whether it works: RootRefusal explains its exit code.
func (r Root) Try() []string { return r.script("try", nil) }

// Argv is the command line for a command, or for a shell if argv is empty.
func (r Root) Argv(argv []string) []string {
	how := "few"
	if r.AllVariables {
		how = "all"
	}
	return r.script(how, argv)
}

// Beside is the command line for a command or a shell that starts in the root directory of the process; / is that of
// the helper.
func (r Root) Beside(argv []string) []string {
	if len(argv) == 0 {
		argv = []string{"sh"}
	}
	return append([]string{"sh", "-c", besideScript, strconv.Itoa(r.PID)}, argv...)
}

func (r Root) script(how string, argv []string) []string {
	return append([]string{"sh", "-c", enterScript, "shareproc", how, strconv.Itoa(r.PID)}, argv...)
}

// RootRefusal explains an exit code of Try.
func RootRefusal(code int) string {
	switch code {
	case 41:
		return "the helper lacks permission to open it"
	case 42:
		return "it has no /proc, through which the helper's tools are reached"
	case 43:
		return "chroot is denied: it requires root with CAP_SYS_CHROOT"
	case 44:
		return "the helper's tools do not run there: they must be static"
	case 45:
		return "the helper lacks chroot, env, sh or tr"
	case 46:
		return "its /proc is not the kernel's, so nothing is executed through it"
	case 47:
		return "something is mounted over a process in its /proc, so nothing is executed through it"
	case 48:
		return "it has its own user namespace, in which it can replace the helper's tools"
	default:
		return fmt.Sprintf("the check failed with exit code %d", code)
	}
}
