// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
)

// --help is one screen of at most helpLines lines and helpWidth columns; "help COMMAND" has everything.
const (
	helpWidth = 80
	helpLines = 60
	// flagColumn is the widest that the names of flags get before what they do.
	flagColumn = 30
)

// printCommands is what the bare command does.
func printCommands(cmd *cobra.Command, _ []string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s.\n%s", cmd.Short, commandsOf(cmd))
	fmt.Fprintf(&b, `
Start with:
  %[1]s debug nginx
  %[1]s fs nginx /etc/nginx

Use "%[1]s COMMAND --help" for more about a command.
`, cmd.CommandPath())
	_, err := fmt.Fprint(cmd.OutOrStdout(), b.String())
	return err
}

// printHelp is the help of every command. cobra calls it for --help and -h, and for the command help.
func printHelp(cmd *cobra.Command, _ []string) {
	letter := cmd.Flags().ShorthandLookup("h")
	short := cmd.Flags().Changed("help") || letter != nil && letter.Changed
	// A help that nobody reads, because its reader went away, is no error.
	_, _ = fmt.Fprint(cmd.OutOrStdout(), helpText(cmd, short))
}

// helpText is a command's help: its examples, what it is for, and its flags by group. The short one leaves out the last
// paragraphs of the description where all of it would be too long, and only names the flags that few people need.
func helpText(cmd *cobra.Command, short bool) string {
	paragraphs := strings.Split(cmd.Long, "\n\n")
	for n := len(paragraphs); ; n-- {
		text := helpWith(cmd, paragraphs[:n], short)
		if n == 0 || !short || screenRows(text) <= helpLines {
			return text
		}
	}
}

// screenRows are those that a terminal of helpWidth columns shows: a command to copy is not broken, and may take two.
func screenRows(text string) int {
	rows := 0
	for line := range strings.Lines(text) {
		rows += 1 + max(utf8.RuneCountInString(strings.TrimSuffix(line, "\n"))-1, 0)/helpWidth
	}
	return rows
}

func helpWith(cmd *cobra.Command, description []string, short bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nUsage:\n  %s\n", wrap("", cmd.Short+".", 0), cmd.UseLine())
	if cmd.Example != "" {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", strings.TrimRight(examples(cmd, short), "\n"))
	}
	if len(description) > 0 {
		fmt.Fprintf(&b, "\n%s\n", strings.Join(description, "\n\n"))
	}
	b.WriteString(commandsOf(cmd))
	b.WriteString(flagsOf(cmd, short))
	root := cmd.Root().CommandPath()
	b.WriteString("\n")
	if short && cmd.HasParent() {
		fmt.Fprintf(&b, "More: %s help%s\n", root, strings.TrimPrefix(cmd.CommandPath(), root))
	}
	fmt.Fprintf(&b, "Global flags: %s options\n", root)
	return b.String()
}

// examples are those of the command, in the short help without the empty lines between them.
func examples(cmd *cobra.Command, short bool) string {
	if short {
		return strings.ReplaceAll(cmd.Example, "\n\n", "\n")
	}
	return cmd.Example
}

// commandsOf lists the commands below one, by group where there are groups.
func commandsOf(cmd *cobra.Command) string {
	var b strings.Builder
	groups := cmd.Groups()
	if len(groups) == 0 {
		groups = []*cobra.Group{{Title: "Commands:"}}
	}
	for _, group := range groups {
		var rows strings.Builder
		for _, sub := range cmd.Commands() {
			if sub.GroupID == group.ID && (sub.IsAvailableCommand() || sub.Name() == "help") {
				left := fmt.Sprintf("  %-*s ", cmd.NamePadding(), sub.Name())
				rows.WriteString(wrap(left, sub.Short, len(left)))
			}
		}
		if rows.Len() > 0 {
			fmt.Fprintf(&b, "\n%s\n%s", group.Title, rows.String())
		}
	}
	return b.String()
}

// flagsOf lists a command's flags by group, but those of every command.
func flagsOf(cmd *cobra.Command, short bool) string {
	var b strings.Builder
	between := "\n"
	for _, group := range []string{"", cli.GroupTarget, cli.GroupHelper, cli.GroupCopy, cli.GroupPatch} {
		var described []*pflag.Flag
		var named []string
		cmd.LocalNonPersistentFlags().VisitAll(func(flag *pflag.Flag) {
			of, rare := cli.GroupOf(flag)
			switch {
			case of != group || flag.Hidden || flag.Name == "help":
			case short && rare:
				named = append(named, "--"+flag.Name)
			default:
				described = append(described, flag)
			}
		})
		if len(described)+len(named) > 0 {
			fmt.Fprintf(&b, "%s%s\n%s", between, strings.TrimSpace(group+" flags:"), describe(described))
			if short {
				between = ""
			}
		}
		if len(named) > 0 {
			b.WriteString(wrap("  also: ", strings.Join(named, ", "), len("  also: ")))
		}
	}
	return strings.Replace(b.String(), "\nflags:", "\nFlags:", 1)
}

// describe lists flags, their descriptions in a column.
func describe(flags []*pflag.Flag) string {
	column := 0
	for _, flag := range flags {
		left, _ := flagWords(flag)
		column = max(column, min(utf8.RuneCountInString(left), flagColumn)+2)
	}
	var b strings.Builder
	for _, flag := range flags {
		left, right := flagWords(flag)
		b.WriteString(wrap(left+"  ", right, column))
	}
	return b.String()
}

// flagWords are a flag's names and what it does, as pflag writes them.
func flagWords(flag *pflag.Flag) (left, right string) {
	alone := pflag.NewFlagSet("", pflag.ContinueOnError)
	alone.AddFlag(flag)
	left, right, _ = strings.Cut(strings.TrimSpace(alone.FlagUsages()), "   ")
	indent := "  "
	if strings.HasPrefix(left, "--") {
		indent = "      "
	}
	return indent + left, strings.TrimSpace(right)
}

// wrap puts words behind left, from a column on, in lines of at most helpWidth columns.
func wrap(left, words string, column int) string {
	var b strings.Builder
	line := left + strings.Repeat(" ", max(column-utf8.RuneCountInString(left), 0))
	begun := false
	for word := range strings.FieldsSeq(words) {
		space := ""
		if begun {
			space = " "
		}
		if utf8.RuneCountInString(line+space+word) > helpWidth && strings.TrimSpace(line) != "" {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line, space = strings.Repeat(" ", column), ""
		}
		line += space + word
		begun = true
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
	return b.String()
}

// newOptionsCommand is "kubectl options" for this plugin: the flags that every command has.
func newOptionsCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "options",
		Short:  "List the flags of every command",
		Hidden: true,
		Args:   cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var flags []*pflag.Flag
			cmd.Root().PersistentFlags().VisitAll(func(flag *pflag.Flag) {
				if !flag.Hidden {
					flags = append(flags, flag)
				}
			})
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "Flags of every command:\n%s", describe(flags))
			return err
		},
	}
}
