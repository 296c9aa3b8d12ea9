// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
)

var update = flag.Bool("update", false, "update docs/reference.md, docs/reference and docs/man")

// TestReference holds docs/reference.md, docs/reference/*.md and docs/man/*.1 to what the commands say of themselves.
func TestReference(t *testing.T) {
	t.Setenv("HOME", "/home/you") // a default of kubectl's own flags
	root := Root(cli.NewDeps(genericiooptions.NewTestIOStreamsDiscard(), func(string) string { return "" }))
	want := map[string]string{"reference.md": index(root)}
	for _, cmd := range listed(root) {
		cmd.InitDefaultHelpFlag()
		want["man/"+pageName(cmd)+".1"] = manPage(cmd)
		if cmd != root {
			want["reference/"+fileName(cmd)] = page(cmd)
		}
	}
	const docs = "../../docs"
	have := map[string]string{"reference.md": ""}
	for _, pattern := range []string{"reference/*.md", "man/*.1"} {
		files, err := filepath.Glob(filepath.Join(docs, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			have[strings.TrimPrefix(filepath.ToSlash(file), docs+"/")] = ""
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if _, ok := want[name]; ok {
			continue
		}
		if !*update {
			t.Errorf("docs/%s belongs to no command; -update removes it", name)
		} else if err := os.Remove(filepath.Join(docs, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		file := filepath.Join(docs, name)
		if *update {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(want[name]), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if text, err := os.ReadFile(file); err != nil || string(text) != want[name] {
			t.Errorf("docs/%s is not what the commands say (%v); update it with -update", name, err)
		}
	}
}

const generated = "Generated from the commands (`go test ./pkg/plugin -run Reference -update`)."

// fileName is a command's page in docs/reference.
func fileName(cmd *cobra.Command) string {
	return strings.ReplaceAll(strings.TrimPrefix(cmd.CommandPath(), cmd.Root().CommandPath()+" "), " ", "-") + ".md"
}

// index is docs/reference.md: the commands, and what all have in common.
func index(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("# Reference\n\n" + generated + "\n\n| command | |\n|---|---|\n")
	for _, cmd := range listed(root)[1:] {
		fmt.Fprintf(&b, "| [%s](reference/%s) | %s |\n", strings.TrimPrefix(cmd.CommandPath(), root.CommandPath()+" "), fileName(cmd), cmd.Short)
	}
	b.WriteString("\nThe same as manual pages is in [man](man): `man -l docs/man/kubectl-shareproc.1`.\n")
	b.WriteString("\n## Pods and paths\n\n" + grammar + "\n")
	b.WriteString("\n## Flags of every command\n\n```\n" + root.PersistentFlags().FlagUsages() + "```\n")
	b.WriteString("\n## Exit codes\n\n| code | meaning |\n|---|---|\n")
	for _, code := range exitCodes {
		fmt.Fprintf(&b, "| %s | %s |\n", code[0], code[1])
	}
	b.WriteString("\n" + exitNotes + "\n")
	return b.String()
}

const grammar = `Every command takes a pod as ` + "`[NAMESPACE/][TYPE/]NAME`" + `, and a path in it as ` + "`[NAMESPACE/][TYPE/]NAME:PATH`" + `:

| word | meaning |
|---|---|
| ` + "`nginx`, `pod/nginx`, `deploy/web`" + ` | a pod, or the newest ready pod of a workload or Service |
| ` + "`prod/nginx`, `prod/deploy/web`" + ` | the same in namespace prod |
| ` + "`nginx:/etc/hosts`, `prod/nginx:/etc/hosts`" + ` | a path; ` + "`fs nginx /etc/hosts`" + ` is the same as ` + "`fs nginx:/etc/hosts`" + ` |
| ` + "`nginx:8:/etc/hosts`" + ` | as process 8 sees it (not in ` + "`cp`" + `, which has ` + "`--pid`" + `) |
| ` + "`nginx:conf/app.yaml`" + ` | below the working directory of the process |

- What stands before the first slash is a type where it is one that kubectl exec takes (by its name, plural, short name
  or with its API group), or a node; else it is a namespace. A namespace called like a type is named with ` + "`-n`" + `.
- The path begins at the first colon: no name has one.
- ` + "`-n`" + ` with another namespace than the word's is an error.
- A local path with a colon, for ` + "`cp` and `fs diff`" + `, begins with ` + "`./`" + `.
- ` + "`sessions` and `clean`" + ` also take ` + "`pod/NAME/CONTAINER`" + `, a helper.`

var exitCodes = [][2]string{
	{"0", "done"},
	{"1", "an error, said on stderr"},
	{"2", "a command line that can't be carried out"},
	{"130", "interrupted"},
	{"141", "whoever read the output went away"},
	{"any", "`debug`: the command's own"},
}

const exitNotes = "`fs grep` ends as grep does: 0 where something matched, 1 where nothing did, 2 after an error; `fs diff` as diff does: 0 the same, 1 different, 2 after an error. Where a part of a tree could not be\n" +
	"read, the verbs of `fs` print all the rest, say what is missing, and end with 1 (`fs grep` and `fs diff` with 2)."

// page is a command's page in docs/reference.
func page(cmd *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n\n    %s\n\n## Examples\n\n```\n%s\n```\n\n## Flags\n\n```\n%s```\n\nAnd those of [every command](../reference.md#flags-of-every-command).\n",
		cmd.CommandPath(), cmd.Long, cmd.UseLine(), flush(cmd.Example), cmd.LocalNonPersistentFlags().FlagUsages())
	var near []string
	for _, other := range neighbours(cmd) {
		near = append(near, fmt.Sprintf("[%s](%s)", other.CommandPath(), fileName(other)))
	}
	if len(near) > 0 {
		b.WriteString("\n## See also\n\n" + strings.Join(near, ", ") + "\n")
	}
	return b.String()
}

// neighbours are the commands above and below, but for the root.
func neighbours(cmd *cobra.Command) []*cobra.Command {
	var list []*cobra.Command
	if cmd.Parent().HasParent() {
		list = append(list, cmd.Parent())
	}
	return append(list, listed(cmd)[1:]...)
}

// flush takes the two spaces away with which examples are indented.
func flush(example string) string {
	return strings.ReplaceAll(strings.TrimSpace(example), "\n  ", "\n")
}

func pageName(cmd *cobra.Command) string {
	return "kubectl-shareproc" + strings.ReplaceAll(strings.TrimPrefix(cmd.CommandPath(), cmd.Root().CommandPath()), " ", "-")
}

// manPage is a command as a page for man(1), in the macros of man(7).
func manPage(cmd *cobra.Command) string {
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line(`.\" SPDX-License-Identifier: Apache-2.0`)
	line(`.\" %s`, generated)
	line(`.TH %s 1 "" kubectl-shareproc "kubectl shareproc"`, strings.ToUpper(pageName(cmd)))
	line(".SH NAME\n%s \\- %s", roff(pageName(cmd)), roff(cmd.Short))
	line(".SH SYNOPSIS\n.B %s", roff(cmd.UseLine()))
	line(".SH DESCRIPTION")
	for i, part := range strings.Split(cmd.Long, "\n\n") {
		switch {
		case strings.HasPrefix(part, "    "):
			line(".PP\n.RS 4\n.EX\n%s\n.EE\n.RE", roff(strings.ReplaceAll(part[4:], "\n    ", "\n")))
		case i > 0:
			line(".PP\n%s", roff(part))
		default:
			line("%s", roff(part))
		}
	}
	flags := cmd.LocalNonPersistentFlags()
	if !cmd.HasParent() {
		flags = cmd.Flags()
	}
	line(".SH OPTIONS")
	flags.VisitAll(func(flag *pflag.Flag) {
		left, right := manFlag(flag)
		if left != "" {
			line(".TP\n.B %s\n%s", left, right)
		}
	})
	if cmd.HasParent() {
		line(".PP\nThe options of every command are in\n.BR %s (1).", roff(pageName(cmd.Root())))
	}
	line(".SH EXIT STATUS")
	for _, code := range exitCodes {
		if code[0] == "any" && cmd.HasParent() && cmd.Name() != "debug" {
			continue
		}
		line(".TP\n.B %s\n%s", code[0], roff(strings.ReplaceAll(code[1], "`", "")))
	}
	if strings.Contains(cmd.CommandPath(), " fs") {
		line(".PP\n%s", roff(strings.ReplaceAll(exitNotes, "`", "")))
	}
	line(".SH EXAMPLES\n.EX\n%s\n.EE", roff(flush(cmd.Example)))
	line(".SH SEE ALSO\n%s", manNeighbours(cmd))
	return b.String()
}

func manFlag(flag *pflag.Flag) (left, right string) {
	alone := pflag.NewFlagSet("", pflag.ContinueOnError)
	alone.AddFlag(flag)
	left, right, _ = strings.Cut(strings.TrimSpace(alone.FlagUsages()), "   ")
	return roff(left), roff(strings.TrimSpace(right))
}

func manNeighbours(cmd *cobra.Command) string {
	var lines []string
	if cmd.HasParent() {
		lines = append(lines, ".BR "+roff(pageName(cmd.Root()))+" (1)")
		for _, other := range neighbours(cmd) {
			lines = append(lines, ".BR "+roff(pageName(other))+" (1)")
		}
	} else {
		for _, other := range listed(cmd)[1:] {
			lines = append(lines, ".BR "+roff(pageName(other))+" (1)")
		}
	}
	return strings.Join(lines, ",\n")
}

// roff escapes text for man(7): what is special anywhere, and what is at the beginning of a line (groff_char(7)).
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, `-`, `\-`, `'`, `\(aq`, "`", `\(ga`, `^`, `\(ha`, `~`, `\(ti`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
