// SPDX-License-Identifier: Apache-2.0

// Package plugin answers "what did the user ask for, and what do they get to see?": commands, flags, settings, printing and
// exit codes. It opens a session for a command, runs the command's streams in it, and tries again with another helper or
// another connection where the first does not do.
//
// It is the only package that prints. It does not choose pods or containers (pkg/target, pkg/session do), write pod
// specs (pkg/podspec does), or speak a protocol (pkg/attach, pkg/remote do).
package plugin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

// issues is where mistakes are reported.
const issues = "https://github.com/kubectl-shareproc/kubectl-shareproc/issues"

// Exit codes; the code of a remote command passes through unchanged.
const (
	exitError       = 1
	exitUsage       = 2
	exitGrep        = 2 // an error of "fs grep" and "fs diff", whose 1 is no error
	exitInterrupted = 130
	exitPipe        = 141 // as after SIGPIPE
)

// Main runs one command line and returns the process's exit code. It is the only place that turns an
// error into words and a code.
func Main(ctx context.Context, f *Factory, args []string) int {
	root := Root(f) //nolint:contextcheck // the commands get their context when they run
	started := noteStart(root)
	root.SetArgs(args)
	ctx, cancel := crash.Context(ctx)
	defer cancel()
	err := crash.Try(func() error { return root.ExecuteContext(ctx) })
	if p, ok := errors.AsType[*crash.Panic](errors.Join(context.Cause(ctx), err)); ok {
		f.Report.Warn("error: a mistake in this program: %v\ntry: report it, with these lines: %s", p, issues)
		return exitError
	}
	if err == nil {
		return 0
	}
	if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		return exitInterrupted
	}
	if remote, ok := errors.AsType[remoteError](err); ok {
		return remote.code
	}
	if closedPipe(err) {
		return exitPipe
	}
	fmt.Fprintf(f.Streams.ErrOut, "%s %s\n", f.Report.Paint(f.Streams.ErrOut, alarm, "error:"), escapeLines(err.Error()))
	if try := explain(err); try != "" {
		fmt.Fprintf(f.Streams.ErrOut, "try: %s\n", escapeLines(try))
	}
	if _, usage := errors.AsType[usageError](err); usage || !started() {
		return exitUsage
	}
	if _, ok := errors.AsType[grepError](err); ok {
		return exitGrep
	}
	return exitError
}

// closedPipe tells whether whoever read the output went away, as head does. That is nobody's error.
func closedPipe(err error) bool {
	_, network := errors.AsType[*net.OpError](err)
	return errors.Is(err, syscall.EPIPE) && !network
}

// remoteError is an end that has been told already: by the user's own command, or by what was printed.
type remoteError struct{ code int }

func (e remoteError) Error() string {
	return fmt.Sprintf("the command ended with exit code %d", e.code)
}

// usageError is a command line that can't be carried out whatever the cluster says.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// asUsage marks an error as one of the command line.
func asUsage(err error) error { return usageError{err} }

// grepError is an error of a command whose exit code 1 means something else.
type grepError struct{ error }

func (e grepError) Unwrap() error { return e.error }

// asGrepError marks an error of such a command.
func asGrepError(err error) error { return grepError{err} }

func usage(try, format string, args ...any) error {
	return hint.With(usageError{fmt.Errorf(format, args...)}, try)
}

// errInterrupted is the cause of a context that a signal ended.
var errInterrupted = errors.New("interrupted")

// doubled is the time in which signals are one: a key pressed twice, TERM and HUP from what closes a terminal.
const doubled = time.Second

// NotifyContext returns a context that ends with the first signal that asks a program to stop. Those that follow change
// nothing, since cleaning up has an end anyhow, but for another Ctrl-C later than a second: that ends the program
// at once, as if nobody had listened. Writing to a closed pipe is an error instead of a signal, so that clean-up is not
// skipped by "| head -1". While an editor has the terminal, what is typed there is the editor's: see lendKeys.
func NotifyContext(parent context.Context) (context.Context, context.CancelFunc) {
	signal.Ignore(syscall.SIGPIPE)
	keys := &lentKeys{}
	ctx, cancel := context.WithCancelCause(context.WithValue(parent, keysLent{}, keys))
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	crash.Go(ctx, func() {
		for {
			select {
			case s := <-signals:
				if keys.lent(s) {
					continue
				}
				cancel(errInterrupted)
				time.AfterFunc(doubled, func() { signal.Reset(os.Interrupt, syscall.SIGQUIT) })
			case <-ctx.Done():
				signal.Stop(signals)
			}
			return
		}
	})
	return ctx, func() { cancel(context.Canceled) }
}

// noteStart returns whether a command of the tree has started: an error before that is one of the command line.
func noteStart(root *cobra.Command) (started func() bool) {
	ran, first := false, root.PersistentPreRunE
	root.PersistentPreRunE = func(cmd *cobra.Command, args []string) error {
		ran = true
		return first(cmd, args)
	}
	return func() bool { return ran }
}

// Root returns the tree of commands, which the pages of reference and the tests of the examples read too.
func Root(f *Factory) *cobra.Command {
	root := &cobra.Command{
		Use:   "kubectl-shareproc",
		Short: "A shell, the processes and the files of a container that has no shell",
		Long: `Debug containers without a shell: a helper container joins the target's process
namespace, so that its processes can be seen and signalled and its files read through
/proc/PID/root. Nothing is installed in the target, and nothing restarts.

Use it where kubectl exec has nothing to run: distroless, scratch and other images without sh, ls or tar.`,
		Example: `  # a shell that sees the processes of pod nginx
  kubectl shareproc debug nginx

  # its processes, and the files of process 8
  kubectl shareproc ps nginx
  kubectl shareproc fs nginx 8 /etc/nginx`,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl shareproc"},
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownCommand,
		RunE:          printFirstSteps,
	}
	root.SetIn(f.Streams.In)
	root.SetOut(f.Streams.Out)
	root.SetErr(f.Streams.ErrOut)
	root.SetFlagErrorFunc(refuseFlag)
	f.addFlags(root.PersistentFlags())
	root.AddCommand(
		newDebugCmd(f),
		newAttachCmd(f),
		newPSCmd(f, runPS),
		newFSCmd(f, runFS),
		newCPCmd(f, runCP),
		newSignalCmd(f, runSignal),
		newDoctorCmd(f),
		newSessionsCmd(f),
		newCleanCmd(f),
		newConfigCmd(f),
		newVersionCmd(f),
	)
	completing := f.complete(root)
	root.PersistentPreRunE = func(*cobra.Command, []string) error { return completing }
	return root
}
