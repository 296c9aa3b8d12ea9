// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

const docsWidth = 120

// banned are words that readers of English stumble over, with what to write instead.
func banned() map[string]string {
	return map[string]string{
		`folders?`:          "directory",
		`whom`:              "name the person or the object",
		`meanwhile`:         "say when",
		`mend(s|ed|ing)?`:   "fix",
		`told`:              "reported, asked, distinguished",
		`(is )?to be had`:   "exists, is available",
		`be it`:             "even if, whether",
		`one of both`:       "one of them",
		`colours?`:          "color",
		`behaviours?`:       "behavior",
		`cancelled`:         "canceled",
		`signalled`:         "signaled",
		`as it stands|anew`: "unchanged, again",
	}
}

// texts calls each with every text that is read by people: Go, scripts, documents, rules of the linter.
func texts(t *testing.T, each func(path, text string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		below, _ := filepath.Rel(root, path)
		below = filepath.ToSlash(below)
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (below == "bin" || below == "dist" || strings.HasPrefix(entry.Name(), ".") && below != "."):
			return fs.SkipDir
		case entry.IsDir(), below == "test/budget/words_test.go":
			return nil
		}
		switch filepath.Ext(path) {
		case ".go", ".md", ".sh", ".txtar", ".yaml":
		default:
			if entry.Name() != "Makefile" {
				return nil
			}
		}
		text, err := os.ReadFile(path)
		if err == nil {
			each(below, string(text))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestBannedWordsDoNotComeBack(t *testing.T) {
	var words []string
	for word := range banned() {
		words = append(words, word)
	}
	pattern := regexp.MustCompile(`(?i)\b(` + strings.Join(words, "|") + `)\b`)
	texts(t, func(path, text string) {
		for n, line := range strings.Split(text, "\n") {
			for _, word := range pattern.FindAllString(line, -1) {
				t.Errorf("%s:%d: %q: %s", path, n+1, word, instead(word))
			}
		}
	})
}

func instead(word string) string {
	for pattern, advice := range banned() {
		if regexp.MustCompile(`(?i)^(` + pattern + `)$`).MatchString(word) {
			return "write " + advice
		}
	}
	return ""
}

// Tables, code, links and pictures cannot be wrapped; prose can.
func TestDocsAreNoWiderThanAScreen(t *testing.T) {
	checked := 0
	texts(t, func(path, text string) {
		if !strings.HasSuffix(path, ".md") || strings.HasPrefix(path, "docs/reference") {
			return
		}
		code := false
		for n, line := range strings.Split(text, "\n") {
			if strings.HasPrefix(strings.TrimSpace(line), "```") {
				code = !code
			}
			if code || strings.HasPrefix(line, "|") || strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "![") {
				continue
			}
			checked++
			if width := utf8.RuneCountInString(line); width > docsWidth {
				t.Errorf("%s:%d is %d columns wide, at most %d", path, n+1, width, docsWidth)
			}
		}
	})
	if checked < 500 {
		t.Fatalf("only %d lines of prose are checked", checked)
	}
}
