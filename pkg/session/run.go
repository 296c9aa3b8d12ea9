// SPDX-License-Identifier: Apache-2.0

package session

import (
	"crypto/rand"
	_ "embed"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
)

// runScript leaves the mark that tells the waiting helper of a command that may be over before it looks, a line in
// podspec.Notes, then becomes the command. A shell keeps no history file: with one, busybox writes down each line that is
// typed, and even /dev/null becomes a file after a thousand. It is one line, because shells that run their own applets show it in ps.
//
//go:embed run.sh
var runScript string

// watchdogScript ends what is left of a command whose client is gone.
//
//go:embed watchdog.sh
var watchdogScript string

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

// WatchdogName is what the watchdog is called in a list of processes.
const WatchdogName = "shareproc-watchdog"

// Watchdog is what to run in a helper beside a command, and what its stdin begins with; from then on stdin stays open as long
// as the client lives. When it ends without the line WatchdogDone, the processes are ended that have the command's id in
// their environment: nothing else tells a remote process that its client is gone, least of all one with a terminal. Its text
// comes on stdin, so that neither the pod nor a list of processes shows it. Until it has to act it is one process.
func (c Command) Watchdog() (argv []string, stdin string) {
	return []string{"sh", "-c", `read -r x && eval "$x"`, WatchdogName}, podspec.OneLine(watchdogScript) + "\n" + c.id + "\n"
}

// WatchdogDone is what a watchdog's stdin says when there is nothing to end.
const WatchdogDone = "done\n"
