// SPDX-License-Identifier: Apache-2.0

package transfer_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/trees"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func itoa(n int) string { return fmt.Sprint(n) }

// reports keeps what Options.Report hears.
type reports map[string]error

func (r reports) add(path string, err error) { r[path] = err }

// example is a tree with every kind of file that is copied.
func example(t *testing.T, dir string) {
	t.Helper()
	trees.Plant(t, dir, map[string]string{
		"a": "A", "none": "", "sub/b": strings.Repeat("b", 3000), "sub/empty/": "", "big": strings.Repeat("0123456789abcdef", 10<<10),
		"link": "-> a", "sub/up": "-> ../a", "dangling": "-> nothing", "odd \n name": "x", "sub/deep/er/c": "c", "sub/big2": strings.Repeat("y", 150<<10),
	})
	check(t, os.Link(filepath.Join(dir, "sub/b"), filepath.Join(dir, "sub/hard")))
	check(t, os.Link(filepath.Join(dir, "big"), filepath.Join(dir, "bighard")))
}
