// SPDX-License-Identifier: Apache-2.0

package session

import (
	_ "embed"
	"fmt"
	"strconv"
)

// enterScript is one that opens a process's root as /.
//
//go:embed enter.sh
var enterScript string

// besideScript is for where that is refused.
const besideScript = `cd "/proc/$0/root" && exec "$@"`

// Root is the root of a process of the target, to be somebody's / with the helper's tools at hand. It needs user 0 and
// CAP_SYS_CHROOT (chroot(2)), a target that has its own /proc mounted, and tools that are static. Its command has the
// process's working folder.
type Root struct {
	PID int
	// AllVariables gives the command the whole environment of the process, instead of what names nothing secret. A
	// variable whose name no shell takes is left out.
	AllVariables bool
}

// Try is what to run to learn whether it works: RootRefusal reads its exit code.
func (r Root) Try() []string { return r.script("try", nil) }

// Argv is what to run for a command there, or for a shell where argv is empty.
func (r Root) Argv(argv []string) []string {
	how := "few"
	if r.AllVariables {
		how = "all"
	}
	return r.script(how, argv)
}

// Beside is what to run for a command, or a shell, in the root as a folder: / is the helper's then.
func (r Root) Beside(argv []string) []string {
	if len(argv) == 0 {
		argv = []string{"sh"}
	}
	return append([]string{"sh", "-c", besideScript, strconv.Itoa(r.PID)}, argv...)
}

func (r Root) script(how string, argv []string) []string {
	return append([]string{"sh", "-c", enterScript, "shareproc", how, strconv.Itoa(r.PID)}, argv...)
}

// RootRefusal says in a few words what an exit code of Try means.
func RootRefusal(code int) string {
	switch code {
	case 41:
		return "the helper may not open it"
	case 42:
		return "it has no /proc through which the helper's tools could be reached"
	case 43:
		return "chroot is refused; it needs root with CAP_SYS_CHROOT"
	case 44:
		return "the helper's tools don't run there; they have to be static"
	case 45:
		return "the helper lacks chroot, env, sh or tr"
	case 46:
		return "what it has at /proc is not the kernel's, and nothing is executed through that"
	case 47:
		return "something is mounted over a process in its /proc, and nothing is executed through that"
	case 48:
		return "it has a user namespace of its own, in which it can put anything in the place of the helper's tools"
	default:
		return fmt.Sprintf("the question ended with exit code %d", code)
	}
}
