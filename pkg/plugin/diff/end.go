// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/completion"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// A diffEnd is one of the two that are compared: POD[:PID]:PATH, or a path of this machine.
type diffEnd struct {
	namespace string // "" is that of the command line
	pod       string // "" for a path of this machine
	pid       int
	path      string
}

func (e diffEnd) local() bool { return e.pod == "" }

// String is how a person would write it, fit for a terminal.
func (e diffEnd) String() string {
	if e.local() {
		return remote.Escape(e.path)
	}
	return remote.Escape(e.pod + ":" + e.path)
}

// parseEnd takes an argument apart. The path of a file in the root whose name is a number and a colon begins with a slash.
func parseEnd(cmd *cobra.Command, arg string) (diffEnd, error) {
	pod, path, inPod := files.RemoteEnd(arg, runtime.GOOS)
	if !inPod {
		if arg == "" {
			return diffEnd{}, cli.Usage(cmd.CommandPath()+" --help", "the path is empty")
		}
		return diffEnd{path: arg}, nil
	}
	e := diffEnd{pod: pod, path: path}
	if number, rest, ok := strings.Cut(path, ":"); ok && number != "" && strings.Trim(number, "0123456789") == "" {
		var err error
		if e.pid, err = cli.ParsePID(cmd, number); err != nil {
			return diffEnd{}, err
		}
		e.path = rest
	}
	if e.path == "" {
		return diffEnd{}, cli.Usage(arg+"/", "%q: the path is empty", arg)
	}
	// NAMESPACE/POD as kubectl cp has it, unless it is TYPE/NAME.
	if ns, name, ok := strings.Cut(pod, "/"); ok && (target.Ref{Arg: pod}).Validate() != nil && (target.Ref{Arg: name}).Validate() == nil {
		e.namespace, e.pod = ns, name
	}
	return e, nil
}

// completeEnds completes POD:PATH, and names of this machine's files.
func completeEnds(deps *cli.Deps, cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	pod, path, inPod := files.RemoteEnd(word, runtime.GOOS)
	switch {
	case len(args) > 1:
		return completion.None(cmd, args, word)
	case !inPod && (strings.HasPrefix(word, ".") || strings.HasPrefix(word, "/")):
		return completion.Files(cmd, args, word)
	case !inPod:
		var out []cobra.Completion
		for _, pod := range completion.Pods(cmd.Context(), deps, word) {
			name, state, _ := strings.Cut(pod, "\t")
			out = append(out, cobra.CompletionWithDesc(name+":/", state))
		}
		return out, cobra.ShellCompDirectiveNoSpace
	}
	words, prefix := []string{pod}, pod+":"
	if number, rest, ok := strings.Cut(path, ":"); ok {
		words, prefix, path = append(words, number), prefix+number+":", rest
	}
	found, directive := completion.Paths(deps, cmd, words, path)
	out := make([]cobra.Completion, len(found))
	for i, path := range found {
		out[i] = prefix + path
	}
	return out, directive
}
