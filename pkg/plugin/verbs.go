// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

// fileArgs are what every verb of fs takes: POD [PID] [PATH...] and the helper's flags.
type fileArgs struct {
	helperFlags
	pod    string
	pid    int
	paths  []string
	output string
}

const anyNumber = 1 << 16

// parse takes the arguments of a verb that has no other -o than json.
func (a *fileArgs) parse(cmd *cobra.Command, args []string, most int) error {
	if err := a.take(cmd, args, most); err != nil || cmd.Flags().Lookup("output") == nil {
		return err
	}
	return oneOf(cmd, a.output, "", "json")
}

// take takes the arguments. A verb that takes one path takes "/" where it is left out, one that takes any number
// wants one.
func (a *fileArgs) take(cmd *cobra.Command, args []string, most int) (err error) {
	if a.pod, a.pid, a.paths, err = podPIDPaths(cmd, withPod(cmd, args), most); err != nil {
		return err
	}
	if len(a.paths) == 0 {
		if most > 1 {
			return usage(cmd.CommandPath()+" --help", "name a path")
		}
		a.paths = []string{"/"}
	}
	return a.validate(cmd)
}

func (a *fileArgs) path() string { return a.paths[0] }

// addOutput adds -o of a verb that has only this one besides its text.
func (a *fileArgs) addOutput(cmd *cobra.Command, text string) {
	cmd.Flags().StringVarP(&a.output, "output", "o", "", text)
	complete(cmd, "output", "json")
}

func (a *fileArgs) json() bool { return a.output == "json" }

// useRoot opens a session and connects to the root that is meant. It says what errors about paths mean.
func (f *Factory) useRoot(ctx context.Context, a *fileArgs, do func(*room, *remote.Root) error) error {
	want := session.Wanted{Need: podspec.OpenRoot, AnyProcess: a.pid != 0}
	return f.use(ctx, a.pod, &a.helperFlags, want, func(r *room) error {
		root, err := r.root(ctx, a.pid)
		if err != nil {
			err = &fs.PathError{Op: "open", Path: a.path(), Err: err}
		} else if err = do(r, root); err == nil {
			return nil
		}
		return r.pathError(ctx, a.pid, root, err)
	})
}

// treeFlags say how far a verb goes.
type treeFlags struct {
	maxDepth int
	xdev     bool
	proc     bool
}

func (t *treeFlags) addTree(flags *pflag.FlagSet) {
	flags.IntVar(&t.maxDepth, "maxdepth", 0, "How many levels below PATH to look at; 0 means all")
	flags.BoolVar(&t.xdev, "xdev", false, "Stay on PATH's file system: volumes are named, not entered")
	flags.BoolVar(&t.proc, "proc", false, "Enter kernel file systems below PATH too: /proc, /sys, wherever they are mounted")
}

func (t *treeFlags) checkTree(cmd *cobra.Command) error {
	if t.maxDepth < 0 {
		return usage(cmd.CommandPath()+" --help", "--maxdepth %d: less than zero", t.maxDepth)
	}
	return nil
}

func (t *treeFlags) options() remote.TreeOptions {
	return remote.TreeOptions{MaxDepth: t.maxDepth, OneFileSystem: t.xdev, KernelFiles: t.proc}
}

// complete names the values of a flag for the shell. It fails only where there is no such flag.
func complete(cmd *cobra.Command, flag string, values ...string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// failuresShown is how many of the files that could not be read are named.
const failuresShown = 20

// partly says what of a tree is missing, after all the rest was printed.
func (r *room) partly(missing *remote.TreeError) error {
	try := "run it again, if the files were changing"
	if errors.Is(missing, fs.ErrPermission) {
		try = "--profile general, where the cluster admits a helper as root"
	}
	return hint.With(newPartError(partText("pod/"+r.session.Pod, missing.Failures, missing.Count), missing), try)
}

// partText names the first files of a place that could not be read, and says how many there are.
func partText(place string, failures []error, count int) string {
	files := "files or directories"
	if count == 1 {
		files = "file or directory"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "read the whole tree in %s: %d %s could not be read", place, count, files)
	shown := failures[:min(len(failures), failuresShown)]
	for _, failure := range shown {
		if path, ok := errors.AsType[*fs.PathError](failure); ok {
			fmt.Fprintf(&b, "\n  %s %s: %v", path.Op, remote.Escape(path.Path), path.Err)
		}
	}
	if more := count - len(shown); more > 0 {
		fmt.Fprintf(&b, "\n  and %d more", more)
	}
	return b.String()
}

// partError has a text of several lines, whose names are escaped already.
type partError struct {
	text  string
	cause error
}

// newPartError makes an error of a text whose names are escaped already; cause may be nil.
func newPartError(text string, cause error) error { return partError{text, cause} }

func (e partError) Error() string { return e.text }
func (e partError) Unwrap() error { return e.cause }
