// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

// maxEditDistance is the number of letters in which a mistyped name may differ from a suggestion; cobra uses the same.
const maxEditDistance = 2

// KnownCommand refuses what is no command, and names the nearest ones.
func KnownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	try := cmd.CommandPath() + " --help"
	if near := NearCommands(cmd, args[0]); len(near) > 0 {
		try = cmd.CommandPath() + " " + strings.Join(near, ", or "+cmd.CommandPath()+" ")
	}
	return Usage(try, "unknown command %q", args[0])
}

// NearCommands are the commands below one that a word may be, mistyped or not finished.
func NearCommands(cmd *cobra.Command, word string) (near []string) {
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() && (hint.Near(word, sub.Name()) || strings.HasPrefix(sub.Name(), strings.ToLower(word))) {
			near = append(near, sub.Name())
		}
	}
	return near
}

// onlyCommands reports whether a command does nothing but hold others.
func onlyCommands(cmd *cobra.Command) bool {
	return cmd.HasSubCommands() && !strings.Contains(cmd.Use, " ")
}

// FlagError explains a flag that can't be taken. A mistyped command ends up here too, where flags follow it.
func FlagError(cmd *cobra.Command, err error) error {
	if onlyCommands(cmd) {
		if err := KnownCommand(cmd, cmd.Flags().Args()); err != nil {
			return err
		}
	}
	try := cmd.CommandPath() + " --help"
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		if near := nearFlags(cmd.Flags(), unknown); len(near) > 0 {
			try = strings.Join(near, ", or ")
		}
	}
	return Usage(try, "%w", err)
}

// nearFlags lists the flags that may have been meant: the nearest, or those that begin like it.
func nearFlags(flags *pflag.FlagSet, unknown *pflag.NotExistError) []string {
	typed := unknown.GetSpecifiedName()
	if group := unknown.GetSpecifiedShortnames(); group != "" {
		typed = group // -persist, for --persist
	}
	typed, _, _ = strings.Cut(typed, "=")
	if len(typed) < 3 {
		return nil
	}
	best, near := maxEditDistance, []string{}
	flags.VisitAll(func(flag *pflag.Flag) {
		distance := hint.Distance(typed, flag.Name)
		if strings.HasPrefix(flag.Name, typed) {
			distance = min(distance, maxEditDistance)
		}
		if flag.Hidden || flag.Deprecated != "" || distance > best {
			return
		}
		if distance < best {
			best, near = distance, near[:0]
		}
		near = append(near, "--"+flag.Name)
	})
	slices.Sort(near)
	return near
}
