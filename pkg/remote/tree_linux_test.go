// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer/localfs"
)

func plant(t *testing.T, dir string, tree map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		at, text := filepath.Join(dir, name), tree[name]
		os.MkdirAll(filepath.Dir(at), 0o755)
		target, link := strings.CutPrefix(text, "-> ")
		switch {
		case strings.HasSuffix(name, "/"):
			os.MkdirAll(at, 0o755)
		case link:
			os.Symlink(target, at)
		default:
			if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func harvest(t *testing.T, dir string) map[string]string {
	t.Helper()
	tree := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
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
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func shown(tree map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		fmt.Fprintf(&b, "  %s: %.40q\n", name, tree[name])
	}
	return b.String()
}

func dialSelf(t *testing.T, r Runner) *Root {
	t.Helper()
	root, err := Dial(t.Context(), r, Where{PID: os.Getpid()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root
}

// A copy goes where cp -r puts it in every direction, and refuses what that refuses.
func TestFormsAreThoseOfCp(t *testing.T) {
	cp, err := exec.LookPath("cp")
	if err != nil {
		t.Skip("no cp to compare with")
	}
	tree := map[string]string{
		"file": "new", "src/a": "A", "src/sub/b": "B", "src/l": "-> a", "linked": "-> src", "linkfile": "-> file", "broken": "-> nowhere",
		"dst/keep": "K", "other": "old", "merge/src/a": "old", "merge/src/c": "C", "merge/src/sub/d": "D",
		"tofile": "-> other", "todir": "-> dst", "dangling": "-> nothing", "blocked/src": "a file", "blocked2/file/x": "X",
		"viadir/src": "-> ../dst", "viafile/file": "-> ../other", "clash/src/sub": "a file", "clash2/src/a/x": "X", "cwd/": "",
	}
	for shell, r := range runners(t) {
		root, other := dialSelf(t, r), dialSelf(t, r)
		for way, direction := range []string{"down", "up", "across"} {
			ends := [][2]transfer.Tree{{Source(root, PackAuto), localfs.Tree()}, {localfs.Tree(), Destination(root, PackAuto)}, {Source(root, PackAuto), Destination(other, PackAuto)}}[way]
			for i, c := range [][2]string{
				{"file", "new"},
				{"file", "new/"},
				{"file", "dst"},
				{"file", "dst/"},
				{"file", "other"},
				{"file", "other/"},
				{"file", "missing/new"},
				{"file", "tofile"},
				{"file", "todir"},
				{"file", "todir/"},
				{"file", "dangling"},
				{"file", "dst/."},
				{"file/", "new"},
				{"file", "viafile"},
				{"file", "blocked2"},
				{"nothing", "new"},
				{"src", "new"},
				{"src", "new/"},
				{"src", "dst"},
				{"src", "dst/"},
				{"src/", "new"},
				{"src/", "dst"},
				{"src/.", "new"},
				{"src/.", "dst"},
				{"src/.", "merge/src"},
				{"src/sub/..", "new"},
				{"src/sub/..", "dst"},
				{"src", "merge"},
				{"src", "other"},
				{"src", "tofile"},
				{"src", "todir"},
				{"src", "dangling"},
				{"src", "blocked"},
				{"src", "viadir"},
				{"src", "missing/new"},
				{"src", "new/."},
				{"src", "clash2"},
				{"src/l", "new"},
				{"linked", "new"},
				{"linked/", "new"},
				{"linked/.", "new"},
				{"linked", "dst"},
				{"linked/", "dst"},
				{"linkfile", "new"},
				{"linkfile", "other"},
				{"linkfile", "tofile"},
				{"linkfile/", "new"},
				{"broken", "new"},
				{"broken", "dst"},
				{"linkfile", "dangling"},
				{"linkfile", "new/"},
				{"src/a/.", "new"},
				{"src", "clash"},
			} {
				t.Run(shell+"/"+direction+"/"+c[0]+" to "+c[1], func(t *testing.T) {
					if i%3 != way {
						full(t)
					}
					theirs, ours := t.TempDir(), t.TempDir()
					for _, dir := range []string{theirs, ours} {
						plant(t, dir, tree)
					}
					command := exec.CommandContext(t.Context(), cp, "-r", "--", theirs+"/"+c[0], theirs+"/"+c[1])
					output, failure := command.CombinedOutput()
					report, err := transfer.Copy(t.Context(), ends[1], ends[0], transfer.Options{Source: ours + "/" + c[0], Dest: ours + "/" + c[1]})
					if failed := err != nil || report.Failed > 0; failed != (failure != nil) {
						t.Errorf("Copy: %+v, %v; cp: %s", report, err, output)
					}
					if got, want := harvest(t, ours), harvest(t, theirs); !maps.Equal(got, want) {
						t.Errorf("there is\n%s\nwant\n%s", shown(got), shown(want))
					}
				})
			}
		}
	}
}

// The kernel's links to open files say nothing of their targets' lengths, whether they are open for reading, writing or both.
func TestDescriptorsAreListedWithTheirTargets(t *testing.T) {
	file := filepath.Join(t.TempDir(), "open")
	links := map[string]string{}
	for _, flag := range []int{os.O_RDWR | os.O_CREATE, os.O_RDONLY, os.O_WRONLY} {
		f, err := os.OpenFile(file, flag, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		links[strconv.Itoa(int(f.Fd()))] = file
	}
	for shell, r := range runners(t) {
		t.Run(shell, func(t *testing.T) {
			_, entries, err := dialSelf(t, r).ReadDir(t.Context(), fmt.Sprintf("/proc/%d/fd", os.Getpid()))
			if err != nil {
				t.Fatal(err)
			}
			found := 0
			for _, e := range entries {
				if want, ok := links[e.Name()]; ok && e.Stat().LinkTarget == want {
					found++
				}
			}
			if found != len(links) {
				t.Errorf("%d of %d in %v", found, len(links), entries)
			}
		})
	}
}
