// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// spoken are the functions whose first constant text is a message to the user.
func spoken(name string) bool {
	switch name {
	case "Say", "Warn", "Usage", "With", "Errorf":
		return true
	}
	return false
}

// messages calls each with every constant message of the program.
func messages(t *testing.T, each func(at token.Position, function, text string)) {
	t.Helper()
	files := token.NewFileSet()
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			selector, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !spoken(selector.Sel.Name) {
				return true
			}
			for _, argument := range call.Args {
				if text := constantText(argument); text != "" {
					each(files.Position(argument.Pos()), selector.Sel.Name, text)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Messages are kubectl's: lower case, the reason first, without a full stop, an apology or a shout.
func TestMessagesReadLikeKubectls(t *testing.T) {
	shouting := regexp.MustCompile(`(?i)\b(please|sorry|oops|failed to|unable to|could not be able)\b|!$|\.\.\.$`)
	n := 0
	messages(t, func(at token.Position, function, text string) {
		n++
		first := []rune(text)[0]
		second := append([]rune(text), ' ', ' ')[1]
		name := unicode.IsUpper(second) || strings.HasPrefix(text, "Go ") // an acronym
		switch {
		case unicode.IsUpper(first) && !name:
			t.Errorf("%s: %s begins with a capital: %q", at, function, text)
		case strings.HasSuffix(text, ".") && !strings.HasSuffix(text, " ."):
			t.Errorf("%s: %s ends with a full stop: %q", at, function, text)
		case strings.Contains(text, "  ") && !strings.Contains(text, "\n"):
			t.Errorf("%s: %s has two spaces: %q", at, function, text)
		case shouting.MatchString(text):
			t.Errorf("%s: %s shouts or apologizes: %q", at, function, text)
		case (function == "Say" || function == "Warn") && len(placeholder.ReplaceAllString(text, "nginx")) > 120:
			t.Errorf("%s: %s is longer than a line and a half: %q", at, function, text)
		}
	})
	if n < 500 {
		t.Errorf("only %d messages are checked", n)
	}
}
