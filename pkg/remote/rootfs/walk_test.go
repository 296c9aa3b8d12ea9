// SPDX-License-Identifier: Apache-2.0

//go:build linux

package rootfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

// walkAll keeps what Walk gives.
func walkAll(t *testing.T, r *Root, start string, opts WalkOptions) (Info, map[string]Entry, []string, error) {
	t.Helper()
	entries, order := map[string]Entry{}, []string{}
	info, err := r.Walk(t.Context(), start, opts, func(path string, e Entry) error {
		if _, twice := entries[path]; twice {
			t.Errorf("%.100q comes twice", path)
		}
		entries[path] = e
		order = append(order, path)
		return nil
	})
	return info, entries, order, err
}

// hostileTree has every name of hostileNames in two directories, special files, and a directory for each name.
func hostileTree(t *testing.T, root string) {
	t.Helper()
	for i, name := range hostileNames() {
		helper.Write(t, filepath.Join(root, "files", name), strings.Repeat("x", i))
		helper.Write(t, filepath.Join(root, "directories", name, name), "")
		if i%4 == 0 {
			helper.Symlink(t, "/files/\n"+name+"\n"[:i%8/4], filepath.Join(root, "links", name))
		}
	}
	makeSpecial(t, filepath.Join(root, "files"))
	helper.Symlink(t, "/files", filepath.Join(root, "links", "to a directory"))
	helper.Symlink(t, "..", filepath.Join(root, "links", "up"))
}

func TestWalkIsExact(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root := helper.OpenDirectory(t)
			hostileTree(t, root)
			counting := &helper.Counting{Runner: r}
			root8 := fakeRoot(t, counting, root)
			for _, start := range []string{"/", "files", "/links/to a directory", "links/up/directories/"} {
				found, got, order, err := walkAll(t, root8, start, WalkOptions{LinkTargets: true})
				if err != nil || counting.Count.Load() != 1 {
					t.Fatalf("%s: %v, %d commands", start, err, counting.Count.Load())
				}
				base := filepath.Join(root, found.Path)
				if order[0] != found.Path || !got[found.Path].IsDir() {
					t.Errorf("%s: begins with %q", start, order[0])
				}
				want := 0
				err = filepath.WalkDir(base, func(path string, d fs.DirEntry, err error) error {
					if err != nil {
						return err
					}
					want++
					below := strings.TrimPrefix(path, root)
					e, ok := got[below]
					switch {
					case path == base:
					case !ok:
						t.Errorf("%s: %q is missing", start, below)
					default:
						compareEntry(t, filepath.Dir(path), e, d)
					}
					return nil
				})
				if err != nil || len(got) != want {
					t.Errorf("%s: %d entries, want %d (%v)", start, len(got), want, err)
				}
				checkOrder(t, order)
			}
		})
	}
}

// checkOrder wants a directory before what is in it, and all that is in it before anything else.
func checkOrder(t *testing.T, order []string) {
	t.Helper()
	left := map[string]bool{}
	var open []string
	for _, path := range order {
		for len(open) > 0 && !strings.HasPrefix(path, strings.TrimSuffix(open[len(open)-1], "/")+"/") {
			left[open[len(open)-1]] = true
			open = open[:len(open)-1]
		}
		if parent := filepath.Dir(path); left[parent] {
			t.Errorf("%q comes after its directory was left", path)
		}
		open = append(open, path)
	}
}

func TestWalkOptions(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root := helper.OpenDirectory(t)
			for _, file := range []string{"a/b/c/d", "proc/1/stat", "sys/x", "a/proc/y", "etc/passwd"} {
				helper.Write(t, filepath.Join(root, file), "")
			}
			helper.Symlink(t, "a", filepath.Join(root, "link"))
			proc := helper.Proc(t, helper.Process{PID: 8, Root: root, Mounts: "1 0 0:1 / / rw - overlay o rw\n2 1 0:2 / /proc rw - proc p rw\n3 1 0:3 / /sys rw - sysfs s rw\n"})
			root8 := dial(t, r, proc, Where{PID: 8})
			for _, test := range []struct {
				start string
				opts  TreeOptions
				want  string
			}{
				{"/", TreeOptions{}, "/ /a /a/b /a/b/c /a/b/c/d /a/proc /a/proc/y /etc /etc/passwd /link /proc /sys"},
				{"/", TreeOptions{MaxDepth: 1}, "/ /a /etc /link /proc /sys"},
				{"/", TreeOptions{MaxDepth: 2, KernelFiles: true}, "/ /a /a/b /a/proc /etc /etc/passwd /link /proc /proc/1 /sys /sys/x"},
				{"/", TreeOptions{OneFileSystem: true, MaxDepth: 2}, "/ /a /a/b /a/proc /etc /etc/passwd /link /proc /sys"},
				{"proc", TreeOptions{}, "/proc /proc/1 /proc/1/stat"},
				{"link", TreeOptions{MaxDepth: 1}, "/a /a/b /a/proc"},
				{"a/b/c/d", TreeOptions{}, "/a/b/c/d"},
			} {
				_, got, _, err := walkAll(t, root8, test.start, WalkOptions{TreeOptions: test.opts})
				if text := strings.Join(sortedKeys(got), " "); err != nil || text != test.want {
					t.Errorf("%s %+v: %s, %v; want %s", test.start, test.opts, text, err, test.want)
				}
			}
			for start, want := range map[string]error{"none": fs.ErrNotExist, "a/b/c/d/": remote.ErrNotDirectory} {
				if _, _, _, err := walkAll(t, root8, start, WalkOptions{}); !errors.Is(err, want) {
					t.Errorf("%s: %v", start, err)
				}
			}
			enough := errors.New("enough")
			if _, err := root8.Walk(t.Context(), "/", WalkOptions{}, func(string, Entry) error { return enough }); err != enough { //nolint:errorlint // as it is
				t.Errorf("fn's error: %v", err)
			}
		})
	}
}

func sortedKeys(entries map[string]Entry) []string {
	var keys []string
	for key := range entries {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// What is denied is named, and all the rest is there.
func TestWalkOfADeniedSubtree(t *testing.T) {
	helper.NeedRoot(t)
	for name, l := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root := helper.OpenDirectory(t)
			for _, dir := range []string{"noread", "noenter", "closed", "open"} {
				helper.Write(t, filepath.Join(root, dir, "x"), "match")
			}
			helper.Write(t, filepath.Join(root, "secret"), "match")
			for name, mode := range map[string]fs.FileMode{"noread": 0o711, "noenter": 0o744, "closed": 0, "secret": 0} {
				if err := os.Chmod(filepath.Join(root, name), mode); err != nil {
					t.Fatal(err)
				}
			}
			proc := helper.Proc(t, helper.Process{PID: 8, Root: root})
			l.Attr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			root8 := dial(t, l, proc, Where{PID: 8})
			_, got, _, err := walkAll(t, root8, "/", WalkOptions{})
			var failed *TreeError
			if !errors.As(err, &failed) || !errors.Is(err, fs.ErrPermission) {
				t.Fatalf("got %v", err)
			}
			for _, path := range []string{"/noread", "/noenter", "/closed"} {
				if !strings.Contains(fmt.Sprint(failed.Failures), "open "+path+":") || got[path].Stat() == nil {
					t.Errorf("%s is not among %v", path, failed.Failures)
				}
			}
			for _, path := range []string{"/open/x", "/secret"} {
				if got[path].Stat() == nil {
					t.Errorf("%s is missing", path)
				}
			}
			// At the last level nothing is opened, so nothing is denied.
			if _, got, _, err := walkAll(t, root8, "/", WalkOptions{TreeOptions: TreeOptions{MaxDepth: 1}}); err != nil || len(got) != 6 {
				t.Errorf("one level: %d, %v", len(got), err)
			}
			if _, _, _, err := walkAll(t, root8, "closed", WalkOptions{}); !errors.Is(err, fs.ErrPermission) || errors.As(err, &failed) {
				t.Errorf("a start that does not open: %v", err)
			}
			sums := map[string][32]byte{}
			_, err = Sum(t.Context(), root8, "/", SumOptions{Recursive: true}, func(path string, sum [32]byte) error {
				sums[path] = sum
				return nil
			})
			if !errors.As(err, &failed) || failed.Count < 4 || len(sums) != 1 {
				t.Errorf("sums: %v, %v", sums, err)
			}
			var matches []Match
			_, err = Grep(t.Context(), root8, "/", GrepOptions{Pattern: "match", Recursive: true}, func(m Match) error {
				matches = append(matches, m)
				return nil
			})
			if !errors.As(err, &failed) || failed.Count < 4 || len(matches) != 1 || matches[0].Path != "/open/x" {
				t.Errorf("matches: %v, %v", matches, err)
			}
		})
	}
}

// Paths that the kernel does not take are reported, not lost.
func TestWalkOfPathsTooLong(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root := helper.OpenDirectory(t)
			directory, err := os.OpenRoot(root)
			if err != nil {
				t.Fatal(err)
			}
			element := strings.Repeat("n", 250)
			for range 17 {
				if err := directory.Mkdir(element, 0o755); err != nil {
					t.Fatal(err)
				}
				next, err := directory.OpenRoot(element)
				if err != nil {
					t.Fatal(err)
				}
				directory.Close()
				directory = next
			}
			if err := directory.WriteFile("last", nil, 0o644); err != nil {
				t.Fatal(err)
			}
			directory.Close()
			root8 := fakeRoot(t, r, root)
			_, got, _, err := walkAll(t, root8, "/", WalkOptions{})
			var failed *TreeError
			// One find goes further than the kernel takes paths, and another one does not.
			if !errors.As(err, &failed) || !errors.Is(err, remote.ErrNameTooLong) || failed.Count != len(got)-17 {
				t.Errorf("%d entries, %d failures, %.200v", len(got), failed.Count, err)
			}
			if _, _, _, err := walkAll(t, root8, "/", WalkOptions{TreeOptions: TreeOptions{MaxDepth: 16}}); err != nil {
				t.Errorf("16 levels: %.200v", err)
			}
		})
	}
}

// A tree that changes all the time is walked to its end, and what stays is there.
func TestWalkOfAChangingTree(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root := helper.OpenDirectory(t)
			for i := range 2000 {
				helper.Write(t, filepath.Join(root, "stays", fmt.Sprint(i)), "")
			}
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				for i := 0; ; i = (i + 1) % 100 {
					select {
					case <-stop:
						return
					default:
					}
					file := filepath.Join(root, "stays", fmt.Sprint("comes", i))
					_ = os.WriteFile(file, nil, 0o644)
					_ = os.Remove(filepath.Join(root, "stays", fmt.Sprint("comes", (i+50)%100)))
					time.Sleep(100 * time.Microsecond) // leaves the walk some of the processor
				}
			}()
			root8 := fakeRoot(t, r, root)
			for range 5 {
				_, got, _, err := walkAll(t, root8, "/", WalkOptions{})
				var failed *TreeError
				if err != nil && !errors.As(err, &failed) {
					t.Error(err)
				}
				for i := range 2000 {
					if got[fmt.Sprint("/stays/", i)].Stat() == nil {
						t.Fatalf("%d is missing (%v)", i, err)
					}
				}
			}
			close(stop)
			<-stopped
		})
	}
}

// Memory does not grow with the tree.
func TestWalkHoldsNoMoreThanABatch(t *testing.T) {
	helper.Full(t)
	const count = 100_000
	root := helper.OpenDirectory(t)
	for i := range count / 1000 {
		dir := filepath.Join(root, fmt.Sprint("directory", i))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for j := range 1000 {
			if err := syscall.Mknod(filepath.Join(dir, fmt.Sprintf("file-%09d", j)), syscall.S_IFREG|0o644, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root8 := fakeRoot(t, r, root)
			var before, now runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			got, most, start := 0, uint64(0), time.Now()
			_, err := root8.Walk(t.Context(), "/", WalkOptions{}, func(string, Entry) error {
				if got++; got%10_000 == 0 {
					runtime.GC()
					runtime.ReadMemStats(&now)
					most = max(most, now.HeapAlloc)
				}
				return nil
			})
			if err != nil || got != count+count/1000+1 {
				t.Fatalf("%d entries, %v", got, err)
			}
			grown := int64(most) - int64(before.HeapAlloc)
			t.Logf("%d entries in %v, %d KiB held at most", got, time.Since(start).Round(time.Millisecond), grown>>10)
			if grown > 16<<20 {
				t.Errorf("%d bytes held", grown)
			}
		})
	}
}
