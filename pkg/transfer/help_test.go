// SPDX-License-Identifier: Apache-2.0

package transfer

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

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// plant makes files: "dir/" is a directory, "-> x" a link, anything else contents.
func plant(t *testing.T, dir string, tree map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		at, text := filepath.Join(dir, name), tree[name]
		check(t, os.MkdirAll(filepath.Dir(at), 0o755))
		target, link := strings.CutPrefix(text, "-> ")
		switch {
		case strings.HasSuffix(name, "/"):
			check(t, os.MkdirAll(at, 0o755))
		case link:
			check(t, os.Symlink(target, at))
		default:
			check(t, os.WriteFile(at, []byte(text), 0o644))
		}
	}
}

// harvest is what plant makes.
func harvest(t *testing.T, dir string) map[string]string {
	t.Helper()
	tree := map[string]string{}
	check(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
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

func same(t *testing.T, got, want map[string]string) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("there is\n%s\nwant\n%s", shown(got), shown(want))
	}
}

func itoa(n int) string { return fmt.Sprint(n) }

func shown(tree map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		fmt.Fprintf(&b, "  %s: %.40q\n", name, tree[name])
	}
	return b.String()
}

// reports keeps what Options.Report hears.
type reports map[string]error

func (r reports) add(path string, err error) { r[path] = err }

// example is a tree with every kind of file that is copied.
func example(t *testing.T, dir string) {
	t.Helper()
	plant(t, dir, map[string]string{
		"a": "A", "none": "", "sub/b": strings.Repeat("b", 3000), "sub/empty/": "", "big": strings.Repeat("0123456789abcdef", 10<<10),
		"link": "-> a", "sub/up": "-> ../a", "dangling": "-> nothing", "odd \n name": "x", "sub/deep/er/c": "c", "sub/big2": strings.Repeat("y", 150<<10),
	})
	check(t, os.Link(filepath.Join(dir, "sub/b"), filepath.Join(dir, "sub/hard")))
	check(t, os.Link(filepath.Join(dir, "big"), filepath.Join(dir, "bighard")))
}
