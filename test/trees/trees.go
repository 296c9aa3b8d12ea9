// SPDX-License-Identifier: Apache-2.0

// Package trees makes files for tests from what a test writes down, and writes down what there is.
package trees

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Plant makes files: "dir/" is a directory, "-> x" a link, anything else contents.
func Plant(t *testing.T, dir string, tree map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		at, text := filepath.Join(dir, name), tree[name]
		no(t, os.MkdirAll(filepath.Dir(at), 0o755))
		target, link := strings.CutPrefix(text, "-> ")
		switch {
		case strings.HasSuffix(name, "/"):
			no(t, os.MkdirAll(at, 0o755))
		case link:
			no(t, os.Symlink(target, at))
		default:
			no(t, os.WriteFile(at, []byte(text), 0o644))
		}
	}
}

// Harvest writes down what Plant makes.
func Harvest(t *testing.T, dir string) map[string]string {
	t.Helper()
	tree := map[string]string{}
	no(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		switch d.Type() {
		case fs.ModeDir:
			tree[name+"/"] = ""
		case fs.ModeSymlink:
			target, err := os.Readlink(path)
			tree[name] = "-> " + target
			return err
		case 0:
			data, err := os.ReadFile(path)
			tree[name] = string(data)
			return err
		default:
			tree[name] = d.Type().String()
		}
		return nil
	}))
	return tree
}

// Same compares what Harvest gave.
func Same(t *testing.T, got, want map[string]string) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("there is\n%s\nwant\n%s", Shown(got), Shown(want))
	}
}

// Shown is a tree, a line for each of its files.
func Shown(tree map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		fmt.Fprintf(&b, "  %s: %.40q\n", name, tree[name])
	}
	return b.String()
}

// Only fails where anything else is in a directory.
func Only(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	no(t, err)
	for _, e := range entries {
		if !slices.Contains(names, e.Name()) {
			t.Errorf("%s is left", e.Name())
		}
	}
}

func no(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
