// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer/localfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/trees"
)

// facts are what a copy keeps of a tree.
func factsOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	inodes := map[uint64]string{}
	for name, text := range trees.Harvest(t, dir) {
		info, err := os.Lstat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		st := info.Sys().(*syscall.Stat_t)
		fact := fmt.Sprintf("%v %d %.60q %d", info.Mode(), info.ModTime().Unix(), text, len(text))
		if info.Mode()&os.ModeSymlink != 0 {
			fact = text
		}
		if st.Nlink > 1 && info.Mode().IsRegular() {
			fact += fmt.Sprint(" ", st.Nlink)
			inodes[st.Ino] = name
		}
		all[name] = fact
	}
	return all
}

func TestCopiesKeepWhatTheyPromise(t *testing.T) {
	for shell, r := range helper.Runners(t) {
		root, other := dialSelf(t, r), dialSelf(t, r)
		for direction, ends := range map[string][2]transfer.Tree{
			"down": {Source(root, PackAuto), localfs.Tree()}, "up": {localfs.Tree(), Destination(root, PackAuto)}, "across": {Source(root, PackAuto), Destination(other, PackAuto)},
		} {
			t.Run(shell+"/"+direction, func(t *testing.T) {
				dir := t.TempDir()
				trees.Plant(t, dir+"/src", map[string]string{
					"a": "A", "none": "", "sub/b": strings.Repeat("b", 3000), "sub/empty/": "", "big": strings.Repeat("0123456789abcdef", 20<<10),
					"link": "-> a", "sub/up": "-> ../a", "dangling": "-> nothing", "odd \n name": "x", "sub/deep/er/c": "c", "sub/big2": strings.Repeat("y", 300<<10),
					"\xff\x01é": "bytes", "ro/x": "1", "odd\ndir/y": "y",
				})
				must := func(err error) {
					t.Helper()
					if err != nil {
						t.Fatal(err)
					}
				}
				must(os.Link(dir+"/src/sub/b", dir+"/src/sub/hard"))
				must(os.Link(dir+"/src/big", dir+"/src/bighard"))
				f, err := os.Create(dir + "/src/sparse")
				must(err)
				_, err = f.WriteAt(bytes.Repeat([]byte("x"), 5000), 40<<20)
				must(err)
				must(f.Truncate(100 << 20))
				must(f.Close())
				must(os.Chmod(dir+"/src/a", 0o640))
				must(os.Chmod(dir+"/src/ro", 0o555))
				must(os.Chmod(dir+"/src/sub", 0o2775))
				past := time.Now().Add(-time.Hour)
				for _, name := range []string{"a", "big", "sub/deep/er", "sub/deep", "sub", "ro", "."} {
					must(os.Chtimes(filepath.Join(dir, "src", name), past, past))
				}
				errs := map[string]error{}
				report, err := transfer.Copy(t.Context(), ends[1], ends[0], transfer.Options{Source: dir + "/src", Dest: dir + "/dst", Preserve: true, Report: func(p string, err error) { errs[p] = err }})
				if err != nil || report.Failed > 0 {
					t.Fatal(report, err, errs)
				}
				want, got := factsOf(t, dir+"/src"), factsOf(t, dir+"/dst")
				for name := range want {
					if want[name] != got[name] {
						t.Errorf("%q: %s, want %s", name, got[name], want[name])
					}
				}
				var st syscall.Stat_t
				must(syscall.Lstat(dir+"/dst/sparse", &st))
				if st.Blocks > 64<<10 {
					t.Errorf("sparse takes %d blocks", st.Blocks)
				}
				entries, _ := os.ReadDir(dir)
				if len(entries) != 2 {
					t.Errorf("left: %v", entries)
				}
			})
		}
	}
}

// An upload that is interrupted leaves nothing, and does not wait for the helper to find out.
func TestInterruptedUploadLeavesNothing(t *testing.T) {
	for shell, r := range helper.Runners(t) {
		t.Run(shell, func(t *testing.T) {
			dir := t.TempDir()
			trees.Plant(t, dir, map[string]string{"big": strings.Repeat("0123456789abcdef", 1<<20), "dst/": ""})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			root, err := rootfs.Dial(ctx, r, rootfs.Where{PID: os.Getpid()})
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			_, err = transfer.Copy(ctx, Destination(root, PackAuto), localfs.Tree(), transfer.Options{
				Source: dir + "/big", Dest: dir + "/dst/big", Progress: func(int64) { cancel() },
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("ended with %v", err)
			}
			if left := trees.Harvest(t, dir+"/dst"); len(left) != 0 {
				t.Errorf("left:\n%s", trees.Shown(left))
			}
		})
	}
}

// The bytes of a file with many names travel once, in every direction.
func TestHardLinksTravelOnce(t *testing.T) {
	for shell, r := range helper.Runners(t) {
		root, other := dialSelf(t, r), dialSelf(t, r)
		for direction, ends := range map[string][2]transfer.Tree{
			"down": {Source(root, PackAuto), localfs.Tree()}, "up": {localfs.Tree(), Destination(root, PackAuto)}, "across": {Source(root, PackAuto), Destination(other, PackAuto)},
		} {
			t.Run(shell+"/"+direction, func(t *testing.T) {
				dir := helper.OpenDirectory(t)
				const size, names = 1 << 20, 21
				helper.Write(t, dir+"/src/bin/0", strings.Repeat("x", size))
				for i := 1; i < names; i++ {
					if err := os.Link(dir+"/src/bin/0", fmt.Sprint(dir, "/src/bin/", i)); err != nil {
						t.Fatal(err)
					}
				}
				bytes := int64(0)
				report, err := transfer.Copy(t.Context(), ends[1], ends[0], transfer.Options{
					Source: dir + "/src", Dest: dir + "/dst", Progress: func(n int64) { bytes += n },
				})
				if err != nil || report.Failed > 0 || bytes != size {
					t.Errorf("%+v, %d bytes, %v", report, bytes, err)
				}
				var st syscall.Stat_t
				if err := syscall.Lstat(dir+"/dst/bin/20", &st); err != nil || st.Nlink != names || st.Size != size {
					t.Errorf("%+v, %v", st, err)
				}
			})
		}
	}
}

// A log that is written to all the time is copied as it was at a time, in every direction, and said to be; it replaces nothing longer.
func TestLogThatIsWrittenTo(t *testing.T) {
	for shell, r := range helper.Runners(t) {
		root, other := dialSelf(t, r), dialSelf(t, r)
		for direction, ends := range map[string][2]transfer.Tree{
			"down": {Source(root, PackAuto), localfs.Tree()}, "up": {localfs.Tree(), Destination(root, PackAuto)}, "across": {Source(root, PackAuto), Destination(other, PackAuto)},
		} {
			for _, size := range []int{100, 200 << 10, 9 << 20} {
				t.Run(fmt.Sprint(shell, "/", direction, "/", size), func(t *testing.T) {
					dir := helper.OpenDirectory(t)
					helper.Write(t, dir+"/src/log", strings.Repeat("x", size))
					helper.Write(t, dir+"/src/a", "A")
					stop := keepWriting(t, dir+"/src/log")
					var grown *transfer.GrownError
					for _, there := range []string{"", "longer"} {
						if there != "" {
							helper.Write(t, dir+"/dst/log", strings.Repeat("o", 20<<20))
						}
						var heard error
						report, err := transfer.Copy(t.Context(), ends[1], ends[0], transfer.Options{
							Source: dir + "/src/.", Dest: dir + "/dst", Report: func(_ string, err error) { heard = err },
						})
						text, reading := os.ReadFile(dir + "/dst/log")
						switch {
						case err != nil || reading != nil || report.Failed != 1:
							t.Errorf("%+v, %v, %v, %v", report, heard, err, reading)
						case there == "" && (!errors.As(heard, &grown) || grown.Size != int64(len(text)) || len(text) < size || strings.ContainsAny(string(text[:size]), "more")):
							t.Errorf("%v, %d bytes", heard, len(text))
						case there != "" && (!errors.Is(heard, transfer.ErrLess) || len(text) != 20<<20):
							t.Errorf("%v, %d bytes", heard, len(text))
						}
					}
					stop()
				})
			}
		}
	}
}

// keepWriting appends to a log until it is stopped.
func keepWriting(t *testing.T, file string) (stop func()) {
	t.Helper()
	over, done := make(chan struct{}), make(chan error)
	go func() {
		log, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
		for err == nil {
			select {
			case <-over:
				done <- log.Close()
				return
			case <-time.After(10 * time.Microsecond):
				_, err = log.WriteString("more\n")
			}
		}
		done <- err
	}()
	return func() {
		close(over)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}

// To a stream goes what the log had at a time, once, and the report says so.
func TestLogThatIsWrittenToGoesOut(t *testing.T) {
	for shell, r := range helper.Runners(t) {
		root := dialSelf(t, r)
		for _, size := range []int{100, 200 << 10, 5 << 20, 9 << 20} {
			t.Run(fmt.Sprint(shell, "/", size), func(t *testing.T) {
				dir := helper.OpenDirectory(t)
				helper.Write(t, dir+"/log", strings.Repeat("x", size))
				stop := keepWriting(t, dir+"/log")
				var b bytes.Buffer
				var heard error
				report, err := transfer.Copy(t.Context(), transfer.Output(&b, nil), Source(root, PackAuto), transfer.Options{
					Source: dir + "/log", Dest: "-", Report: func(_ string, err error) { heard = err },
				})
				stop()
				all, reading := os.ReadFile(dir + "/log")
				var grown *transfer.GrownError
				if err != nil || reading != nil || report.Copied != 1 || report.Grown == 1 && (!errors.As(heard, &grown) || grown.Size != int64(b.Len())) {
					t.Errorf("%+v, %v, %v, %v", report, heard, err, reading)
				}
				if b.Len() < size || !bytes.HasPrefix(all, b.Bytes()) {
					t.Errorf("%d bytes came of %d", b.Len(), len(all))
				}
			})
		}
	}
}

// A file system that is full is said to be, and holds nothing of the copy any more.
func TestUploadToAFullDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can mount a small file system")
	}
	for shell, r := range helper.Runners(t) {
		t.Run(shell, func(t *testing.T) {
			dir := t.TempDir()
			trees.Plant(t, dir, map[string]string{"big": strings.Repeat("0123456789abcdef", 1<<20), "many/": "", "dst/": ""})
			for i := range 200 {
				trees.Plant(t, dir+"/many", map[string]string{fmt.Sprint(i): strings.Repeat("x", 60<<10)})
			}
			if err := syscall.Mount("none", dir+"/dst", "tmpfs", 0, "size=8m"); err != nil {
				t.Skip("cannot mount: ", err)
			}
			defer syscall.Unmount(dir+"/dst", syscall.MNT_DETACH)
			for _, name := range []string{"big", "many"} {
				root := dialSelf(t, r)
				_, err := transfer.Copy(t.Context(), Destination(root, PackAuto), localfs.Tree(), transfer.Options{Source: dir + "/" + name, Dest: dir + "/dst/x"})
				if !errors.Is(err, remote.ErrFull) {
					t.Errorf("%s: %v", name, err)
				}
				if left := trees.Harvest(t, dir+"/dst"); len(left) != 0 {
					t.Errorf("%s left:\n%s", name, trees.Shown(left))
				}
			}
		})
	}
}

// Who goes on with an upload is not disturbed by the one that began it, whose line is slow and not dead.
func TestLateBytesOfAnEarlierUpload(t *testing.T) {
	for shell, r := range helper.Runners(t) {
		t.Run(shell, func(t *testing.T) {
			dir := t.TempDir()
			trees.Plant(t, dir, map[string]string{"dst/": ""})
			part := transfer.Part{File: transfer.File{Path: ".", Mode: 0o644, Size: 10, Blocks: -1}}
			earlier := dialSelf(t, r)
			stage, err := Destination(earlier, PackAuto).Stage(t.Context(), dir+"/dst", ".shareproc-X.partial", false)
			if err != nil {
				t.Fatal(err)
			}
			_, err = stage.Put(t.Context(), []transfer.Part{part}, func(to transfer.Receiver) error {
				if err := to.Data(0, 0, []byte("late")); err != nil {
					return err
				}
				next, err := Destination(dialSelf(t, r), PackAuto).Stage(t.Context(), dir+"/dst", ".shareproc-X.partial", false)
				if err != nil {
					return err
				}
				_, err = next.Put(t.Context(), []transfer.Part{part}, func(to transfer.Receiver) error {
					return errors.Join(to.Data(0, 0, []byte("0123456789")), to.Done(0, 10, nil))
				})
				if err == nil {
					_, err = next.Commit(t.Context(), nil, []transfer.Move{{From: ".", To: "file"}})
				}
				if err != nil {
					t.Error(err)
				}
				return to.Done(0, 4, nil)
			})
			if err == nil {
				t.Error("the earlier upload succeeded as well")
			}
			if got := trees.Harvest(t, dir+"/dst")["file"]; got != "0123456789" {
				t.Errorf("there is %q", got)
			}
		})
	}
}

// A stage into which nothing has come yet holds nothing, which is no error.
func TestEmptyStageIsGoneOnWith(t *testing.T) {
	for shell, r := range helper.Runners(t) {
		t.Run(shell, func(t *testing.T) {
			dir := t.TempDir()
			trees.Plant(t, dir, map[string]string{"file": "text", "dst/": ""})
			options := transfer.Options{Source: dir + "/file", Dest: dir + "/dst/file", Resume: true}
			ctx, cancel := context.WithCancel(t.Context())
			options.Total = func(int64) { cancel() }
			root := dialSelf(t, r)
			if _, err := transfer.Copy(ctx, Destination(root, PackAuto), localfs.Tree(), options); err == nil {
				t.Error("an interrupted copy succeeded")
			}
			options.Total = nil
			if _, err := transfer.Copy(t.Context(), Destination(dialSelf(t, r), PackAuto), localfs.Tree(), options); err != nil {
				t.Error(err)
			}
			if left := trees.Harvest(t, dir+"/dst"); len(left) != 1 || left["file"] != "text" {
				t.Errorf("there is\n%s", trees.Shown(left))
			}
		})
	}
}

// A copy that is to go on with an earlier one begins where there is none, in every direction.
func TestResumeBeginsWithNothing(t *testing.T) {
	for shell, r := range helper.Runners(t) {
		root, other := dialSelf(t, r), dialSelf(t, r)
		for direction, ends := range map[string][2]transfer.Tree{
			"down": {Source(root, PackAuto), localfs.Tree()}, "up": {localfs.Tree(), Destination(root, PackAuto)}, "across": {Source(root, PackAuto), Destination(other, PackAuto)},
		} {
			t.Run(shell+"/"+direction, func(t *testing.T) {
				dir := t.TempDir()
				trees.Plant(t, dir+"/src", map[string]string{"a": "A", "sub/b": strings.Repeat("b", 300<<10)})
				for _, name := range []string{"", "/a"} {
					report, err := transfer.Copy(t.Context(), ends[1], ends[0], transfer.Options{Source: dir + "/src" + name, Dest: dir + "/dst" + name, Resume: true})
					if err != nil || report.Failed > 0 {
						t.Error(report, err)
					}
				}
				if want, got := fmt.Sprint(trees.Harvest(t, dir+"/src")), fmt.Sprint(trees.Harvest(t, dir+"/dst")); want != got {
					t.Errorf("%s, want %s", got, want)
				}
			})
		}
	}
}
