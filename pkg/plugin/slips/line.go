// SPDX-License-Identifier: Apache-2.0

package slips

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// A line is a command line, taken apart.
type line struct {
	cmd *cobra.Command
	// raw are all words behind the command, in their order.
	raw []string
	// words are those that are no flags, flags the others, and tail begins with "--".
	words, flags, tail []string
	// signal is a signal that was typed with a dash, as kill has it.
	signal string
}

func split(cmd *cobra.Command, args []string) line {
	l := line{cmd: cmd, raw: args}
	cmd.InheritedFlags() // merges them into Flags
	for i := 0; i < len(args); i++ {
		switch word := args[i]; {
		case word == "--":
			l.tail = args[i:]
			return l
		case len(word) < 2 || word[0] != '-':
			l.words = append(l.words, word)
		case cmd.Name() == "signal" && isSignal(word[1:]):
			l.signal = word[1:]
		default:
			l.flags = append(l.flags, word)
			if cli.TakesNext(cmd.Flags(), word) && i+1 < len(args) {
				i++
				l.flags = append(l.flags, args[i])
			}
		}
	}
	return l
}

// String is the line to paste, or "" where a word is not plain text.
func (l line) String() string {
	return cli.CommandLine(slices.Concat(strings.Fields(l.cmd.CommandPath()), l.words, l.flags, l.tail)...)
}

// isSignal reports whether a word is a signal's name or number.
func isSignal(word string) bool {
	_, ok := process.ParseSignal(word)
	return ok
}

func isNumber(word string) bool { return word != "" && strings.Trim(word, "0123456789") == "" }

// isPod reports whether a word may name a pod.
func isPod(word string) bool {
	return !strings.HasPrefix(word, "/") && (target.Ref{Arg: target.ParseWord(word).Arg}).Validate() == nil
}

// A role is a word in a command's usage.
type role struct {
	name     string
	required bool
}

// roles are the words that a command takes, by its usage: POD [PID] [PATH].
func roles(cmd *cobra.Command) []role {
	var list []role
	for _, word := range strings.Fields(cmd.Use)[1:] {
		if word == "--" || word == "[--" {
			break
		}
		name := strings.TrimSuffix(strings.Trim(word, "[]"), "...")
		list = append(list, role{name, !strings.HasPrefix(word, "[")})
	}
	return list
}

// inOrder is the line with its words in the order that the command takes them, where there is one such order.
func (l line) inOrder() string {
	wanted := roles(l.cmd)
	given := joinTypes(l.words)
	var arranged []string
	if len(wanted) > 0 && wanted[0].name == "PATTERN" && len(given) > 0 {
		arranged, given, wanted = given[:1:1], given[1:], wanted[1:]
	}
	if len(wanted) == 0 || wanted[0].name != "POD" {
		return ""
	}
	if arranged = l.arrange(arranged, given, wanted); arranged == nil || slices.Equal(arranged, l.words) {
		return ""
	}
	pod := arranged[0]
	guessed := !slices.ContainsFunc(given, isNumber) && slices.Contains(arranged, "1")
	l.words = arranged
	text := l.String()
	if guessed && text != "" && cli.Pastable(pod) {
		text += "\n     kubectl shareproc ps " + pod + "   # lists the PIDs"
	}
	return text
}

// arrange puts words behind those in front, in the order of the roles that they have; nil where there is none.
func (l line) arrange(front, given []string, wanted []role) []string {
	found := map[string][]string{}
	for _, word := range given {
		name := roleOf(wanted, word)
		found[name] = append(found[name], word)
	}
	if l.signal != "" {
		found["SIGNAL"] = append(found["SIGNAL"], l.signal)
	}
	if len(found["POD"]) != 1 || len(found[""]) > 0 {
		return nil
	}
	for _, r := range wanted {
		words := found[r.name]
		switch {
		case r.name == "PID" && r.required && len(words) == 0:
			words = []string{"1"} // the container's first process, as a rule
		case r.required && len(words) == 0, len(words) > 1 && r.name != "PATH":
			return nil
		}
		front = append(front, words...)
		delete(found, r.name)
	}
	if len(found) > 0 {
		return nil
	}
	return front
}

// roleOf is the role that a word has by its form; "" where it has none.
func roleOf(wanted []role, word string) string {
	has := func(name string) bool {
		return slices.ContainsFunc(wanted, func(r role) bool { return r.name == name })
	}
	kinds := slices.IndexFunc(wanted, func(r role) bool { return strings.HasPrefix(r.name, "{") })
	switch {
	case kinds >= 0 && slices.Contains(strings.Split(strings.Trim(wanted[kinds].name, "{}"), "|"), word):
		return wanted[kinds].name
	case strings.HasPrefix(word, "/") && has("PATH"):
		return "PATH"
	case isNumber(word) && has("PID"):
		return "PID"
	case has("SIGNAL") && isSignal(word):
		return "SIGNAL"
	case isPod(word):
		return "POD"
	}
	return ""
}

// joinTypes makes TYPE/NAME of a type and a name.
func joinTypes(words []string) []string {
	var joined []string
	for i := 0; i < len(words); i++ {
		if target.IsType(words[i]) && i+1 < len(words) && isPod(words[i+1]) && !strings.ContainsAny(words[i+1], "/") {
			joined = append(joined, words[i]+"/"+words[i+1])
			i++
			continue
		}
		joined = append(joined, words[i])
	}
	return joined
}
