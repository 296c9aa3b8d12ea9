// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// A diffEnd is one of the two that are compared: POD[:PID]:PATH, or a path of this machine.
type diffEnd struct {
	namespace string // "" is that of the command line
	pod       string // "" for a path of this machine
	pid       int
	path      string
	// image says that it is the image of the pod's container; path is in the pod that has it.
	image bool
}

func (e diffEnd) local() bool { return e.pod == "" }

// String is how a person would write it, fit for a terminal.
func (e diffEnd) String() string {
	switch {
	case e.local():
		return remote.Escape(e.path)
	case e.image:
		return "image:" + remote.Escape(strings.TrimPrefix(e.path, podspec.ImageDir))
	}
	return remote.Escape(e.pod + ":" + e.path)
}

// parseEnd takes an argument apart.
func parseEnd(cmd *cobra.Command, arg string) (diffEnd, error) {
	if !files.InPod(arg, runtime.GOOS) {
		if arg == "" {
			return diffEnd{}, cli.Usage(cmd.CommandPath()+" --help", "the path is empty")
		}
		return diffEnd{path: arg}, nil
	}
	if err := cli.OneNamespace(cmd, arg); err != nil {
		return diffEnd{}, err
	}
	w := target.ParseWord(arg)
	e := diffEnd{namespace: w.Namespace, pod: w.Arg}
	words := cli.PathWords(w.Path)
	if number, _, pid := strings.Cut(w.Path, ":"); pid && words[0] == number {
		var err error
		if e.pid, err = cli.ParsePID(cmd, number); err != nil {
			return diffEnd{}, err
		}
		words = words[1:]
	}
	if len(words) == 0 {
		return diffEnd{}, cli.Usage(arg+"/", "%q: the path is empty", arg)
	}
	e.path = strings.TrimPrefix(words[0], "./")
	return e, nil
}

// parseImage takes the one end of --with-image.
func (o *diffOptions) parseImage(cmd *cobra.Command, arg string) (err error) {
	if o.b, err = parseEnd(cmd, arg); err != nil {
		return err
	}
	switch {
	case o.b.local():
		return cli.Usage(cmd.CommandPath()+" POD:"+arg+" --with-image", "%q has not the form POD:PATH", arg)
	case o.b.pid != 0:
		return cli.Usage("-c CONTAINER", "--with-image: name the container, and not process %d", o.b.pid)
	}
	o.a = o.b
	o.a.image = true
	return nil
}
