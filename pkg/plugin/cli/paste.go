// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"strings"
	"unicode"

	"github.com/spf13/pflag"
)

// Pastable reports whether a shell takes a word for itself alone: a person pastes what is advised, and the target chooses its
// names.
func Pastable(word string) bool {
	return !strings.ContainsFunc(word, func(r rune) bool {
		return !strings.ContainsRune("+,-./:=@_", r) && (r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r))
	})
}

// CommandLine is a command line to paste, of words that the user typed; "" where one of them is not plain text. Nothing that the
// target says goes in here: that has to be Pastable.
func CommandLine(words ...string) string {
	line := make([]string, len(words))
	for i, word := range words {
		switch {
		case word != "" && Pastable(word):
			line[i] = word
		case strings.ContainsFunc(word, func(r rune) bool { return r < ' ' || r >= unicode.MaxASCII || r == '\'' }):
			return ""
		default:
			line[i] = "'" + word + "'"
		}
	}
	return strings.Join(line, " ")
}

// InNamespace adds the namespace of the command line to the command lines of an advice, where they name none: pasted without it
// they would be about another pod of that name, or none.
func InNamespace(deps *Deps, advice string) string {
	const name = "kubectl shareproc "
	namespace := ""
	if flag := deps.Config.Namespace; flag != nil {
		namespace = *flag
	}
	parts := strings.Split(advice, name)
	for i, line := range parts[1:] {
		own, _, _ := strings.Cut(line, "\n")
		switch other := strings.HasPrefix(own, "fs tail ") || strings.HasPrefix(own, "fs grep "); { // to which -n is another flag
		case namespace == "", !strings.Contains(own, " "), strings.Contains(own, "--namespace"), strings.Contains(own, "--help"), strings.HasPrefix(own, "config"):
		case other:
			parts[i+1] = "--namespace " + namespace + " " + line
		case strings.Contains(own, "-n "):
		default:
			parts[i+1] = "-n " + namespace + " " + line
		}
	}
	return strings.Join(parts, name)
}

// TakesNext tells whether a word is a flag, or ends with one, whose value is the next word.
func TakesNext(flags *pflag.FlagSet, word string) bool {
	var flag *pflag.Flag
	switch name, long := strings.CutPrefix(word, "--"); {
	case strings.Contains(word, "="):
	case long:
		flag = flags.Lookup(name)
	case len(word) > 1 && word[0] == '-':
		flag = flags.ShorthandLookup(word[len(word)-1:])
	}
	return flag != nil && flag.NoOptDefVal == ""
}
