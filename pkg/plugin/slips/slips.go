// SPDX-License-Identifier: Apache-2.0

// Package slips answers "which command line was meant?": words of other tools, words in another order, names that are nearly
// right. What it answers is a line to paste, made of what the user typed and of names of the cluster. It runs nothing.
package slips

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// Meaning makes a command of a first word that another tool has for it: "exec" is debug, "cat" is "fs cat".
func Meaning(root *cobra.Command, args []string) []string {
	at := firstWord(root, args)
	if at >= len(args) {
		return args
	}
	if cmd, _, err := root.Find(args[at:]); err != nil || cmd != root {
		return args
	}
	word := args[at]
	verb, _, err := root.Find([]string{"fs", word})
	switch {
	case slices.Contains([]string{"exec", "shell", "sh"}, word):
		return slices.Concat(args[:at], []string{"debug"}, args[at+1:])
	case err == nil && verb.Name() == word && verb != root:
		return slices.Concat(args[:at], []string{"fs"}, args[at:])
	}
	return args
}

// firstWord is where the first word is that is no flag; len(args) where there is none, or where it is still being typed.
func firstWord(root *cobra.Command, args []string) int {
	at := 0
	completing := len(args) > 0 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd)
	if completing {
		at = 1
	}
	for at < len(args) && strings.HasPrefix(args[at], "-") && args[at] != "--" {
		if cli.TakesNext(root.PersistentFlags(), args[at]) {
			at++
		}
		at++
	}
	if completing && at == len(args)-1 {
		return len(args)
	}
	return at
}

// Correct is the command line that was meant by one that failed, or "" where that is not known.
func Correct(root *cobra.Command, args []string, err error) string {
	cmd, rest, findErr := root.Find(args)
	if findErr != nil {
		cmd, rest = root, args
	}
	l := split(cmd, rest)
	if missing, ok := errors.AsType[*target.NotFoundError](err); ok {
		return l.renamed(missing)
	}
	if _, usage := errors.AsType[cli.UsageError](err); !usage {
		return ""
	}
	if cmd == root {
		return unknown(root, l)
	}
	for _, correct := range []func() string{l.otherTool, l.foreignFlags, l.commandBehindDashes, l.twoEnds, l.inOrder} {
		if line := correct(); line != "" {
			return line
		}
	}
	return ""
}

// unknown is what to type instead of a word that is no command.
func unknown(root *cobra.Command, l line) string {
	if len(l.words) == 0 {
		if slices.Contains(l.flags, "--version") {
			return root.CommandPath() + " version"
		}
		return ""
	}
	word := l.words[0]
	l.words = l.words[1:]
	if try := instead(word, l); try != "" {
		return try
	}
	if w := target.ParseWord(word); len(cli.NearCommands(root, word)) == 0 && (target.Ref{Arg: w.Arg}).Validate() == nil && cli.Pastable(word) {
		try := root.CommandPath() + " debug " + word
		if w.HasPath {
			try = root.CommandPath() + " fs " + word
		}
		return try + "   # if it is a pod\n     " + root.CommandPath() + " --help"
	}
	return ""
}

// renamed is the line with the pod that may have been meant.
func (l line) renamed(missing *target.NotFoundError) string {
	at := slices.IndexFunc(l.words, func(word string) bool {
		_, name, typed := strings.Cut(target.ParseWord(word).Arg, "/")
		return target.ParseWord(word).Arg == missing.Name || typed && name == missing.Name
	})
	switch {
	case at < 0:
		return ""
	case at == 1 && l.cmd.Name() == "grep" && slices.Contains(missing.Pods, l.words[0]):
		l.words[0], l.words[1] = l.words[1], l.words[0] // the pattern comes first
		return l.String()
	case len(missing.Near) == 0:
		return ""
	}
	w := target.ParseWord(l.words[at])
	name := missing.Near[0]
	if w.Namespace != "" {
		name = w.Namespace + "/" + name
	}
	if w.HasPath {
		name += ":" + w.Path
	}
	l.words[at] = name
	return l.String()
}
