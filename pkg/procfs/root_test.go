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
	eachRunner(t, func(t *testing.T, r Runner) {
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

// The same, below a real /proc/PID/root, which is not an ordinary link.
func TestRootFSOfARealProcess(t *testing.T) {
	needRoot(t)
	eachRunner(t, func(t *testing.T, r Runner) {
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

// hostileNames are names that have broken programs.
func hostileNames() []string {
	names := []string{
		"-", "--", "-rf", "--help", " ", "  lead", "trail ", "a\nb", "\n", "\n\n", "a\n", "a\tb", "a\rb", "a'b", `a"b`, "a`b", "$(id)", "${HOME}",
		";", "|", "&", "<", ">", "*", "?", "[a]", `\`, `a\nb`, "~", "#", "!", ":", "%s%n", "...", ". ", "arrow -> x", "\x1b[31m", "\x1b]0;t\a",
		"\b", "\x7f", "\u009b2J", "\u202egnp", "\u2066", "e\u0301", "\u00e9", "😀", "\xff\xfe", "a\x80", "\x01\x02", "\x81\x82\x88", "0", "-1",
		"100644 0 0 0 1 0:0 0", "CON", "a:b", "A", "a", strings.Repeat("n", 255), strings.Repeat("é", 127), strings.Repeat("\n", 255), "passwd",
	}
	for c := byte(1); c != 0; c++ {
		if c != '/' {
			names = append(names, "byte"+string([]byte{c}))
		}
	}
	return names
}

func TestReadDirIsExact(t *testing.T) {
	eachRunner(t, func(t *testing.T, r Runner) {
		root := openFolder(t)
		dir := filepath.Join(root, "dir")
		for i, name := range hostileNames() {
			file := filepath.Join(dir, name)
			switch i % 4 {
			case 0:
				link(t, "../"+name, file)
			case 1:
				link(t, name+"\n-> x\x00"[:len(name)%5], file)
			default:
				write(t, file, strings.Repeat("x", i))
				when := time.Unix(int64(i*40000000-3), int64(i)*1001)
				if err := os.Chtimes(file, when, when); err != nil {
					t.Fatal(err)
				}
			}
		}
		makeSpecial(t, dir)
		got, err := fakeRoot(t, r, root).ReadDir("dir")
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) {
			t.Fatalf("%d entries, want %d", len(got), len(want))
		}
		for i := range want {
			compareEntry(t, dir, got[i], want[i])
		}
	})
}

// makeSpecial adds one file of each kind that this user can make.
func makeSpecial(t *testing.T, dir string) {
	t.Helper()
	for name, mode := range map[string]uint32{"fifo": syscall.S_IFIFO | 0o640, "socket": syscall.S_IFSOCK | 0o600} {
		if err := syscall.Mknod(filepath.Join(dir, name), mode, 0); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]fs.FileMode{"suid": 0o755 | fs.ModeSetuid, "sgid": 0o711 | fs.ModeSetgid, "none": 0} {
		write(t, filepath.Join(dir, name), "")
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "sticky"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "sticky"), 0o777|fs.ModeSticky); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		t.Log("devices and other owners are left out: they need root")
		return
	}
	for name, mode := range map[string]uint32{"char": syscall.S_IFCHR, "block": syscall.S_IFBLK} {
		if err := syscall.Mknod(filepath.Join(dir, name), mode|0o600, 0x1234); err != nil {
			t.Logf("%s device is left out: %v", name, err)
		}
	}
	if err := os.Chown(filepath.Join(dir, "none"), 1000660000, 4294967294); err != nil {
		t.Fatal(err)
	}
}

func compareEntry(t *testing.T, dir string, got, want fs.DirEntry) {
	t.Helper()
	info, err := got.Info()
	if err != nil {
		t.Errorf("%q: %v", got.Name(), err)
		return
	}
	exact, err := want.Info()
	if err != nil {
		t.Fatal(err)
	}
	if got.Name() != want.Name() || got.Type() != want.Type() || info.Mode() != exact.Mode() || info.Size() != exact.Size() ||
		!info.ModTime().Equal(exact.ModTime()) {
		t.Errorf("got  %q %v %v\nwant %q %v %v", got.Name(), info, info.ModTime(), want.Name(), exact, exact.ModTime())
	}
	stat, raw := info.Sys().(*Stat), exact.Sys().(*syscall.Stat_t)
	if stat.Mode != raw.Mode || stat.UID != raw.Uid || stat.GID != raw.Gid || stat.Ino != raw.Ino || stat.Dev != raw.Dev ||
		stat.Nlink != uint64(raw.Nlink) || uint64(stat.RdevMajor)<<8|uint64(stat.RdevMinor) != raw.Rdev {
		t.Errorf("%q: got %+v, want %+v", got.Name(), stat, raw)
	}
	if want.Type() == fs.ModeSymlink {
		target, err := os.Readlink(filepath.Join(dir, want.Name()))
		if err != nil || stat.LinkTarget != target {
			t.Errorf("%q: links to %q, want %q (%v)", got.Name(), stat.LinkTarget, target, err)
		}
	}
}

func TestReadFileOfEveryName(t *testing.T) {
	eachRunner(t, func(t *testing.T, r Runner) {
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

func TestReadFileIsExact(t *testing.T) {
	eachRunner(t, func(t *testing.T, r Runner) {
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

// Sizes in /proc say nothing.
func TestReadFileOfProc(t *testing.T) {
	eachRunner(t, func(t *testing.T, r Runner) {
		fsys := fakeRoot(t, r, fmt.Sprintf("/proc/%d", os.Getpid()))
		got, err := fsys.ReadFile("cmdline")
		if err != nil || len(got) == 0 || got[len(got)-1] != 0 {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func TestOpenStreams(t *testing.T) {
	eachRunner(t, func(t *testing.T, r Runner) {
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

// A file that nobody reads to its end must not keep anything waiting.
func TestOpenAndClose(t *testing.T) {
	eachRunner(t, func(t *testing.T, r Runner) {
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

func TestSpecialFilesAreNeverOpened(t *testing.T) {
	eachRunner(t, func(t *testing.T, r Runner) {
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

func TestErrorsOfRootFS(t *testing.T) {
	eachRunner(t, func(t *testing.T, r Runner) {
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

func TestRootFSNoticesAnotherProcessOfTheSamePID(t *testing.T) {
	eachRunner(t, func(t *testing.T, r Runner) {
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

func TestDenied(t *testing.T) {
	needRoot(t)
	eachLocalRunner(t, func(t *testing.T, l localRunner) {
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

// The kernel denies the root of a process of another user, and of one that changed its user.
func TestRealRootDenied(t *testing.T) {
	needRoot(t)
	eachLocalRunner(t, func(t *testing.T, l localRunner) {
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
