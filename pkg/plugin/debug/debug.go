// SPDX-License-Identifier: Apache-2.0

// Package debug is the command debug: a shell or a command beside a container, in a copy (--copy), after a patch (--patch),
// with the target's root (--root), or as a helper's own process (--persist). It does not choose or start helpers:
// pkg/session does.
package debug

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/pick"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/rbac"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

type debugOptions struct {
	cli.HelperFlags
	cli.PodsFlags
	copyFlags
	patchFlags
	persistFlags
	edits   podspec.Edits
	pod     string
	command []string
	copy    bool
	hold    string
	ttl     time.Duration
	stdin   bool
	tty     bool
	ttySet  bool
	dryRun  string
	output  string
	root    rootFlags
	tools   string
}

const examples = `  # open a shell that sees the processes of nginx
  kubectl shareproc debug nginx

  # run one command and get its output and exit code
  kubectl shareproc debug nginx -- ps ax

  # run a command with a terminal, and one that reads a local file
  kubectl shareproc debug nginx -it -- top
  kubectl shareproc debug nginx -i -- sha256sum <nginx.conf

  # debug a copy of the pod, with all containers in one process namespace
  kubectl shareproc debug nginx --copy

  # open a shell in a copy of a pod that crashes on startup
  kubectl shareproc debug crasher --copy --hold

  # debug a Deployment whose pods share one process namespace until you exit
  kubectl shareproc debug deploy/web --patch`

// NewCommand returns the command debug.
func NewCommand(deps *cli.Deps) *cobra.Command {
	opts := &debugOptions{}
	cmd := &cobra.Command{
		Use:   "debug POD [-- COMMAND [ARG...]]",
		Short: "Open a shell or run a command next to a container",
		Long: `Open a shell that sees the processes of a container, or run one command there.

Use it for a running container without a shell. If the container crashes, add
--copy --hold.

A helper container is added to the running pod; nothing restarts. Later commands
reuse it, and it exits when it is idle.

With --copy the session runs in a copy of the pod in which all containers share
one process namespace. The copy is deleted when the session ends.

With --patch it runs in a pod of a Deployment, StatefulSet or DaemonSet whose
template is changed for the session and restored at the end. All its pods
restart twice; you are asked first.

With --copy --hold the process of the target container is replaced, in the copy,
with one that waits, and the shell opens in that container: with its user,
environment, mounts and working directory, and the tools of the helper image.
Type "run" there to start the container's original command.

A shell gets a terminal if this command has one, and otherwise reads what is
piped to it. A COMMAND gets input only with -i and a terminal only with -it, as
with kubectl exec, so a loop over a list keeps its list. stdout and stderr are
kept separate, and the exit code is passed through. In the background of a shell
there is no terminal.`,
		Example: examples,
		Args:    pick.Allowed(deps, podAndCommand),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if args, err = pick.Pod(cmd, deps, args); err != nil {
				return err
			}
			if err := opts.complete(cmd, args); err != nil {
				return err
			}
			if opts.tools != "" {
				if err := opts.useTools(deps); err != nil {
					return err
				}
			}
			if opts.dryRun == "none" {
				if err := cli.CheckWritable(deps, "debug"); err != nil {
					return err
				}
			}
			return run(cmd.Context(), deps, opts)
		},
	}
	opts.addFlags(cmd)
	return cmd
}

// complete reads the arguments, and refuses flags that do not go together.
func (o *debugOptions) complete(cmd *cobra.Command, args []string) error {
	args, err := cli.WithPod(cmd, args)
	if err != nil {
		return err
	}
	o.pod, o.command = args[0], args[1:]
	o.ttySet = cmd.Flags().Changed("tty")
	if !cmd.Flags().Changed("stdin") {
		o.stdin = len(o.command) == 0 || o.tty
	}
	if err := o.validate(cmd); err != nil {
		return err
	}
	if o.hold != "" && o.hold != targetContainer {
		o.Container = o.hold
	}
	return nil
}

func (o *debugOptions) addOwn(flags *pflag.FlagSet) {
	o.copyFlags.add(flags)
	o.patchFlags.add(flags)
	flags.StringVar(&o.tools, "tools", "", "Use an image with more tools for the helper: net, jvm, python or dotnet, or one that the settings name")
	flags.BoolVar(&o.copy, "copy", false, "Debug a copy of the pod, which is deleted when the session ends")
	flags.StringVar(&o.hold, "hold", "", "With --copy: replace the container's process with one that waits, and open the shell there")
	flags.Lookup("hold").NoOptDefVal = targetContainer
	flags.DurationVar(&o.ttl, "ttl", time.Hour, "With --copy: when the cluster terminates the copy at the latest; with --patch: how long after the last sign of life of its session clean, --copy or --patch may restore the template")
	flags.BoolVarP(&o.stdin, "stdin", "i", false, "Pass stdin to COMMAND (a shell gets it unless -i=false)")
	flags.BoolVarP(&o.tty, "tty", "t", false, "Allocate a terminal for COMMAND, with stdin (default for a shell on a terminal)")
	flags.StringVar(&o.dryRun, "dry-run", "none", "Print what would be sent, without sending it: none, client or server")
	flags.Lookup("dry-run").NoOptDefVal = "client"
	flags.StringVarP(&o.output, "output", "o", "", "With --dry-run: yaml or json (default: yaml)")
	cli.GroupRare(flags, cli.GroupHelper, "tools")
	cli.Group(flags, cli.GroupCopy, "copy", "hold")
	cli.GroupRare(flags, cli.GroupCopy, "ttl")
	cli.GroupRare(flags, "", "dry-run", "output")
}

// targetContainer is --hold without a name. No container can have it.
const targetContainer = "TARGET"

// podAndCommand takes one pod, and a command only behind "--": a word before it is a slip.
func podAndCommand(cmd *cobra.Command, args []string) error {
	before := len(args)
	if dash := cmd.ArgsLenAtDash(); dash >= 0 {
		before = dash
	}
	if cmd.Flags().Changed("selector") {
		if before > 0 {
			return cli.Usage(fmt.Sprintf("%s -l ... -- %s ...", cmd.CommandPath(), args[0]), "unexpected argument %q: -l selects the pod", args[0])
		}
		return nil
	}
	switch before {
	case 0:
		return cli.Usage("run kubectl get pods, then "+cmd.CommandPath()+" NAME", "a pod name is required")
	case 1:
		words, err := cli.WithPod(cmd, args[:1])
		if len(words) > 1 {
			return cli.NoPath(cmd, words[0], words[1])
		}
		return err
	default:
		return cli.Usage(fmt.Sprintf("%s %s -- %s ...", cmd.CommandPath(), args[0], args[1]),
			"unexpected argument %q: put the command after --", args[1])
	}
}

func (o *debugOptions) validate(cmd *cobra.Command) (err error) {
	help := cmd.CommandPath() + " --help"
	if err := errors.Join(o.Validate(cmd), o.root.validate(cmd, o)); err != nil {
		return err
	}
	if err := errors.Join(o.patchFlags.validate(cmd, o), o.persistFlags.validate(cmd, o)); err != nil {
		return err
	}
	if o.edits, err = o.copyFlags.edits(cmd, o.copy); err != nil {
		return err
	}
	if err := errors.Join(o.validateDryRun(help), o.validatePods(cmd)); err != nil {
		return err
	}
	switch {
	case o.hold != "" && !o.copy:
		return cli.Usage("add --copy", "--hold requires --copy: the process of a running container cannot be replaced")
	case o.hold != "" && o.hold != targetContainer && o.Container != "" && o.Container != o.hold:
		return cli.Usage("use -c or --hold=NAME", "-c %s and --hold=%s are mutually exclusive: they name two containers", o.Container, o.hold)
	case o.ttl < time.Second:
		return cli.Usage(help, "--ttl %s: must be at least a second", o.ttl)
	}
	return nil
}

func (o *debugOptions) validateDryRun(help string) error {
	switch o.dryRun {
	case "none", "client", "server":
	default:
		return cli.Usage(help, "--dry-run %q: not one of none, client, server", o.dryRun)
	}
	switch {
	case o.output != "" && o.dryRun == "none":
		return cli.Usage("add --dry-run=client", "-o %s requires --dry-run", o.output)
	case o.output != "" && o.output != "yaml" && o.output != "json":
		return cli.Usage(help, "-o %q: not one of yaml, json", o.output)
	}
	return nil
}

func run(ctx context.Context, deps *cli.Deps, opts *debugOptions) (err error) {
	t := attach.NewTerminal(deps.Streams.In, deps.Streams.Out, deps.Streams.ErrOut)
	tty := opts.stdin && t.InputIsTerminal() && t.OutputIsTerminal()
	if opts.ttySet {
		tty = opts.tty
	}
	if tty && t.InBackground() {
		deps.Report.Say("no terminal: this command is in the background")
		tty = false
	}
	want := session.Request{
		Copy: opts.copy, Hold: opts.hold != "", Persist: opts.persist, Edits: opts.edits, Access: opts.root.access(),
		Shell: tty && len(opts.command) == 0 && !opts.root.root,
	}
	if done, err := otherwise(ctx, deps, opts, t, tty, want); done {
		return err
	}
	s, err := cli.Open(ctx, deps, opts.pod, &opts.HelperFlags, want, opts.ttl)
	if err != nil {
		return err
	}
	defer s.CloseInto(ctx, &err)
	return debug(ctx, deps, s, opts, t, tty)
}

// otherwise does what is no session in one pod, and refuses what has no terminal that wants one.
func otherwise(ctx context.Context, deps *cli.Deps, opts *debugOptions, t *attach.Terminal, tty bool, want session.Request) (done bool, err error) {
	switch {
	case opts.AllPods:
		return true, runInAll(ctx, deps, opts, want)
	case opts.dryRun != "none" && !opts.patch:
		return true, dryRun(ctx, deps, opts, want)
	case tty && !t.InputIsTerminal():
		return true, cli.Usage("leave out -t", "-t: stdin is not a terminal")
	case opts.patch:
		return true, debugPatch(ctx, deps, opts, t, tty)
	case opts.persist && !t.InputIsTerminal():
		return true, cli.Usage("kubectl shareproc debug "+opts.pod+" -- COMMAND", "--persist: stdin is not a terminal")
	}
	return false, nil
}

func debug(ctx context.Context, deps *cli.Deps, r *session.Session, opts *debugOptions, t *attach.Terminal, tty bool) error {
	if r.Keep > 0 {
		welcome(deps, r, true)
		return cli.Join(ctx, deps, r, t, opts.DetachFlag)
	}
	if opts.root.root {
		return debugRoot(ctx, deps, r, opts, t, tty)
	}
	command, shell := opts.command, path.Join(r.Tools, "sh")
	switch {
	case len(command) > 0:
	case tty:
		welcome(deps, r, true)
		command = prompted(shell, r)
	default:
		command = []string{shell}
	}
	err := execute(ctx, deps, r, opts, command, t, tty)
	if err != nil {
		explainFailure(ctx, deps, r, opts, err)
	}
	return err
}

// execute runs the command with a terminal of its own, or without.
func execute(ctx context.Context, deps *cli.Deps, r *session.Session, opts *debugOptions, command []string, t *attach.Terminal, tty bool) error {
	if tty {
		return cli.OwnExit(r.Shell(ctx, command, t))
	}
	streams := session.Streams{Stdout: deps.Streams.Out, Stderr: deps.Streams.ErrOut}
	if opts.stdin {
		streams.Stdin = t.Input()
	}
	return cli.OwnExit(r.Run(ctx, command, streams))
}

// welcome says, once, where the files are: a prompt says it to nobody.
func welcome(deps *cli.Deps, r *session.Session, interactive bool) {
	switch {
	case !interactive:
	case r.Tools != "":
		describeHold(deps, r)
	case r.View.Pod():
		deps.Report.Say("next to all containers of pod/%s; the files of process PID are in /proc/PID/root", r.Pod)
	default:
		deps.Report.Say("next to container %s in pod/%s; its files are in /proc/1/root", r.View.Container, r.Pod)
	}
}

// describeHold says what the container would have started, in words that a shell would take.
func describeHold(deps *cli.Deps, r *session.Session) {
	argv, known := podspec.CommandOf(r.Target.Pod, r.Target.Container)
	for i, word := range argv {
		argv[i] = shellWord(word)
	}
	line := strings.Join(argv, " ")
	switch {
	case known:
		deps.Report.Say(`container %s is on hold; type "run" to start its command: %s`, r.Container, line)
	case line != "":
		deps.Report.Say(`container %s is on hold; its command is the image's own entrypoint with: %s`, r.Container, line)
		deps.Report.Say(`type "run ENTRYPOINT %s" to start it`, line)
	default:
		deps.Report.Say(`container %s is on hold; its command is the image's own: type "run COMMAND"`, r.Container)
	}
}

// shellWord quotes a word for a person to read or paste.
func shellWord(word string) string {
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool {
		return !strings.ContainsRune("%+,-./:=@_", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// dryRun prints what debug would send. Where a helper already runs nothing would be sent.
func dryRun(ctx context.Context, deps *cli.Deps, opts *debugOptions, want session.Request) error {
	d, err := cli.SessionDeps(deps, &opts.HelperFlags, opts.ttl)
	if err != nil {
		return err
	}
	t, err := cli.Resolve(ctx, deps, d, target.Ref{Arg: opts.pod, Selector: opts.Selector, Container: opts.Container})
	if err != nil {
		return err
	}
	want.Image, want.Override = opts.Image, opts.Override
	plan, err := session.Choose(t, want, rbac.Permissions{})
	if err != nil {
		return err
	}
	ask := opts.dryRun == "server"
	var object any
	switch plan.Mode {
	case session.Copy:
		object, err = session.PlanCopy(ctx, d, t, plan, ask)
	case session.Reuse:
		deps.Report.Say("helper %s is already running in pod/%s: no request would be sent", plan.Helper, t.Pod.Name)
		return nil
	default:
		deps.Report.Say("would be sent as a patch to pods/%s/ephemeralcontainers", t.Pod.Name)
		object, err = session.PlanHelper(ctx, d, t, plan, ask)
	}
	if err != nil {
		return err
	}
	return output.PrintObject(deps.Streams.Out, opts.output, object)
}
