// SPDX-License-Identifier: Apache-2.0

package crash_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// Every goroutine of ours is started by Go or a Group: in another one a mistake leaves a copy behind.
func TestGoroutinesAreStartedHere(t *testing.T) {
	files := token.NewFileSet()
	looked := 0
	err := filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || filepath.Base(path) == "crash.go" {
			return err
		}
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		looked++
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				if !joined(n) {
					t.Errorf("%s: crash.Go, instead of go", files.Position(n.Pos()))
				}
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "sync" && n.Sel.Name == "WaitGroup" {
					t.Errorf("%s: crash.Group, instead of sync.WaitGroup", files.Position(n.Pos()))
				}
			}
			return true
		})
		return nil
	})
	if err != nil || looked == 0 {
		t.Errorf("%d files, %v", looked, err)
	}
}

// joined reports whether a goroutine defers the catch of attach's gate, which goes on with the panic in the one that waits.
func joined(g *ast.GoStmt) bool {
	literal, ok := g.Call.Fun.(*ast.FuncLit)
	if !ok {
		return false
	}
	for _, statement := range literal.Body.List {
		if d, ok := statement.(*ast.DeferStmt); ok {
			if f, ok := d.Call.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "catch" {
				return true
			}
		}
	}
	return false
}
