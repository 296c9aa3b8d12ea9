// SPDX-License-Identifier: Apache-2.0

// Command gen writes the table of codes for both languages.
package main

import (
	"fmt"
	"go/format"
	"os"
	"strings"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	table, err := os.ReadFile("codes.txt")
	if err != nil {
		return err
	}
	const head = " SPDX-License-Identifier: Apache-2.0\n"
	const note = " Code generated from codes.txt by go generate. DO NOT EDIT.\n"
	shell := "#" + head + "#" + note + "# shellcheck disable=SC2034 # read by the files behind this one\n"
	text := "//" + head + "\n//" + note + "\npackage remote\n\nconst (\n"
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		if len(f) != 2 || strings.HasPrefix(line, "#") {
			continue
		}
		if end := len(shell) - strings.LastIndexByte(shell, '\n'); end > 1 && end+len(line) > 120 {
			shell += "\n"
		} else if end > 1 {
			shell += " "
		}
		shell += f[0] + "=" + f[1]
		name := ""
		for word := range strings.SplitSeq(f[0], "_") {
			name += word[:1] + strings.ToLower(word[1:])
		}
		text += fmt.Sprintf("\tcode%s = %s\n", name, f[1])
	}
	if err := os.WriteFile("sh/codes.sh", []byte(shell+"\n"), 0o644); err != nil {
		return err
	}
	formatted, err := format.Source([]byte(text + ")\n"))
	if err != nil {
		return err
	}
	return os.WriteFile("codes.go", formatted, 0o644)
}
