// SPDX-License-Identifier: Apache-2.0

package cli

import "github.com/spf13/pflag"

// The groups of flags that --help has, in its order; a flag of no group is the command's own.
const (
	GroupTarget = "Target"
	GroupHelper = "Helper"
	GroupCopy   = "Copy"
	GroupPatch  = "Patch"
)

const (
	groupKey = "shareproc/group"
	rareKey  = "shareproc/rare"
)

// Group puts flags into a group of the help.
func Group(flags *pflag.FlagSet, group string, names ...string) {
	annotate(flags, groupKey, group, names)
}

// GroupRare does, and has --help name them only, as few people need them.
func GroupRare(flags *pflag.FlagSet, group string, names ...string) {
	annotate(flags, groupKey, group, names)
	annotate(flags, rareKey, "true", names)
}

// GroupOf returns a flag's group, and whether --help only names it.
func GroupOf(flag *pflag.Flag) (group string, rare bool) {
	if list := flag.Annotations[groupKey]; len(list) > 0 {
		group = list[0]
	}
	return group, len(flag.Annotations[rareKey]) > 0
}

func annotate(flags *pflag.FlagSet, key, value string, names []string) {
	for _, name := range names {
		flag := flags.Lookup(name)
		if flag.Annotations == nil {
			flag.Annotations = map[string][]string{}
		}
		flag.Annotations[key] = []string{value}
	}
}
