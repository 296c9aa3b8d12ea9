// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"errors"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// complete says for every command and flag what TAB offers, unless the command has said so itself. What is not named here
// completes nothing, the files of this machine least of all.
func (f *Factory) complete(root *cobra.Command) error {
	pod := f.completePods()
	arguments := map[string]completer{
		"debug":    pod,
		"ps":       pod,
		"doctor":   pod,
		"sessions": pod,
		"clean":    pod,
		"cp":       files,
		"fs":       f.completePods(f.pidOrPath, f.paths),
		"grep":     afterFirst(f.completePods(f.pidOrPath, f.paths)), // PATTERN POD [PID] [PATH]
		"signal":   f.completePods(f.pids, fixed(remote.SignalNames()...)),
	}
	errs := []error{f.completeConfig(root)}
	for _, cmd := range commands(root) {
		name := cmd.Name()
		if cmd.HasParent() && cmd.Parent().Name() == "fs" && name != "grep" {
			name = "fs"
		}
		if complete, ok := arguments[name]; ok && cmd.ValidArgsFunction == nil {
			cmd.ValidArgsFunction = complete
		}
		if cmd.ValidArgsFunction == nil {
			cmd.ValidArgsFunction = none
		}
		flags := map[string]completer{
			"container":         f.containers,
			"pid":               f.pids,
			"hold":              f.containers,
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

// files completes the names of this machine's files.
func files(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

// afterFirst completes nothing for the first argument, and the others as if it were not there.
func afterFirst(next completer) completer {
	return func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return none(cmd, args, word)
		}
		return next(cmd, args[1:], word)
	}
}

// commands lists all below a command that do something.
func commands(cmd *cobra.Command) []*cobra.Command {
	var list []*cobra.Command
	for _, sub := range cmd.Commands() {
		if !sub.HasSubCommands() || sub.Runnable() {
			list = append(list, sub)
		}
		list = append(list, commands(sub)...)
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
