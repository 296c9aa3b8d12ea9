// SPDX-License-Identifier: Apache-2.0

// Package budget answers "how big is it?": it holds every package to a number of lines, every type to a number of methods
// and every file to a length. It does not count the functions that a command enters: TestWalksStayShort of pkg/plugin does.
package budget

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	root       = "../.."
	maxMethods = 12
	maxFile    = 400
	totalGoal  = 17000
)

// lines are the most that some packages may have together, without tests: as Go, and as the shell that runs in a pod. A
// limit falls to what is there when something leaves, and is raised for nothing but a new feature, in its commit.
func lines() []budget {
	return []budget{
		{dirs: "cmd/kubectl-shareproc", code: 29},
		{dirs: "pkg/plugin/inspect pkg/plugin/top pkg/plugin/lsof pkg/plugin/ss pkg/plugin/env pkg/plugin/threads pkg/plugin/dump pkg/plugin/report", code: 6371},
		{dirs: "pkg/plugin/browse/backend", code: 354},
		{dirs: "pkg/plugin/browse/pager", code: 438},
		{dirs: "pkg/plugin/browse/list", code: 371},
		{dirs: "pkg/plugin/browse/place", code: 562},
		{dirs: "pkg/plugin/browse/switcher", code: 273},
		{dirs: "pkg/plugin/browse/prompt", code: 113},
		{dirs: "pkg/plugin/browse", code: 2244},
		{dirs: "pkg/plugin", code: 12613, goal: 5000},
		{dirs: "pkg/output", code: 887},
		{dirs: "pkg/proc", code: 2123},
		{dirs: "pkg/report", code: 801},
		{dirs: "pkg/session/admission", code: 279},
		{dirs: "pkg/session/cluster", code: 120},
		{dirs: "pkg/session/inventory", code: 681, shell: 61},
		{dirs: "pkg/session/launch", code: 176, shell: 147},
		{dirs: "pkg/session/lifecycle", code: 677, shell: 8},
		{dirs: "pkg/session/patch", code: 886},
		{dirs: "pkg/session/rbac", code: 164},
		{dirs: "pkg/session", code: 2207},
		{dirs: "pkg/doctor", code: 1147, goal: 700},
		{dirs: "pkg/podspec", code: 2170, shell: 193},
		{dirs: "pkg/target", code: 1397},
		{dirs: "pkg/attach", code: 2347},
		{dirs: "pkg/config", code: 421, goal: 250},
		{dirs: "pkg/diff", code: 224},
		{dirs: "pkg/crash", code: 93, goal: 40},
		{dirs: "pkg/hint", code: 66},
		{dirs: "pkg/remote/process", code: 1044},
		{dirs: "pkg/remote/rootfs", code: 2242},
		{dirs: "pkg/remote/tree", code: 1248},
		{dirs: "pkg/remote", code: 1666, shell: 1567},
		{dirs: "pkg/transfer/localfs", code: 1067},
		{dirs: "pkg/transfer", code: 2162},
	}
}

type budget struct {
	dirs        string
	code, shell int
	goal        int
}

// exceptions are the types that have more methods than a type may have, and how many.
func exceptions() map[string]int {
	return map[string]int{}
}

// sources calls each with every file of cmd and pkg that ends with suffix, by its path below the module.
func sources(t *testing.T, suffix string, each func(path string, text []byte)) {
	t.Helper()
	for _, dir := range []string{"cmd", "pkg"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, suffix) || strings.Contains(path, "testdata") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			below, err := filepath.Rel(root, path)
			each(filepath.ToSlash(below), text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// owner is the budget that a directory belongs to, which it shares with those below it.
func owner(all []budget, dir string) int {
	return slices.IndexFunc(all, func(b budget) bool {
		return slices.ContainsFunc(strings.Fields(b.dirs), func(d string) bool { return dir == d || strings.HasPrefix(dir, d+"/") })
	})
}

func TestPackagesStaySmall(t *testing.T) {
	limits := lines()
	used, total := make([]budget, len(limits)), 0
	count := func(path string, text []byte, add func(b *budget, n int)) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		i := owner(limits, filepath.ToSlash(filepath.Dir(path)))
		if i < 0 {
			t.Errorf("%s: its package has no budget", path)
			return
		}
		n := bytes.Count(text, []byte("\n"))
		total += n
		add(&used[i], n)
	}
	sources(t, ".go", func(path string, text []byte) { count(path, text, func(b *budget, n int) { b.code += n }) })
	sources(t, ".sh", func(path string, text []byte) { count(path, text, func(b *budget, n int) { b.shell += n }) })
	for i, limit := range limits {
		if used[i].code > limit.code || used[i].shell > limit.shell {
			t.Errorf("%s: %d lines of Go, at most %d; %d of shell, at most %d", limit.dirs, used[i].code, limit.code, used[i].shell, limit.shell)
		}
		if limit.goal > 0 {
			t.Logf("%s: %d lines of Go, goal %d", limit.dirs, used[i].code, limit.goal)
		}
	}
	t.Logf("all: %d lines, goal %d", total, totalGoal)
}

func TestTypesHaveFewMethods(t *testing.T) {
	methods := map[string]map[string]bool{} // by name, since a method may be there once for each operating system
	sources(t, ".go", func(path string, text []byte) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv != nil {
				name := filepath.ToSlash(filepath.Dir(path)) + "." + receiver(f.Recv.List[0].Type)
				if methods[name] == nil {
					methods[name] = map[string]bool{}
				}
				methods[name][f.Name.Name] = true
			}
		}
	})
	if len(methods) == 0 {
		t.Fatal("no methods at all")
	}
	allowed := exceptions()
	for name, set := range methods {
		if n, limit := len(set), max(maxMethods, allowed[name]); n > limit {
			t.Errorf("%s has %d methods, at most %d", name, n, limit)
		}
	}
	for name := range allowed {
		if len(methods[name]) <= maxMethods {
			t.Errorf("%s has %d methods: it is an exception no more, take it off the list", name, len(methods[name]))
		}
	}
}

// receiver is the name of a method's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

func TestFilesStayShort(t *testing.T) {
	longer := map[string]int{"pkg/transfer/fault_test.go": 513}
	sources(t, ".go", func(path string, text []byte) {
		if n, limit := bytes.Count(text, []byte("\n")), max(maxFile, longer[path]); n > limit {
			t.Errorf("%s has %d lines, at most %d", path, n, limit)
		}
	})
}
