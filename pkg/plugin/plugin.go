// SPDX-License-Identifier: Apache-2.0

// Package plugin answers "which command was typed, and with which code does the program end?": the tree of commands, and the
// one place that turns an error into words and an exit code.
//
// Each command has a directory of its own, with its flags, its words and its printing; what they share is in cli, files and
// completion.
package plugin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/completion"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/config"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cp"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/debug"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/doctor"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/dump"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/env"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/fs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/lsof"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/ps"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/report"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/sessions"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/signal"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/slips"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/ss"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/threads"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/top"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/version"
)

// issues is where mistakes are reported.
const issues = "https://github.com/kubectl-shareproc/kubectl-shareproc/issues"

// Main runs one command line and returns the process's exit code. It is the only place that turns an
// error into words and a code.
func Main(ctx context.Context, deps *cli.Deps, args []string) int {
	root := Root(deps) //nolint:contextcheck // the commands get their context when they run
	started := noteStart(root)
	ctx, cancel := crash.Context(ctx)
	defer cancel()
	err := crash.Try(func() error {
		args = slips.Meaning(root, args)
		words, err := fs.Words(root, args)
		if err != nil {
			return err
		}
		args = words
		root.SetArgs(words)
		return root.ExecuteContext(ctx)
	})
	if p, ok := errors.AsType[*crash.Panic](errors.Join(context.Cause(ctx), err)); ok {
		deps.Report.Warn("error: internal error: %v\ntry: report it, with these lines: %s", p, issues)
		return cli.ExitError
	}
	if err == nil {
		return 0
	}
	if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		return cli.ExitInterrupted
	}
	if remote, ok := errors.AsType[cli.CommandExit](err); ok {
		return remote.Code
	}
	if closedPipe(err) {
		return cli.ExitPipe
	}
	fmt.Fprintf(deps.Streams.ErrOut, "%s %s\n", deps.Report.Paint(deps.Streams.ErrOut, output.Alarm, "error:"), output.EscapeLines(err.Error()))
	if try := cmp.Or(slips.Correct(root, args, err), cli.InNamespace(deps, cli.Explain(err))); try != "" {
		fmt.Fprintf(deps.Streams.ErrOut, "try: %s\n", output.EscapeLines(try))
	}
	if _, usage := errors.AsType[cli.UsageError](err); usage || !started() {
		return cli.ExitUsage
	}
	if _, ok := errors.AsType[cli.GrepError](err); ok {
		return cli.ExitGrep
	}
	return cli.ExitError
}

// closedPipe reports whether the reader of the output went away, as head does. That is not an error.
func closedPipe(err error) bool {
	_, network := errors.AsType[*net.OpError](err)
	return errors.Is(err, syscall.EPIPE) && !network
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
func Root(deps *cli.Deps) *cobra.Command {
	root := &cobra.Command{
		Use:   "kubectl-shareproc",
		Short: "Debug containers that have no shell: open a shell, see processes, copy files",
		Long: `Debug containers that have no shell: a helper container joins the target's
process namespace, so that you can list and signal its processes and read its
files through /proc/PID/root. Nothing is installed in the target, and nothing
restarts.

Use it when kubectl exec fails because the image has no shell: distroless,
scratch and other images without sh, ls or tar.`,
		Example: `  # open a shell that sees the processes of pod nginx
  kubectl shareproc debug nginx

  # list its processes, and the files of process 8
  kubectl shareproc ps nginx
  kubectl shareproc fs nginx 8 /etc/nginx`,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl shareproc"},
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cli.KnownCommand,
		RunE:          printCommands,
	}
	root.SetIn(deps.Streams.In)
	root.SetOut(deps.Streams.Out)
	root.SetErr(deps.Streams.ErrOut)
	root.SetFlagErrorFunc(cli.FlagError)
	root.SetHelpFunc(printHelp)
	cli.AddFlags(deps, root.PersistentFlags())
	addGroup(root, "Debug", debug.NewCommand(deps), report.NewCommand(deps), attach.NewCommand(deps), ps.NewCommand(deps), top.NewCommand(deps), signal.NewCommand(deps),
		lsof.NewCommand(deps), ss.NewCommand(deps), env.NewCommand(deps), threads.NewCommand(deps), dump.NewCommand(deps))
	addGroup(root, "Files", browse.NewCommand(deps, Main, cp.Between), fs.NewCommand(deps), cp.NewCommand(deps))
	addGroup(root, "Sessions", sessions.NewCommand(deps), sessions.NewCleanCommand(deps))
	addGroup(root, "This tool", doctor.NewCommand(deps), config.NewCommand(deps), version.NewCommand(deps))
	root.AddCommand(newOptionsCommand())
	root.SetHelpCommandGroupID("This tool")
	root.SetCompletionCommandGroupID("This tool")
	completing := completion.Register(deps, root)
	root.PersistentPreRunE = func(*cobra.Command, []string) error { return completing }
	return root
}

func addGroup(root *cobra.Command, title string, commands ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: title, Title: title + ":"})
	for _, cmd := range commands {
		cmd.GroupID = title
		root.AddCommand(cmd)
	}
}
