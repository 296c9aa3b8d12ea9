// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

var update = flag.Bool("update", false, "write docs/reference.md anew")

// docs/reference.md is what --help says, of every command.
func TestReference(t *testing.T) {
	t.Setenv("HOME", "/home/you") // a default of kubectl's own flags
	f := NewFactory(genericiooptions.NewTestIOStreamsDiscard(), func(string) string { return "" })
	root, _ := newRoot(f)
	root.InitDefaultHelpFlag()
	var b bytes.Buffer
	b.WriteString("# Reference\n\nGenerated from the commands (`go test ./pkg/plugin -run Reference -update`).\n")
	for _, cmd := range root.Commands() {
		describe(&b, cmd)
	}
	b.WriteString("\n## Flags of every command\n\n```\n" + root.PersistentFlags().FlagUsages() + "```\n")
	b.WriteString("\n## Exit codes\n\n| code | meaning |\n|---|---|\n| 0 | done |\n| 1 | an error, said on stderr |\n" +
		"| 2 | a command line that can't be carried out |\n| 130 | interrupted |\n| 141 | whoever read the output went away |\n" +
		"| any | `debug`: the command's own |\n\n`fs grep` ends as grep does: 0 where something matched, 1 where nothing did, 2 after an error; `fs diff` as diff does: 0 the same, 1 different, 2 after an error. Where a part of a tree could not be\n" +
		"read, the verbs of `fs` print all the rest, say what is missing, and end with 1 (`fs grep` and `fs diff` with 2).\n")
	const file = "../../docs/reference.md"
	if *update {
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("%s is not what the commands say; write it anew with -update", file)
	}
}

func describe(b *bytes.Buffer, cmd *cobra.Command) {
	if cmd.Hidden || cmd.Name() == "help" || cmd.Name() == "completion" {
		return
	}
	long := cmd.Long
	if long == "" {
		long = cmd.Short + "."
	}
	cmd.InitDefaultHelpFlag()
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n    %s\n\n```\n%s\n```\n\n```\n%s```\n", cmd.CommandPath(), long, cmd.UseLine(),
		strings.ReplaceAll(strings.TrimSpace(cmd.Example), "\n  ", "\n"), cmd.LocalNonPersistentFlags().FlagUsages())
	for _, below := range cmd.Commands() {
		describe(b, below)
	}
}
