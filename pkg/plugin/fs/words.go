// SPDX-License-Identifier: Apache-2.0

package fs

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
)

// Words makes words for pflag of those that mean something else to the tool which a command below fs is named after, or
// refuses them by name: to pflag "-name x" of find is -n ame, and "-sch" of du has a container h.
func Words(root *cobra.Command, args []string) ([]string, error) {
	cmd, _, err := root.Find(args)
	if err != nil || !strings.HasPrefix(cmd.CommandPath()+" ", root.CommandPath()+" fs ") {
		return args, nil //nolint:nilerr // the command reports it
	}
	cmd.InheritedFlags() // merges them into Flags
	var words []string
	for i := 0; i < len(args); i++ {
		word := args[i]
		if word == "--" {
			return append(words, args[i:]...), nil
		}
		next := ""
		if i+1 < len(args) {
			next = args[i+1]
		}
		if cmd.Name() == "find" {
			word, err = findWord(word, next)
		} else {
			err = attached(cmd, word)
		}
		if err != nil {
			return nil, err
		}
		words = append(words, word)
		if cli.TakesNext(cmd.Flags(), word) && i+1 < len(args) {
			i++
			words = append(words, next)
		}
	}
	return words, nil
}

// attached refuses a group of letters in which one of kubectl's takes the others for its value: that was meant by nobody.
func attached(cmd *cobra.Command, word string) error {
	if len(word) < 2 || word[0] != '-' || word[1] == '-' {
		return nil
	}
	for i := 1; i < len(word)-1 && word[i+1] != '='; i++ {
		flag := cmd.Flags().ShorthandLookup(word[i : i+1])
		switch {
		case flag == nil:
			return nil
		case flag.NoOptDefVal == "" && cmd.Name() == "tail" && flag.Name == "lines", flag.NoOptDefVal == "" && flag.Name == "exclude":
			return nil
		case flag.NoOptDefVal == "":
			return cli.Usage("use --"+flag.Name+" "+word[i+1:]+" if you mean that", "%s: -%s is --%s here, and takes a value", word, flag.Shorthand, flag.Name)
		}
	}
	return nil
}

// findWord gives a word of find's own its second dash.
func findWord(word, next string) (string, error) {
	if slices.Contains([]string{"!", "(", "-a", "-not", "-or", "-and"}, word) || word == "-o" && strings.HasPrefix(next, "-") {
		return "", cli.Usage("run a command for each", "%s is not supported: tests are combined with \"and\"", word)
	}
	name, value, given := strings.Cut(strings.TrimPrefix(word, "-"), "=")
	if !given {
		value = next
	}
	own := []string{"name", "iname", "type", "size", "newer", "mtime", "perm", "user", "maxdepth", "xdev"}
	switch {
	case len(word) < 3, word[0] != '-', word[1] == '-', len(name) == 1:
		return word, nil
	case word == "-print0":
		return "--null", nil
	case word == "-print":
		return "--null=false", nil
	case name == "size" && strings.ContainsAny(value[max(0, len(value)-1):], "0123456789"):
		return "", cli.Usage("use -size "+value+"c for bytes; k, M and G are larger units", "-size %s: blocks of 512 bytes are not supported", value)
	case slices.Contains(own, name):
		return "-" + word, nil
	}
	return "", cli.Usage("use one of -"+strings.Join(own, ", -"), "%s is not supported", word)
}

// letterError explains a flag that a command below fs can't take.
func letterError(cmd *cobra.Command, err error) error {
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok && invalid.GetFlag().Name == "lines" {
		return cli.Usage("use --namespace "+invalid.GetValue()+" if it is a namespace", "%w", err)
	}
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok || unknown.GetSpecifiedShortnames() == "" {
		return cli.FlagError(cmd, err)
	}
	letter := unknown.GetSpecifiedName()
	verb := cmd.Name()
	if verb == listName {
		verb = "fs"
	}
	if try := instead(verb, letter); try != "" {
		return cli.Usage(try, "%w", err)
	}
	return cli.FlagError(cmd, err)
}

// instead is what to type for a letter of a tool's.
func instead(verb, letter string) string {
	if _, err := strconv.Atoi(letter); err == nil && verb == "tail" {
		return "use -n N for the last N lines"
	}
	for _, l := range []struct{ verbs, letter, try string }{
		{"fs", "t", "--sort=time"},
		{"fs", "S", "--sort=size"},
		{"fs", "1", "-o name"},
		{"fs", "d", "kubectl shareproc fs stat POD PATH"},
		{"fs tree", "A", "leave it out: names that begin with a dot are shown"},
		{"tree", "a", "leave it out: names that begin with a dot are shown"},
		{"tree", "L", "--maxdepth N"},
		{"tree", "d", "kubectl shareproc fs find POD PATH --type d"},
		{"du", "d", "--maxdepth N"},
		{"du", "x", "--xdev"},
		{"du", "b", "--bytes --apparent-size"},
		{"df", "i", "nothing: inodes are shown"},
		{"df", "T", "nothing: types are shown"},
		{"df", "k", "-o json, for sizes in bytes"},
		{"grep", "R", "-r"},
		{"grep", "v", "use --v LEVEL for log verbosity; inverted matches are not supported"},
		{"diff", "r", "leave it out: directories are always compared recursively"},
		{"", "l", "use --selector KEY=VALUE for labels"},
		{"", "s", "use --server URL for the API server"},
	} {
		if l.letter == letter && (l.verbs == "" || strings.Contains(" "+l.verbs+" ", " "+verb+" ")) {
			return l.try
		}
	}
	return ""
}

// addHuman adds -h as ls and du have it, which leaves --help without a letter.
func addHuman(cmd *cobra.Command, human *bool, usage string) {
	cmd.Flags().BoolVarP(human, "human-readable", "h", false, usage)
	cmd.Flags().Bool("help", false, "help for "+cmd.Name())
}

// orHelp shows the help where -h stands alone, whatever else it means.
func orHelp(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		flag := cmd.Flags().ShorthandLookup("h")
		if len(args) == 0 && flag != nil && flag.Changed && !cmd.Flags().Changed("selector") {
			return pflag.ErrHelp
		}
		return check(cmd, args)
	}
}

// A lineCount is the value of tail's -n.
type lineCount int

func (c *lineCount) String() string { return strconv.Itoa(int(*c)) }

// Type names the flag's value in help.
func (c *lineCount) Type() string { return "int" }

// Set reads digits alone: +N is another question to tail.
func (c *lineCount) Set(text string) error {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return errors.New("not a number of lines from 0 on")
	}
	*c = lineCount(n)
	return nil
}
