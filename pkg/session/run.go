// SPDX-License-Identifier: Apache-2.0

package session

import (
	"crypto/rand"
	_ "embed"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
)

// runScript adds a line to podspec.Notes, since a short command may end before the waiting helper looks, then executes the
// command. HISTFILE is empty because busybox would record what is typed. It is one line because ps may show it.
//
//go:embed run.sh
var runScript string

// watchdogScript kills what is left of a command whose client is gone.
//
//go:embed watchdog.sh
var watchdogScript string

// Command is a command with an id: the same argv can run twice in a container.
type Command struct {
	id   string
	argv []string
}

// NewCommand gives a command an id.
func NewCommand(argv []string) Command { return Command{id: rand.Text(), argv: argv} }

// Argv is the command line that marks the helper as in use and then executes the command. An unknown command exits with
// 127, as in any shell.
func (c Command) Argv() []string {
	return append([]string{"sh", "-c", runScript, "shareproc", c.id}, c.argv...)
}

// ArgvIn is Argv for a container without a waiting helper, whose tools are in a directory outside PATH.
func (c Command) ArgvIn(tools string) []string {
	if tools == "" {
		return c.Argv()
	}
	return append([]string{tools + "/sh", "-c", `export HISTFILE= PATH="$PATH:$0"; exec "$@"`, tools}, c.argv...)
}

// WatchdogName is the name of the watchdog in a list of processes.
const WatchdogName = "shareproc-watchdog"

// Watchdog returns the watchdog's command and the beginning of its stdin, which the client then holds open. If stdin ends
// without WatchdogDone, the watchdog kills the processes that have the command's id in their environment: nothing else
// tells a remote process that its client is gone. The script comes on stdin so that no list of processes shows it.
func (c Command) Watchdog() (argv []string, stdin string) {
	return []string{"sh", "-c", `read -r x && eval "$x"`, WatchdogName}, podspec.OneLine(watchdogScript) + "\n" + c.id + "\n"
}

// WatchdogDone is the line on the stdin of a watchdog that tells it to leave the processes alone.
const WatchdogDone = "done\n"
