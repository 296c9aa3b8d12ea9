// SPDX-License-Identifier: Apache-2.0

package session

import (
	"crypto/rand"
	_ "embed"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
)

// runScript leaves the mark that tells the waiting helper of a command that may be over before it looks,
// then becomes the command. A shell keeps no history file: with one, busybox writes down each line that is typed, and even
// /dev/null becomes a file after a thousand. It is one line, because shells that run their own applets show it in ps.
//
//go:embed run.sh
var runScript string

// Command is a command in a session's container, known by an id: the same argv can run there twice.
type Command struct {
	id   string
	argv []string
}

// NewCommand names a command.
func NewCommand(argv []string) Command { return Command{id: rand.Text(), argv: argv} }

// Argv is what to run: the command's own words, after a mark that keeps the helper from ending as idle. A
// command that can't be found ends with 127, as in any shell.
func (c Command) Argv() []string {
	return append([]string{"sh", "-c", runScript, "shareproc", c.id}, c.argv...)
}

// ArgvIn is Argv for a container that has its tools in a folder beside PATH, and no helper that waits.
func (c Command) ArgvIn(tools string) []string {
	if tools == "" {
		return c.Argv()
	}
	return append([]string{tools + "/sh", "-c", `export HISTFILE= PATH="$PATH:$0"; exec "$@"`, tools}, c.argv...)
}

// Tether is what to run beside the command: podspec.Tether.
func (c Command) Tether() []string { return podspec.Tether(c.id) }

// TetherDone is podspec.TetherDone.
const TetherDone = podspec.TetherDone
