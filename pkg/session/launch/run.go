// SPDX-License-Identifier: Apache-2.0

// Package launch answers "with which command line does a command run in a container?": one that marks the helper as in use,
// one that makes the root of a process /, and the watchdog, which ends what is left when the client is gone. It opens no stream.
package launch

import (
	"context"
	"crypto/rand"
	_ "embed"
	"io"
	"strings"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
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

// New gives a command an id.
func New(argv []string) Command { return Command{id: rand.Text(), argv: argv} }

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

// watchdog returns the watchdog's command and the beginning of its stdin, which the client then holds open. If stdin ends
// without watchdogDone, the watchdog kills the processes that have the command's id in their environment: nothing else
// tells a remote process that its client is gone. The script comes on stdin so that no list of processes shows it.
func (c Command) watchdog() (argv []string, stdin string) {
	return []string{"sh", "-c", `read -r x && eval "$x"`, WatchdogName}, podspec.OneLine(watchdogScript) + "\n" + c.id + "\n"
}

// watchdogDone is the line on the stdin of a watchdog that tells it to leave the processes alone.
const watchdogDone = "done\n"

const (
	// watchdogAfter is the age of a command at which the watchdog starts: a shorter command costs one stream only.
	watchdogAfter = time.Second
	// WatchdogEnd is how long the client waits for the watchdog after an interrupt. Without it the command, and so its
	// helper, would keep running.
	WatchdogEnd = 3 * time.Second
)

// Watch holds the stream of the watchdog until over is closed (the command exited) or ctx is done (it must be killed).
func (c Command) Watch(ctx context.Context, exec cluster.Exec, over <-chan struct{}) {
	select {
	case <-over:
		return
	case <-ctx.Done():
	case <-time.After(watchdogAfter):
	}
	stdin, hold := io.Pipe()
	// The stream outlives the context of the command, to signal its end.
	tail, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	crash.Go(ctx, func() {
		<-ctx.Done()
		select {
		case <-over:
			_, _ = io.WriteString(hold, watchdogDone)
		default:
		}
		hold.Close()
		time.AfterFunc(WatchdogEnd, cancel)
	})
	// Its failure does not matter to the user: the stream of the command reports the cause.
	argv, text := c.watchdog()
	_ = exec.Run(tail, argv, io.MultiReader(strings.NewReader(text), stdin), io.Discard, io.Discard)
	stdin.Close()
}
