// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

//go:embed words.sh
var wordsScript string

// worded makes arguments fit for the way to the helper: a container runtime's interface takes nothing but UTF-8 (the
// kubelet's exec is a protobuf message, whose strings are), and Linux takes any byte in a name. Where one is not UTF-8
// all of them go as printf's %b reads them. What is worded stays so.
func worded(scripts, args []string) (wordedScripts, wordedArgs []string) {
	if !slices.ContainsFunc(args, func(arg string) bool { return !utf8.ValidString(arg) }) {
		return scripts, args
	}
	escaped := make([]string, len(args))
	for i, arg := range args {
		var b strings.Builder
		for _, c := range []byte(arg) {
			if c == '\\' || c >= utf8.RuneSelf {
				fmt.Fprintf(&b, `\0%03o`, c)
			} else {
				b.WriteByte(c)
			}
		}
		escaped[i] = b.String()
	}
	scripts = slices.Clone(scripts)
	scripts[0] = wordsScript + scripts[0]
	return scripts, escaped
}
