// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
)

// fakeProc makes a folder like /proc with one process whose root is another folder.
func fakeProc(t *testing.T, pid int, root string) string {
	t.Helper()
	proc := t.TempDir()
	addProcess(t, proc, pid, root, 100, "0::/kubepods/pod1/aaaa")
	return proc
}

func addProcess(t *testing.T, proc string, pid int, root string, start int, cgroup string) {
	t.Helper()
	dir := filepath.Join(proc, fmt.Sprint(pid))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"stat":    fmt.Sprintf("%d (a) b\n)) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 1 18 %d 20 21\n", pid, start),
		"status":  "Name:\ta) b\\n)\nState:\tS (sleeping)\nPPid:\t1\nUid:\t10\t11\t12\t13\nGid:\t20\t21\t22\t23\nVmRSS:\t 12 kB\n",
		"cgroup":  cgroup + "\n",
		"cmdline": "x\x00y\nz\x00",
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if root != "" {
		if err := os.Symlink(root, filepath.Join(dir, "root")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRootFSIsAnFS(t *testing.T) {
	eachRunner(t, func(t *testing.T, r Runner) {
		root := t.TempDir()
		proc := fakeProc(t, 8, root)
		for name, text := range map[string]string{"etc/passwd": "root:x:0:0::/:\n", "etc/a\nb": "", "big": string(make([]byte, 300000))} {
			file := filepath.Join(root, name)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink("/etc/passwd", filepath.Join(root, "abs")); err != nil {
			t.Fatal(err)
		}
		fsys := Root(t.Context(), r, 8)
		fsys.proc = proc
		if err := fstest.TestFS(fsys, "etc/passwd", "abs", "big", "etc/a\nb"); err != nil {
			t.Fatal(err)
		}
	})
}

func TestListHere(t *testing.T) {
	eachRunner(t, func(t *testing.T, r Runner) {
		list, err := List(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range list {
			t.Logf("%+v", p)
		}
	})
}
