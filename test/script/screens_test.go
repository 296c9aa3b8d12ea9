// SPDX-License-Identifier: Apache-2.0

package script

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var updateScreens = flag.Bool("update-screens", false, "update testdata/screens")

// screenSizes are the terminals whose first screen is kept: the smallest that people have, and a usual one.
var screenSizes = []struct{ columns, rows int }{{80, 24}, {120, 34}}

// changing differs from run to run; what stands for it is as wide.
var changing = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`shareproc-[a-z0-9]{5}\b`), "shareproc-xxxxx"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d`), "2026-01-01"},
	{regexp.MustCompile(`\d\d:\d\d:\d\d`), "12:34:56"},
	{regexp.MustCompile(`\b\d\d:\d\d\b`), "12:34"},
	{regexp.MustCompile(`\b\d+\.\d( ?[KMG]i?B?)\b`), "1.0$1"},
}

// scriptScreen is "screen NAME COMMAND ARG...": what a terminal shows first of the command is what is kept.
func scriptScreen(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: screen name command [arg...]")
	}
	_ = ts.Exec(args[1], args[2:]...) // an error has a screen too
	text := "$ " + strings.Join(args[1:], " ") + "\n" + ts.ReadFile("stderr") + ts.ReadFile("stdout")
	for _, c := range changing {
		text = c.what.ReplaceAllString(text, c.with)
	}
	for _, size := range screenSizes {
		file := filepath.Join(ts.Value(screensKey{}).(string), fmt.Sprintf("%s-%dx%d.txt", args[0], size.columns, size.rows))
		shown := firstScreen(text, size.columns, size.rows)
		if *updateScreens {
			ts.Check(os.WriteFile(file, []byte(shown), 0o644))
		}
		kept, err := os.ReadFile(file)
		ts.Check(err)
		if string(kept) != shown {
			ts.Fatalf("%s (go test ./test/script -run TestScripts/screens -update-screens):\n%s", filepath.Base(file), shown)
		}
	}
}

type screensKey struct{}

// firstScreen is a text as a terminal breaks it, up to the last row, which says how many there are more.
func firstScreen(text string, columns, rows int) string {
	var lines []string
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		letters := []rune(line)
		for len(letters) > columns {
			lines, letters = append(lines, string(letters[:columns])), letters[columns:]
		}
		lines = append(lines, strings.TrimRight(string(letters), " "))
	}
	if more := len(lines) - (rows - 1); more > 0 && len(lines) > rows {
		lines = append(lines[:rows-1], fmt.Sprintf("(%d more)", more))
	}
	return strings.Join(lines, "\n") + "\n"
}

func TestFirstScreen(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"abcdef\ng\n", "abcd\nef\ng\n"},
		{"a\nb\nc\nd\n", "a\nb\n(2 more)\n"},
		{"", "\n"},
	} {
		if got := firstScreen(c.text, 4, 3); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}
