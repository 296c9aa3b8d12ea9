// SPDX-License-Identifier: Apache-2.0

// Package files holds what the commands about files share: POD [PID] PATH, how a file is shown, and what an error of
// pkg/remote/rootfs means to the user. It does not know any command.
package files

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/lifecycle"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// EachPath calls do with each path, and continues after an error of one path.
func EachPath(ctx context.Context, deps *cli.Deps, a *Args, do func(r *session.Session, root *rootfs.Root, path string) error) error {
	return UseRoot(ctx, deps, a, func(r *session.Session, root *rootfs.Root) error {
		var failed []error
		for _, path := range a.paths {
			err := PathError(ctx, r, a.Pid, root, do(r, root, path))
			if err != nil && (GoesFor(err) || ctx.Err() != nil) {
				return err
			}
			if err != nil {
				failed = append(failed, err)
			}
		}
		return Together(failed)
	})
}

// GoesFor reports whether an error is the same for every path.
func GoesFor(err error) bool {
	_, local := errors.AsType[output.WriteError](err)
	_, denied := errors.AsType[*rootfs.AccessError](err)
	_, missing := errors.AsType[*remote.MissingToolError](err)
	return local || denied || missing || errors.Is(err, remote.ErrNoProcess) || lifecycle.StreamFailed(err)
}

// InPod reports whether an end of cp and fs diff is POD:PATH. What begins as a path does, and a drive of Windows, is local.
func InPod(arg, system string) bool {
	pod, path, ok := strings.Cut(arg, ":")
	switch {
	case !ok, pod == "", strings.HasPrefix(arg, "/"), strings.HasPrefix(arg, "."), strings.Contains(pod, `\`):
		return false
	case len(pod) == 1 && (strings.HasPrefix(path, `\`) || pod[0] < 'a' || system == "windows"):
		return false
	}
	return true
}

// Printable makes a line fit for a terminal, and leaves its tabs and backslashes.
func Printable(line string) string {
	parts := strings.Split(line, "\t")
	for i, part := range parts {
		parts[i] = output.EscapeLine(part)
	}
	return strings.Join(parts, "\t")
}

// Args are what every verb of fs takes: POD [PID] [PATH...] and the helper's flags.
type Args struct {
	cli.HelperFlags
	cli.PodsFlags
	Pod    string
	Pid    int
	paths  []string
	Output string
	// Bulk is true for a verb that moves the contents of files.
	Bulk bool
}

// AnyNumber is how many paths a command takes that takes several.
const AnyNumber = 1 << 16

// Parse takes the arguments of a verb that has no other -o than json.
func (a *Args) Parse(cmd *cobra.Command, args []string, most int) error {
	if err := a.Take(cmd, args, most); err != nil || cmd.Flags().Lookup("output") == nil {
		return err
	}
	return cli.OneOf(cmd, a.Output, "", "json")
}

// Take takes the arguments. A verb that takes one path takes "/" where it is left out, one that takes any number
// wants one.
func (a *Args) Take(cmd *cobra.Command, args []string, most int) (err error) {
	if args, err = cli.WithPod(cmd, args); err != nil {
		return err
	}
	if a.Pod, a.Pid, a.paths, err = cli.PodPIDPaths(cmd, args, most); err != nil {
		return err
	}
	if len(a.paths) == 0 {
		if most > 1 {
			return cli.Usage(cmd.CommandPath()+" --help", "a path is required")
		}
		a.paths = []string{"/"}
	}
	if a.AllPods && a.Pid != 0 {
		return cli.Usage(cmd.CommandPath()+" --help", "--all-pods and a PID are mutually exclusive")
	}
	return errors.Join(a.Validate(cmd), a.CheckPods(cmd))
}

// Add adds the helper's flags. To ls, grep and du -l is their own.
func (a *Args) Add(flags *pflag.FlagSet) { a.AddWithoutLetter(flags) }

// Path is the first path.
func (a *Args) Path() string { return a.paths[0] }

// AddOutput adds -o of a verb that has only this one besides its text.
func (a *Args) AddOutput(cmd *cobra.Command, text string) {
	cmd.Flags().StringVarP(&a.Output, "output", "o", "", text)
	cli.CompleteFlag(cmd, "output", "json")
}

// JSON reports whether one object a line is wanted.
func (a *Args) JSON() bool { return a.Output == "json" }

// UseRoot opens a session and connects to the selected root. It explains errors about paths.
func UseRoot(ctx context.Context, deps *cli.Deps, a *Args, do func(*session.Session, *rootfs.Root) error) error {
	s, err := cli.Open(ctx, deps, a.Pod, &a.HelperFlags, a.request(), 0)
	if err != nil {
		return err
	}
	return use(ctx, deps, a, s, do)
}

func (a *Args) request() session.Request {
	return session.Request{Access: podspec.ReadRoot, AnyProcess: a.Pid != 0, Bulk: a.Bulk}
}

// use connects to a root, and closes the session.
func use(ctx context.Context, deps *cli.Deps, a *Args, s *session.Session, do func(*session.Session, *rootfs.Root) error) (err error) {
	defer s.CloseInto(ctx, &err)
	root, err := s.Dial(ctx, a.Pid)
	if err != nil {
		return PathError(ctx, s, a.Pid, root, &fs.PathError{Op: "open", Path: a.Path(), Err: err})
	}
	defer func() { _ = root.Close() }() // what it had to say it has said
	if err = begin(ctx, deps, a, s, root); err == nil {
		err = do(s, root)
	}
	return PathError(ctx, s, a.Pid, root, err)
}

// A Place is a root in which a path is looked at.
type Place struct {
	// Pod is the pod's name where several are looked at, and "" for one.
	Pod  string
	Path string
	*session.Session
	Root *rootfs.Root
}

// EachPlace calls do with the place that is meant or, with --all-pods, with that in each pod: some of them at once.
func EachPlace(ctx context.Context, deps *cli.Deps, a *Args, do func(context.Context, Place) error) error {
	if !a.AllPods {
		return UseRoot(ctx, deps, a, func(s *session.Session, root *rootfs.Root) error { return do(ctx, Place{"", a.Path(), s, root}) })
	}
	ref := target.Ref{Arg: a.Pod, Selector: a.Selector, Container: a.Container}
	return cli.EachPod(ctx, deps, &a.HelperFlags, ref, a.Parallel, func(ctx context.Context, t target.Target) error {
		s, err := cli.OpenTarget(ctx, deps, t, &a.HelperFlags, a.request(), 0)
		if err != nil {
			return err
		}
		own := *a
		own.paths = slices.Clone(a.paths) // a relative one depends on the pod
		return use(ctx, deps, &own, s, func(s *session.Session, root *rootfs.Root) error {
			return do(ctx, Place{t.Pod.Name, own.Path(), s, root})
		})
	})
}

// TreeFlags say how far a verb goes.
type TreeFlags struct {
	MaxDepth int
	Xdev     bool
	Proc     bool
}

// AddTree adds the flags.
func (t *TreeFlags) AddTree(flags *pflag.FlagSet) {
	flags.IntVar(&t.MaxDepth, "maxdepth", 0, "How many levels below PATH to enter (0: all)")
	flags.BoolVar(&t.Xdev, "xdev", false, "Stay on the file system of PATH: list volumes without entering them")
	flags.BoolVar(&t.Proc, "proc", false, "Also enter kernel file systems below PATH (/proc, /sys, wherever they are mounted)")
	cli.GroupRare(flags, "", "xdev", "proc")
}

// CheckTree refuses values without a meaning.
func (t *TreeFlags) CheckTree(cmd *cobra.Command) error {
	if t.MaxDepth < 0 {
		return cli.Usage(cmd.CommandPath()+" --help", "--maxdepth %d: must not be negative", t.MaxDepth)
	}
	return nil
}

// Options are the flags as pkg/remote/rootfs takes them.
func (t *TreeFlags) Options() rootfs.TreeOptions {
	return rootfs.TreeOptions{MaxDepth: t.MaxDepth, OneFileSystem: t.Xdev, KernelFiles: t.Proc}
}
