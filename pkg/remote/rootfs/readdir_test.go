// SPDX-License-Identifier: Apache-2.0

//go:build linux

package rootfs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

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
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root := helper.OpenDirectory(t)
			dir := filepath.Join(root, "dir")
			for i, name := range hostileNames() {
				file := filepath.Join(dir, name)
				switch i % 4 {
				case 0:
					helper.Symlink(t, "../"+name, file)
				case 1:
					helper.Symlink(t, name+"\n-> x\x00"[:len(name)%5], file)
				default:
					helper.Write(t, file, strings.Repeat("x", i))
					when := time.Unix(int64(i*40000000-3), int64(i)*1001)
					if err := os.Chtimes(file, when, when); err != nil {
						t.Fatal(err)
					}
				}
			}
			makeSpecial(t, dir)
			_, got, err := fakeRoot(t, r, root).ReadDir(t.Context(), "dir")
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
		helper.Write(t, filepath.Join(dir, name), "")
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
	stat, raw := info.Sys().(*remote.Stat), exact.Sys().(*syscall.Stat_t)
	links, device := fmt.Sprint(raw.Nlink), uint64(stat.RdevMajor)<<8|uint64(stat.RdevMinor) // their types depend on the machine
	if stat.Mode != raw.Mode || stat.UID != raw.Uid || stat.GID != raw.Gid || stat.Ino != raw.Ino || stat.Dev != raw.Dev ||
		fmt.Sprint(stat.Nlink) != links || device != raw.Rdev {
		t.Errorf("%q: got %+v, want %+v", got.Name(), stat, raw)
	}
	if want.Type() == fs.ModeSymlink {
		target, err := os.Readlink(filepath.Join(dir, want.Name()))
		if err != nil || stat.LinkTarget != target {
			t.Errorf("%q: links to %q, want %q (%v)", got.Name(), stat.LinkTarget, target, err)
		}
	}
}
