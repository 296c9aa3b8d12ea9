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
	"sync"

	tea "charm.land/bubbletea/v2"
	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/pick"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// A Line runs a command line of this tool and returns its exit code.
type Line func(ctx context.Context, deps *cli.Deps, args []string) int

// A Copier copies as cp does, and has its progress counted by the reporter's bar.
type Copier func(ctx context.Context, deps *cli.Deps, h cli.HelperFlags, from, to files.End) error

type options struct {
	files.Args
	second   target.Word
	readOnly bool
	line     Line
	copier   Copier
}

// NewCommand returns the command browse, which leaves to line and to copier what other commands do.
func NewCommand(deps *cli.Deps, line Line, copier Copier) *cobra.Command {
	opts := &options{line: line, copier: copier}
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
			return run(cmd.Context(), deps, opts)
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

func run(ctx context.Context, deps *cli.Deps, opts *options) error {
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
	b := &browser{ctx: ctx, deps: deps, opts: opts, home: home, slow: session.NewPool(ctx, true)}
	deps.Pool = session.NewPool(ctx, false)
	defer func() { b.close(ctx, &err) }()
	m, err := b.model(ctx, home)
	if err != nil {
		return err
	}
	return b.show(ctx, m)
}

// A browser is what stands between the screen and the pods. What a key waits for goes over one connection to each helper, and what
// may take long over another one, which is made when it is first needed.
type browser struct {
	ctx  context.Context //nolint:containedctx // an editor gets none from bubbletea
	deps *cli.Deps
	opts *options
	home string // the namespace of the command line
	slow *session.Pool

	mu      sync.Mutex
	opened  []*pod
	copying sync.RWMutex // read-locked by each copy
}

// close waits for what copies have to clean up, which has its own end, and ends the sessions.
func (b *browser) close(ctx context.Context, err *error) {
	b.copying.Lock()
	defer b.copying.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.slow.Close()
	b.deps.Pool.Close()
	for _, p := range b.opened {
		p.CloseInto(ctx, err)
	}
}

// show shows the screen until the user has seen enough, or a signal comes.
func (b *browser) show(ctx context.Context, m *model) error {
	asking, cancel := context.WithCancel(ctx)
	defer cancel()
	m.ctx = asking
	// Signals end ctx, as for every command.
	p := tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(b.deps.Streams.In), tea.WithOutput(b.deps.Streams.Out), tea.WithoutSignalHandler())
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

// model is the screen as it begins.
func (b *browser) model(ctx context.Context, home string) (*model, error) {
	m := &model{ctx: ctx, home: home, locked: b.opts.readOnly, later: later, colored: b.deps.Report.Colored(b.deps.Streams.Out), visited: map[spot]*pane{}}
	first, err := b.first(ctx, b.deps, b.opts.Of(0), b.opts.Pod, b.opts.Pid, b.opts.Path())
	if err != nil {
		return nil, err
	}
	m.panes[0] = m.known(first)
	here, err := os.Getwd()
	if err != nil {
		here = os.TempDir()
	}
	m.desktop = newPane(desk{}, "this machine", filepath.ToSlash(here))
	if m.panes[1] = m.desktop; b.opts.second.Arg != "" {
		w, flags := b.opts.second, b.opts.Of(1)
		flags.Selector = ""
		second, err := b.first(ctx, cli.Within(b.deps, w.Namespace), flags, w.Arg, 0, cmp.Or(w.Path, first.dir))
		if err != nil {
			return nil, err
		}
		m.panes[1], m.both = m.known(second), true
	}
	m.does = deeds{command: b.command, terminal: b.terminal, copy: b.copy, replica: b.replica, open: b.visit, pods: b.pods, namespaces: func(ctx context.Context) ([]string, error) { return namespacesOf(ctx, b) }}
	return m, nil
}

// first opens a pod that the command line names, at a path of it.
func (b *browser) first(ctx context.Context, deps *cli.Deps, flags cli.HelperFlags, arg string, pid int, name string) (opened, error) {
	o, err := b.open(ctx, deps, flags, arg, pid)
	if err != nil {
		return o, err
	}
	p := o.place.(*pod) //nolint:forcetypeassert // it opens no other
	files.SayPartial(deps, p.Session, p.root)
	o.dir, o.name, err = begin(ctx, p.root, name)
	return o, files.PathError(ctx, p.Session, pid, p.root, err)
}
