// SPDX-License-Identifier: Apache-2.0

package completion

import (
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// ends completes the two ends of cp and fs diff: POD:PATH, or names of this machine's files.
func ends(deps *cli.Deps, cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	switch {
	case len(args) > 1:
		return None(cmd, args, word)
	case files.InPod(word, runtime.GOOS):
		return inPod(deps, cmd, word)
	case strings.HasPrefix(word, ".") || strings.HasPrefix(word, "/"):
		return Files(cmd, args, word)
	}
	var out []cobra.Completion
	for _, pod := range completeTarget(deps, cmd, word) {
		name, state, _ := strings.Cut(pod, "\t")
		out = append(out, cobra.CompletionWithDesc(name+":/", state))
	}
	if len(out) == 0 {
		return Files(cmd, args, word)
	}
	return out, cobra.ShellCompDirectiveNoSpace
}

// inPod completes the path of POD:[PID:]PATH.
func inPod(deps *cli.Deps, cmd *cobra.Command, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	w := target.ParseWord(word)
	words, path := cli.PathWords(w.Path), ""
	if strings.HasPrefix(w.Path, "/") || len(words) > 1 {
		words, path = words[:len(words)-1], words[len(words)-1]
	} else if w.Path != "" {
		return None(cmd, nil, word) // it begins in the process's working directory, or is a PID as yet
	}
	prefix := strings.TrimSuffix(word, path)
	found, directive := Paths(deps, cmd, append([]string{strings.TrimSuffix(word, ":"+w.Path)}, words...), path)
	out := make([]cobra.Completion, len(found))
	for i, path := range found {
		out[i] = prefix + path
	}
	return out, directive
}

// podOrPath completes the pod in front of a path, and the path where that is behind a colon.
func podOrPath(deps *cli.Deps, next ...completer) completer {
	pods := completePods(deps, next...)
	return func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) == 0 && strings.Contains(word, ":") && !cmd.Flags().Changed("selector") {
			return inPod(deps, cmd, word)
		}
		return pods(cmd, args, word)
	}
}

// besidePod completes what follows the first pod of a command that takes a second one: what begins with a letter is that.
func besidePod(deps *cli.Deps) completer {
	return func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		args = slices.DeleteFunc(slices.Clone(args), func(arg string) bool {
			return arg != args[0] && !strings.HasPrefix(arg, "/") && strings.Trim(arg, "0123456789") != ""
		})
		switch {
		case strings.Trim(word, "0123456789") != "" && !strings.HasPrefix(word, "/"):
			return completeTarget(deps, cmd, word), cobra.ShellCompDirectiveNoFileComp
		case len(args) > 2:
			return None(cmd, args, word)
		}
		return pidOrPath(deps, cmd, args, word)
	}
}
