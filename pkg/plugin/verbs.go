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
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/procfs"
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

// parse takes the arguments. A verb that takes one path takes "/" where it is left out, one that takes any number
// wants one.
func (a *fileArgs) parse(cmd *cobra.Command, args []string, most int) (err error) {
	if a.pod, a.pid, a.paths, err = podPIDPaths(cmd, withPod(cmd, args), most); err != nil {
		return err
	}
	if len(a.paths) == 0 {
		if most > 1 {
			return usage(cmd.CommandPath()+" --help", "name a path")
		}
		a.paths = []string{"/"}
	}
	if err := a.validate(cmd); err != nil {
		return err
	}
	if cmd.Flags().Lookup("output") == nil {
		return nil
	}
	return oneOf(cmd, a.output, "", "json")
}

func (a *fileArgs) path() string { return a.paths[0] }

// addOutput adds -o of a verb that has only this one besides its text.
func (a *fileArgs) addOutput(cmd *cobra.Command, text string) {
	cmd.Flags().StringVarP(&a.output, "output", "o", "", text)
	complete(cmd, "output", "json")
}

func (a *fileArgs) json() bool { return a.output == "json" }

// useFiles opens a session that reaches the target's root.
func (f *Factory) useFiles(ctx context.Context, a *fileArgs, do func(*room) error) error {
	return f.use(ctx, a.pod, &a.helperFlags, session.Wanted{Need: podspec.OpenRoot}, do)
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
	flags.BoolVar(&t.proc, "proc", false, "Enter /proc and /sys too, when PATH is the root")
}

func (t *treeFlags) checkTree(cmd *cobra.Command) error {
	if t.maxDepth < 0 {
		return usage(cmd.CommandPath()+" --help", "--maxdepth %d: less than zero", t.maxDepth)
	}
	return nil
}

func (t *treeFlags) options() procfs.TreeOptions {
	return procfs.TreeOptions{MaxDepth: t.maxDepth, OneFileSystem: t.xdev, KernelFiles: t.proc}
}

// complete names the values of a flag for the shell. It fails only where there is no such flag.
func complete(cmd *cobra.Command, flag string, values ...string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// failuresShown is how many of the files that could not be read are named.
const failuresShown = 20

// describePart says what of a tree is missing, after all the rest was printed.
func (r *room) describePart(partly *procfs.TreeError) error {
	try := "run it again, if the files were changing"
	if errors.Is(partly, fs.ErrPermission) {
		try = "--profile general, where the cluster admits a helper as root"
	}
	return hint.With(partError{partText("pod/"+r.session.Pod, partly), partly}, try)
}

// partText names the first files of a place that could not be read, and says how many there are.
func partText(place string, partly *procfs.TreeError) string {
	files := "files or folders"
	if partly.Count == 1 {
		files = "file or folder"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "read the whole tree in %s: %d %s could not be read", place, partly.Count, files)
	shown := partly.Failures[:min(len(partly.Failures), failuresShown)]
	for _, failure := range shown {
		if path, ok := errors.AsType[*fs.PathError](failure); ok {
			fmt.Fprintf(&b, "\n  %s %s: %v", path.Op, procfs.Escape(path.Path), path.Err)
		}
	}
	if more := partly.Count - len(shown); more > 0 {
		fmt.Fprintf(&b, "\n  and %d more", more)
	}
	return b.String()
}

// partError has a text of several lines, whose names are escaped already.
type partError struct {
	text  string
	cause error
}

func (e partError) Error() string { return e.text }
func (e partError) Unwrap() error { return e.cause }
