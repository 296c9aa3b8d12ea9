// SPDX-License-Identifier: Apache-2.0

//go:build linux

package procfs

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"
)

func TestRootFSIsAnFS(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			root := openFolder(t)
			for name, text := range map[string]string{
				"etc/passwd": "root:x:0:0::/:\n", "etc/a\nb": "", "big": string(make([]byte, 300000)),
			} {
				write(t, filepath.Join(root, name), text)
			}
			link(t, "/etc/passwd", filepath.Join(root, "abs"))
			if err := fstest.TestFS(fakeRoot(t, r, root), "etc/passwd", "abs", "big", "etc/a\nb"); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// The same, below a real /proc/PID/root, which is not an ordinary link.
func TestRootFSOfARealProcess(t *testing.T) {
	needRoot(t)
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			root := openFolder(t)
			write(t, filepath.Join(root, "etc/passwd"), "root:x:0:0::/:\n")
			write(t, filepath.Join(root, "run/pid"), "8\n")
			link(t, "/run", filepath.Join(root, "var/run"))
			link(t, "/etc/passwd", filepath.Join(root, "abs"))
			child := startChild(t, childWaits, nil, []string{"CHILD_ROOT=" + root})
			fsys := Root(t.Context(), r, child.cmd.Process.Pid)
			if err := fstest.TestFS(fsys, "etc/passwd", "run/pid", "abs"); err != nil {
				t.Error(err)
			}
			if text, err := fsys.ReadFile("var/run/pid"); string(text) != "8\n" || err != nil {
				t.Errorf("read %q, %v", text, err)
			}
		})
	}
}

func TestReadFileOfEveryName(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			root := openFolder(t)
			fsys := fakeRoot(t, r, root)
			for i, name := range hostileNames()[:60] {
				if i%2 == 1 {
					continue // each costs some commands; their order in the list is no order of danger
				}
				write(t, filepath.Join(root, name), name)
				text, err := fsys.ReadFile(name)
				if err != nil || string(text) != name {
					t.Errorf("%d %q: read %q, %v", i, name, text, err)
				}
				info, err := fsys.Lstat(name)
				if err != nil || info.Name() != name || info.Size() != int64(len(name)) {
					t.Errorf("%d %q: lstat %v, %v", i, name, info, err)
				}
			}
		})
	}
}

func TestReadFileIsExact(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			root := openFolder(t)
			fsys := fakeRoot(t, r, root)
			every := make([]byte, 70000)
			for i := range every {
				every[i] = byte(i * 7)
			}
			for _, size := range []int{0, 1, 31, 32, 33, 511, 512, 4096, 32768, 65535, 65536, 65537, 70000} {
				write(t, filepath.Join(root, "file"), string(every[:size]))
				if got, err := fsys.ReadFile("file"); err != nil || got == nil || !bytes.Equal(got, every[:size]) {
					t.Errorf("%d bytes: got %d, %v", size, len(got), err)
				}
			}
			write(t, filepath.Join(root, "file"), "\x00MARK000\n\x00")
			if got, err := fsys.ReadFile("file"); err != nil || string(got) != "\x00MARK000\n\x00" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

// Sizes in /proc say nothing.
func TestReadFileOfProc(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			fsys := fakeRoot(t, r, fmt.Sprintf("/proc/%d", os.Getpid()))
			got, err := fsys.ReadFile("cmdline")
			if err != nil || len(got) == 0 || got[len(got)-1] != 0 {
				t.Errorf("got %q, %v", got, err)
			}
			// Nothing is mapped at address 0: open succeeds, read does not.
			if got, err := fsys.ReadFile("mem"); !errors.Is(err, ErrRead) || got != nil {
				t.Errorf("got %d bytes, %v", len(got), err)
			}
		})
	}
}

func TestOpenStreams(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			root := openFolder(t)
			const size = 64 << 20
			block := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
			want := sha256.New()
			big, err := os.Create(filepath.Join(root, "big"))
			if err != nil {
				t.Fatal(err)
			}
			for range size / len(block) {
				if _, err := io.MultiWriter(big, want).Write(block); err != nil {
					t.Fatal(err)
				}
			}
			if err := big.Close(); err != nil {
				t.Fatal(err)
			}
			file, err := fakeRoot(t, r, root).Open("big")
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			got := sha256.New()
			if n, err := io.Copy(got, file); n != size || err != nil {
				t.Fatalf("%d bytes, %v", n, err)
			}
			if !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
				t.Error("other bytes")
			}
		})
	}
}

// A file that nobody reads to its end must not keep anything waiting.
func TestOpenAndClose(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			root := openFolder(t)
			write(t, filepath.Join(root, "big"), string(make([]byte, 1<<20)))
			write(t, filepath.Join(root, "empty"), "")
			fsys := fakeRoot(t, r, root)
			within(t, 20*time.Second, func() {
				for _, name := range []string{"big", "empty", "."} {
					file, err := fsys.Open(name)
					if err != nil {
						t.Errorf("%s: %v", name, err)
						continue
					}
					if err := file.Close(); err != nil {
						t.Errorf("%s: %v", name, err)
					}
				}
			})
		})
	}
}

func TestSpecialFilesAreNeverOpened(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			root := openFolder(t)
			makeSpecial(t, root)
			link(t, "/fifo", filepath.Join(root, "tofifo"))
			fsys := fakeRoot(t, r, root)
			within(t, time.Minute, func() {
				for _, name := range []string{"fifo", "socket", "tofifo"} {
					var path *fs.PathError
					if _, err := fsys.ReadFile(name); !errors.Is(err, ErrSpecial) || !errors.As(err, &path) || path.Path != name {
						t.Errorf("read %s: %v", name, err)
					}
					if _, err := fsys.Open(name); !errors.Is(err, ErrSpecial) {
						t.Errorf("open %s: %v", name, err)
					}
					if _, err := fsys.ReadDir(name); !errors.Is(err, ErrNotDirectory) {
						t.Errorf("readdir %s: %v", name, err)
					}
					if info, err := fsys.Stat(name); err != nil || info.Mode().IsRegular() {
						t.Errorf("stat %s: %v, %v", name, info, err)
					}
				}
				// The target's own passwd may be a trap too.
				trap := filepath.Join(root, "etc")
				link(t, "/fifo", filepath.Join(trap, "passwd"))
				link(t, "/etc/group", filepath.Join(trap, "group"))
				where := Where{PID: 8, Path: "/suid"}
				if _, _, err := showIn(t.Context(), r, fsys.proc, where, func(Found) (io.Writer, error) { return io.Discard, nil }); err != nil {
					t.Errorf("show: %v", err)
				}
			})
		})
	}
}

func TestErrorsOfRootFS(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			root := openFolder(t)
			write(t, filepath.Join(root, "file"), "")
			write(t, filepath.Join(root, "dir/x"), "")
			link(t, "target\n", filepath.Join(root, "link"))
			fsys := fakeRoot(t, r, root)
			read := func(name string) error { _, err := fsys.ReadFile(name); return err }
			list := func(name string) error { _, err := fsys.ReadDir(name); return err }
			open := func(name string) error { _, err := fsys.Open(name); return err }
			readLink := func(name string) error { _, err := fsys.ReadLink(name); return err }
			for _, test := range []struct {
				op   string
				call func(string) error
				name string
				want error
			}{
				{"read", read, "dir", ErrIsDirectory},
				{"read", read, ".", ErrIsDirectory},
				{"read", read, "file/x", ErrNotDirectory},
				{"read", read, "link", fs.ErrNotExist},
				{"readdir", list, "file", ErrNotDirectory},
				{"readdir", list, "none", fs.ErrNotExist},
				{"open", open, "none", fs.ErrNotExist},
				{"open", open, "/file", fs.ErrInvalid},
				{"open", open, "a\x00b", fs.ErrInvalid},
				{"open", open, "dir/../file", fs.ErrInvalid},
				{"readlink", readLink, "file", fs.ErrInvalid},
				{"readlink", readLink, "link", nil},
			} {
				err := test.call(test.name)
				var path *fs.PathError
				if !errors.Is(err, test.want) || err != nil && (!errors.As(err, &path) || path.Op != test.op || path.Path != test.name) {
					t.Errorf("%s %q: %v, want %v", test.op, test.name, err, test.want)
				}
			}
			if target, err := fsys.ReadLink("link"); target != "target\n" || err != nil {
				t.Errorf("readlink: %q, %v", target, err)
			}
			fsys.pid = 9
			if err := read("file"); !errors.Is(err, ErrNoProcess) {
				t.Errorf("no process: %v", err)
			}
		})
	}
}

func TestRootFSNoticesAnotherProcessOfTheSamePID(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			root := openFolder(t)
			write(t, filepath.Join(root, "file"), "x")
			fsys := fakeRoot(t, r, root)
			if _, err := fsys.Stat("file"); err != nil {
				t.Fatal(err)
			}
			addProcess(t, fsys.proc, fakeProcess{pid: 8, start: 101})
			if _, err := fsys.Stat("file"); !errors.Is(err, ErrNoProcess) {
				t.Errorf("stat: %v", err)
			}
			if text, err := fsys.ReadFile("file"); !errors.Is(err, ErrNoProcess) || text != nil {
				t.Errorf("read: %q, %v", text, err)
			}
			if _, err := fsys.Open("file"); !errors.Is(err, ErrNoProcess) {
				t.Errorf("open: %v", err)
			}
		})
	}
}

func TestDenied(t *testing.T) {
	needRoot(t)
	for name, l := range runners(t) {
		t.Run(name, func(t *testing.T) {
			root := openFolder(t)
			write(t, filepath.Join(root, "secret"), "x")
			write(t, filepath.Join(root, "noread/x"), "x")
			write(t, filepath.Join(root, "noenter/x"), "x")
			write(t, filepath.Join(root, "noenter/y"), "x")
			for name, mode := range map[string]fs.FileMode{"secret": 0o600, "noread": 0o711, "noenter": 0o744} {
				if err := os.Chmod(filepath.Join(root, name), mode); err != nil {
					t.Fatal(err)
				}
			}
			fsys := fakeRoot(t, l, root)
			l.attr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			fsys.runner = l
			if _, err := fsys.ReadFile("secret"); !errors.Is(err, fs.ErrPermission) {
				t.Errorf("read: %v", err)
			}
			if _, err := fsys.ReadDir("noread"); !errors.Is(err, fs.ErrPermission) {
				t.Errorf("readdir: %v", err)
			}
			if text, err := fsys.ReadFile("noread/x"); string(text) != "x" || err != nil {
				t.Errorf("read below: %q, %v", text, err)
			}
			if _, err := fsys.Stat("noread/none"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("stat of what is not there: %v", err)
			}
			if _, err := fsys.Stat("noenter/x"); !errors.Is(err, fs.ErrPermission) {
				t.Errorf("stat behind a closed directory: %v", err)
			}
			entries, err := fsys.ReadDir("noenter")
			if err != nil || len(entries) != 2 || entries[0].Name() != "x" || entries[1].Name() != "y" {
				t.Fatalf("names must not be dropped: %v, %v", entries, err)
			}
			if _, err := entries[0].Info(); !errors.Is(err, fs.ErrPermission) {
				t.Errorf("info: %v", err)
			}
		})
	}
}

// The kernel denies the root of a process of another user, and of one that changed its user.
func TestRealRootDenied(t *testing.T) {
	needRoot(t)
	for name, l := range runners(t) {
		t.Run(name, func(t *testing.T) {
			root := openFolder(t)
			child := startChild(t, childWaits, nil, []string{"CHILD_ROOT=" + root, "CHILD_UID=65534", "COMM=x\n\x1b)"})
			l.attr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			_, err := Root(t.Context(), l, child.cmd.Process.Pid).Stat(".")
			var access *AccessError
			if !errors.Is(err, fs.ErrPermission) || !errors.As(err, &access) {
				t.Fatalf("got %v", err)
			}
			if access.PID != child.cmd.Process.Pid || access.UID != 65534 || access.GID != 0 || access.Name != "x\n\x1b)" {
				t.Errorf("got %+v", access)
			}
			if strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("unsafe text %q", err)
			}
		})
	}
}
