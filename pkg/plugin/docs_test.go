// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// literals are the constant texts of the program, those put together with + as one.
func literals(t *testing.T) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if e, ok := n.(ast.Expr); ok {
				if text := constantText(e); text != "" {
					list = append(list, text)
					return false
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func constantText(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); e.Kind == token.STRING && err == nil {
			return text
		}
	case *ast.BinaryExpr:
		if left, right := constantText(e.X), constantText(e.Y); left != "" && right != "" {
			return left + right
		}
	}
	return ""
}

var (
	quoted      = regexp.MustCompile("`([^`]+)`")
	placeholder = regexp.MustCompile(`%[+#]?(\.\d+)?[a-zA-Z]`)
	// others says what is not ours: Kubernetes' reasons, pflag's and kubectl's own messages, the standard library's.
	others = []string{
		"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "unknown flag: ...", "flags cannot be placed before plugin name",
		"file does not exist", "permission denied", "CrashLoopBackOff", "-n", "-l", "grep", "tail", "ls",
	}
)

// says reports whether one of the program's texts has what a document quotes; "..." stands for what is filled in.
func says(texts []string, quote string) bool {
	var parts []string
	for part := range strings.SplitSeq(quote, "...") {
		parts = append(parts, regexp.QuoteMeta(part))
	}
	want := regexp.MustCompile(strings.Join(parts, ".*"))
	return slices.ContainsFunc(texts, want.MatchString)
}

func TestEveryMessageOfTheTroubleshootingPageIsOneOfTheProgram(t *testing.T) {
	page, err := os.ReadFile("../../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, text := range literals(t) {
		texts = append(texts, placeholder.ReplaceAllString(text, "..."))
	}
	if says(texts, "no such message ... anywhere") {
		t.Fatal("everything is found")
	}
	found := 0
	for line := range strings.SplitSeq(string(page), "\n") {
		cells := strings.Split(line, " | ")
		if !strings.HasPrefix(line, "| ") || len(cells) < 2 {
			continue
		}
		for _, quote := range quoted.FindAllStringSubmatch(cells[0], -1) {
			if slices.Contains(others, quote[1]) {
				continue
			}
			found++
			if !says(texts, quote[1]) {
				t.Errorf("the program has no message %q", quote[1])
			}
		}
	}
	if found < 40 {
		t.Errorf("only %d messages: is the page read at all?", found)
	}
}

// Links of the documents to files of the repository, and to headings in them, lead somewhere.
func TestLinksOfTheDocumentsLeadSomewhere(t *testing.T) {
	top, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		more, err := filepath.Glob(filepath.Join(top, pattern))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, more...)
	}
	if len(pages) < 20 {
		t.Fatalf("only %d documents", len(pages))
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(found[1], "://") {
				continue
			}
			path, anchor, _ := strings.Cut(found[1], "#")
			file := page
			if path != "" {
				file = filepath.Join(filepath.Dir(page), path)
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s links to %s: %v", page, found[1], err)
			} else if anchor != "" && !slices.Contains(anchors(t, file), anchor) {
				t.Errorf("%s links to %s: there is no such heading", page, found[1])
			}
		}
	}
}

// anchors are the headings of a page as GitHub names them.
func anchors(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for line := range strings.SplitSeq(string(text), "\n") {
		if heading := strings.TrimLeft(line, "#"); heading != line && strings.HasPrefix(heading, " ") {
			name := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(strings.TrimSpace(heading)), "")
			list = append(list, strings.ReplaceAll(name, " ", "-"))
		}
	}
	return list
}

// Each row of the comparison is a section of the test beside it, and each cell about a tool that no test runs has a source.
func TestEveryCellOfTheComparisonHasATestOrASource(t *testing.T) {
	script, err := os.ReadFile("../../test/e2e/comparison.txtar")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/comparison.md")
	if err != nil {
		t.Fatal(err)
	}
	tested := regexp.MustCompile(`(?m)^# ROW: (.*)$`).FindAllStringSubmatch(string(script), -1)
	rows := regexp.MustCompile(`(?m)^\| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$`).FindAllStringSubmatch(string(page), -1)
	if len(rows) != len(tested) || len(rows) < 10 {
		t.Errorf("%d rows, %d sections of the test", len(rows), len(tested))
	}
	for _, row := range rows {
		if !slices.ContainsFunc(tested, func(s []string) bool { return s[1] == row[1] }) {
			t.Errorf("no section of the test is about %q", row[1])
		}
		for _, cell := range row[3:5] {
			if cell != "n/a" && !strings.Contains(cell, "](https://") {
				t.Errorf("%s: %q has no source", row[1], cell)
			}
		}
	}
}
