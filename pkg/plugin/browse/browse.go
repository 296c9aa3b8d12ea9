// SPDX-License-Identifier: Apache-2.0

// Package browse is the command browse: a container's files and processes on the screen. It shows, and asks before anything is
// written; what does it are the other commands, as the root of the tree runs them.
package browse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/backend"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/place"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/pick"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

type options struct {
	files.Args
	second   target.Word
	readOnly bool
}

// NewCommand returns the command browse, which leaves to line and to copier what other commands do.
func NewCommand(deps *cli.Deps, line backend.Line, copier backend.Copier) *cobra.Command {
	opts := &options{}
	cmd := &cobra.Command{
		Use:   "browse POD [PID] [POD2] [PATH]",
		Short: "Browse a container's files and processes on the screen",
		Long: `Browse a container's files on the screen: a list beside a preview, or beside the
files of this machine (Tab) or of a second pod, POD2. P lists pods, containers
and processes to go to, h there all namespaces. ? lists the keys: those of vi
and of Midnight Commander.

Use it to look around where you do not know yet what you look for.

Files that were created or changed since the container started are marked.
Nothing is written without a question: e edits a file, c copies what is marked
to the other side, and what arrives is verified. Processes are behind p. Kernel
files are not opened by a preview. A lost connection is made again.

Without POD there is a list of the namespace's pods to pick one from, those in
trouble first. It needs a terminal; for scripts there are fs, cp and ps.`,
		Example: `  kubectl shareproc browse nginx
  kubectl shareproc browse nginx /etc/nginx --read-only

  # two replicas beside each other
  kubectl shareproc browse web-0 web-1 /etc`,
		Args: pick.Allowed(deps, cli.PodFirst(4)),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if args, err = pick.Pod(cmd, deps, args); err != nil {
				return err
			}
			if args, err = cli.WithPod(cmd, args); err != nil {
				return err
			}
			args, opts.second = secondPod(args)
			opts.Two = opts.second.Arg != ""
			if err := opts.Parse(cmd, args, 1); err != nil {
				return err
			}
			return run(cmd.Context(), deps, opts, line, copier)
		},
	}
	opts.Add(cmd.Flags())
	cli.ForTwo(cmd.Flags())
	cmd.Flags().BoolVar(&opts.readOnly, "read-only", false, "Refuse whatever writes into a pod or signals a process")
	return cmd
}

// secondPod takes a second pod out of the words of a command line: what is neither a PID nor a path.
func secondPod(args []string) ([]string, target.Word) {
	for i, arg := range args {
		if i > 0 && !strings.HasPrefix(arg, "/") && !strings.HasPrefix(arg, "./") && strings.Trim(arg, "0123456789") != "" {
			return slices.Delete(slices.Clone(args), i, i+1), target.ParseWord(arg)
		}
	}
	return args, target.Word{}
}

// memory is what is used of it before what is not needed any more is looked for more often.
const memory = 64 << 20

func run(ctx context.Context, deps *cli.Deps, opts *options, line backend.Line, copier backend.Copier) error {
	terminal := attach.NewTerminal(deps.Streams.In, deps.Streams.Out, deps.Streams.ErrOut)
	if !terminal.InputIsTerminal() || !terminal.OutputIsTerminal() {
		return cli.Usage("kubectl shareproc fs POD PATH", "browse needs a terminal")
	}
	settings, err := cli.Settings(deps)
	if err != nil {
		return err
	}
	opts.readOnly = opts.readOnly || settings.ReadOnly.Value
	home, err := cli.Namespace(deps)
	if err != nil {
		return err
	}
	deps = cli.Within(deps, home) // command lines that name another namespace would change it
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(memory))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	b := backend.New(ctx, deps, home, opts.HelperFlags, line, copier)
	defer func() { b.Close(ctx, &err) }()
	m, err := newModel(ctx, deps, opts, home, b)
	if err != nil {
		return err
	}
	return show(ctx, deps, m)
}

// show shows the screen until the user has seen enough, or a signal comes.
func show(ctx context.Context, deps *cli.Deps, m *model) error {
	asking, cancel := context.WithCancel(ctx)
	defer cancel()
	m.ctx = asking
	// Signals end ctx, as for every command.
	p := tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(deps.Streams.In), tea.WithOutput(deps.Streams.Out), tea.WithoutSignalHandler())
	_, err := p.Run()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, tea.ErrProgramPanic):
		return crash.New(err) // its lines stand above
	case err != nil:
		return fmt.Errorf("show the screen: %w", err)
	}
	return nil
}

// newModel is the screen as it begins.
func newModel(ctx context.Context, deps *cli.Deps, opts *options, home string, b *backend.Backend) (*model, error) {
	m := &model{ctx: ctx, home: home, locked: opts.readOnly, later: later, colored: deps.Report.Colored(deps.Streams.Out), visited: map[place.Spot]*pane{}}
	m.does = deeds{
		command: b.Command, copy: b.Copy, replica: b.Replica, open: b.Visit, pods: b.Pods, namespaces: b.Namespaces,
		terminal: func(namespace string, args ...string) tea.Cmd {
			return b.Terminal(func(err error) tea.Msg { return returned{err} }, namespace, args...)
		},
	}
	first, err := b.First(ctx, deps, opts.Of(0), opts.Pod, opts.Pid, opts.Path())
	if err != nil {
		return nil, err
	}
	m.panes[0] = m.known(first)
	here, err := os.Getwd()
	if err != nil {
		here = os.TempDir()
	}
	m.desktop = newPane(place.Desk{}, "this machine", filepath.ToSlash(here))
	if m.panes[1] = m.desktop; opts.second.Arg != "" {
		w, flags := opts.second, opts.Of(1)
		flags.Selector = ""
		second, err := b.First(ctx, cli.Within(deps, w.Namespace), flags, w.Arg, 0, cmp.Or(w.Path, first.Dir))
		if err != nil {
			return nil, err
		}
		m.panes[1], m.both = m.known(second), true
	}
	return m, nil
}
