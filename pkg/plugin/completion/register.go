// SPDX-License-Identifier: Apache-2.0

// Package completion answers "what may be typed next?" for every command and flag. It starts no helper and prints nothing:
// whatever goes wrong completes nothing.
package completion

import (
	"errors"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
)

// Register says for every command and flag what TAB offers, unless the command has said so itself. What is not named here
// completes nothing, the files of this machine least of all.
func Register(deps *cli.Deps, root *cobra.Command) error {
	pod := completePods(deps)
	arguments := map[string]completer{
		"debug":    pod,
		"ps":       pod,
		"top":      pod,
		"report":   pod,
		"doctor":   pod,
		"sessions": pod,
		"clean":    pod,
		"dump":     completePods(deps, fixed("goroutines", "threads"), bound(deps, pids)),
		"env":      completePods(deps, bound(deps, pids)),
		"threads":  completePods(deps, bound(deps, pids)),
		"cp":       bound(deps, ends),
		"diff":     bound(deps, ends),
		"fs":       podOrPath(deps, bound(deps, pidOrPath), bound(deps, Paths)),
		"grep":     afterFirst(podOrPath(deps, bound(deps, pidOrPath), bound(deps, Paths))), // PATTERN POD [PID] [PATH]
		"browse":   podOrPath(deps, besidePod(deps), besidePod(deps), besidePod(deps)),
		"lsof":     completePods(deps, bound(deps, pids)),
		"ss":       completePods(deps, bound(deps, pids)),
		"signal":   completePods(deps, bound(deps, pids), fixed(process.SignalNames()...)),
	}
	errs := []error{completeConfig(deps, root)}
	for _, cmd := range Commands(root) {
		name := cmd.Name()
		if cmd.HasParent() && cmd.Parent().Name() == "fs" && name != "grep" && name != "diff" {
			name = "fs"
		}
		if complete, ok := arguments[name]; ok && cmd.ValidArgsFunction == nil {
			cmd.ValidArgsFunction = complete
		}
		if cmd.ValidArgsFunction == nil {
			cmd.ValidArgsFunction = None
		}
		flags := map[string]completer{
			"container": bound(deps, containers),
			"pid":       bound(deps, pids),
			"hold":      bound(deps, containers),
			// tail and grep have one of their own, without its letter.
			"namespace": func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
				return namespaces(cmd.Context(), deps), cobra.ShellCompDirectiveNoFileComp
			},
			"profile":           fixed(profileNames()...),
			"image-pull-policy": fixed("IfNotPresent", "Always", "Never"),
		}
		if cmd.Name() == "debug" {
			flags["dry-run"] = fixed("client", "server", "none")
			flags["output"] = fixed("yaml", "json")
		}
		for _, name := range slices.Sorted(maps.Keys(flags)) {
			if _, done := cmd.GetFlagCompletionFunc(name); cmd.Flags().Lookup(name) != nil && !done {
				errs = append(errs, cmd.RegisterFlagCompletionFunc(name, flags[name]))
			}
		}
	}
	return errors.Join(errs...)
}

// Files completes the names of this machine's files.
func Files(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

// afterFirst completes nothing for the first argument, and the others as if it were not there.
func afterFirst(next completer) completer {
	return func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return None(cmd, args, word)
		}
		return next(cmd, args[1:], word)
	}
}

// Commands lists all below a command that do something.
func Commands(cmd *cobra.Command) []*cobra.Command {
	var list []*cobra.Command
	for _, sub := range cmd.Commands() {
		if !sub.HasSubCommands() || sub.Runnable() {
			list = append(list, sub)
		}
		list = append(list, Commands(sub)...)
	}
	return list
}

func profileNames() []string {
	var names []string
	for _, p := range podspec.Profiles() {
		names = append(names, string(p))
	}
	return names
}

// bound gives a completer the dependencies that it asks.
func bound(deps *cli.Deps, complete func(*cli.Deps, *cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective)) completer {
	return func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return complete(deps, cmd, args, word)
	}
}
