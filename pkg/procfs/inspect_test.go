// SPDX-License-Identifier: Apache-2.0

//go:build linux

package procfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestInspect(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			root := openFolder(t)
			write(t, filepath.Join(root, "etc/conf"), "one")
			write(t, filepath.Join(root, "run/mount point/file"), "x")
			write(t, filepath.Join(root, "etc/hosts"), "x")
			link(t, "/etc/conf", filepath.Join(root, "links/abs"))
			folder := proc(t, root)
			mounts := "21 1 0:1 / / rw,relatime - overlay o rw\n22 21 0:2 / /run rw - tmpfs t rw\n23 22 0:3 / /run/mount\\040point ro,nosuid - tmpfs t rw\n24 21 0:4 / /etc/hosts rw - ext4 x rw\n"
			write(t, filepath.Join(folder, "8/mountinfo"), mounts)
			inspect := func(path string) (Inspection, error) {
				return inspectIn(t.Context(), r, folder, Where{PID: 8, Path: path})
			}
			for path, want := range map[string]error{
				"/etc/conf": nil, "/links/abs": nil, "/run/mount point/file": ErrReadOnly, "/etc/hosts": ErrMounted, "/etc": nil,
			} {
				got, err := inspect(path)
				if err != nil || !errors.Is(got.Refused, want) || got.PID != 8 {
					t.Errorf("%s: %+v, %v; want %v", path, got, err, want)
				}
				if path == "/links/abs" && (got.Path != "/etc/conf" || got.Info.Size() != 3) {
					t.Errorf("%s: %+v", path, got)
				}
			}
			for path, want := range map[string]error{"/gone": fs.ErrNotExist, "/etc/conf/x": ErrNotDirectory, "\x00": fs.ErrInvalid} {
				if _, err := inspect(path); !errors.Is(err, want) {
					t.Errorf("%q: %v", path, err)
				}
			}
			checkStates(t, filepath.Join(root, "etc/conf"), func() string {
				got, err := inspect("/etc/conf")
				if err != nil {
					t.Fatal(err)
				}
				return got.State
			})
		})
	}
}

// checkStates wants another state after every change of a file, and only then.
func checkStates(t *testing.T, file string, state func() string) {
	t.Helper()
	before := state()
	if now := state(); now != before {
		t.Errorf("unchanged: %q, then %q", before, now)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func() error{
		"mode": func() error { return os.Chmod(file, 0o600) },
		"other bytes at the same time": func() error {
			return errors.Join(os.WriteFile(file, []byte("two"), 0o644), os.Chtimes(file, time.Time{}, info.ModTime()))
		},
		"another file": func() error {
			write(t, file+".new", "two")
			return errors.Join(os.Chtimes(file+".new", time.Time{}, info.ModTime()), os.Rename(file+".new", file))
		},
		"gone and back": func() error { return errors.Join(os.Rename(file, file+".x"), os.Rename(file+".x", file)) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		now := state()
		if now == before {
			t.Errorf("%s: still %q", name, now)
		}
		before = now
	}
}

func TestInspectSeesAClosedDirectory(t *testing.T) {
	for name, r := range runners(t) {
		root := openFolder(t)
		write(t, filepath.Join(root, "closed/file"), "x")
		if err := os.Chmod(filepath.Join(root, "closed"), 0o555); err != nil {
			t.Fatal(err)
		}
		if os.Getuid() == 0 {
			r.attr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		if got, err := inspectIn(t.Context(), r, proc(t, root), Where{PID: 8, Path: "closed/file"}); err != nil || !errors.Is(got.Refused, fs.ErrPermission) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// FuzzMounted holds that whatever a kernel says ends in an answer.
func FuzzMounted(f *testing.F) {
	f.Add("24 21 0:4 / /etc/hosts rw - ext4 x rw\n", "/etc/hosts")
	f.Add("24 21 0:4 / /a\\0 ro", "/a")
	f.Fuzz(func(t *testing.T, info, path string) {
		if err := mounted(info, path); err != nil && !errors.Is(err, ErrReadOnly) && !errors.Is(err, ErrMounted) {
			t.Error(err)
		}
	})
}
