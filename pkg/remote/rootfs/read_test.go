// SPDX-License-Identifier: Apache-2.0

//go:build linux

package rootfs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
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

func TestReadIsExact(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root := helper.OpenDirectory(t)
			root8 := fakeRoot(t, r, root)
			every := make([]byte, 70000)
			for i := range every {
				every[i] = byte(i * 7)
			}
			for _, size := range []int{0, 1, 31, 511, 4096, 65535, 65536, 65537, 70000} {
				helper.Write(t, filepath.Join(root, "file"), string(every[:size]))
				if got, err := content(t, root8, "file"); err != nil || got != string(every[:size]) {
					t.Errorf("%d bytes: got %d, %v", size, len(got), err)
				}
			}
			var mark, file, facts, link, writable string
			err := root8.Ask(t.Context(), "open", "", remote.Request{Verb: "stat", Args: []string{"file", "1"}}, func(a *remote.Answer) error {
				mark = a.Mark
				return a.Fields(&file, &facts, &link, &writable)
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range []string{"\x00" + mark + "000\n\x00", mark + ".", mark + "." + mark + ". s0\x00", mark[:20]} {
				helper.Write(t, filepath.Join(root, "file"), text)
				if got, err := content(t, root8, "file"); err == nil && got != text {
					t.Errorf("%q came as %q", text, got)
				}
			}
		})
	}
}

// A large file comes whole, and one with holes as its islands.
func TestReadOfLargeFiles(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root := helper.OpenDirectory(t)
			block := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
			helper.Write(t, filepath.Join(root, "big"), string(bytes.Repeat(block, 20)))
			helper.Write(t, filepath.Join(root, "holes"), "front")
			if err := os.Truncate(filepath.Join(root, "holes"), 40<<20); err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(filepath.Join(root, "holes"), os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteAt([]byte("island"), 25<<20); err != nil {
				t.Fatal(err)
			}
			f.Close()
			root8 := fakeRoot(t, r, root)
			if got, err := content(t, root8, "holes"); err != nil || len(got) != 40<<20 || got[25<<20:25<<20+6] != "island" {
				t.Errorf("with its holes: %d bytes, %v", len(got), err)
			}
			if got, err := content(t, root8, "big"); err != nil || got != string(bytes.Repeat(block, 20)) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			got, sent := make([]byte, 40<<20), 0
			q := remote.Request{Verb: "read", Args: []string{"holes", "", "", "0", ""}}
			err = readPart(t.Context(), root8, "open", q, func(Info) error { return nil }, func(offset int64, p []byte) error {
				sent += len(p)
				copy(got[offset:], p)
				return nil
			})
			want, readErr := os.ReadFile(filepath.Join(root, "holes"))
			if err != nil || readErr != nil || !bytes.Equal(got, want) || sent > 20<<20 {
				t.Errorf("%d bytes sent, %v", sent, err)
			}
			q.Args[3] = fmt.Sprint(25<<20 + 3)
			var rest bytes.Buffer
			err = readPart(t.Context(), root8, "open", q, func(Info) error { return nil }, func(_ int64, p []byte) error {
				rest.Write(p)
				return nil
			})
			if err != nil || !bytes.HasPrefix(rest.Bytes(), []byte("and\x00")) {
				t.Errorf("from the middle: %.20q, %v", &rest, err)
			}
		})
	}
}

// A log is written to while it is read. What it had is all there, and the error says that it grew; of a file that was changed
// besides nothing is known.
func TestReadOfAFileThatGrows(t *testing.T) {
	for name, r := range helper.Runners(t) {
		for _, size := range []int{100, 200 << 10, 9 << 20} {
			for what, at := range map[string]int64{"grew": int64(size), "was changed": 1} {
				t.Run(fmt.Sprint(name, "/", what, "/", size), func(t *testing.T) {
					root := helper.OpenDirectory(t)
					file := filepath.Join(root, "log")
					helper.Write(t, file, strings.Repeat("x", size))
					root8 := fakeRoot(t, r, root)
					var b bytes.Buffer
					_, err := root8.Read(t.Context(), "log", func(Info) (io.Writer, error) {
						f, err := os.OpenFile(file, os.O_WRONLY, 0)
						if err != nil {
							return nil, err
						}
						// The facts at the end are those of a file that has changed, whatever of it was read before.
						_, err = f.WriteAt([]byte("more"), at)
						return &b, errors.Join(err, f.Close())
					})
					if !errors.Is(err, remote.ErrChanged) && (err != nil || size > 8<<20) {
						t.Fatal(err)
					}
					if grew := errors.Is(err, remote.ErrGrew); err != nil && grew != (at > 1) || grew && !strings.HasPrefix(b.String(), strings.Repeat("x", size)) {
						t.Errorf("%d bytes, %v", b.Len(), err)
					}
				})
			}
		}
	}
}

// Sizes in /proc say nothing.
func TestReadOfProc(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root8 := fakeRoot(t, r, fmt.Sprintf("/proc/%d", os.Getpid()))
			got, err := content(t, root8, "cmdline")
			if err != nil || len(got) == 0 || got[len(got)-1] != 0 {
				t.Errorf("got %q, %v", got, err)
			}
			// Nothing is mapped at address 0: open succeeds, read does not.
			if got, err := content(t, root8, "mem"); !errors.Is(err, remote.ErrRead) {
				t.Errorf("got %d bytes, %v", len(got), err)
			}
		})
	}
}

func TestReadReturnsTheCallersErrors(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root := helper.OpenDirectory(t)
			helper.Write(t, filepath.Join(root, "big"), string(make([]byte, 1<<20)))
			root8 := fakeRoot(t, r, root)
			full := errors.New("disk full")
			info, err := root8.Read(t.Context(), "big", func(i Info) (io.Writer, error) {
				if i.Size != 1<<20 {
					t.Errorf("open has %v", i)
				}
				return nil, full
			})
			if err != full || info.Stat == nil { //nolint:errorlint // as it is
				t.Errorf("open: %v, %+v", err, info)
			}
			_, err = root8.Read(t.Context(), "big", func(Info) (io.Writer, error) {
				return helper.WriterFunc(func(p []byte) (int, error) { return len(p) / 2, full }), nil
			})
			if err != full { //nolint:errorlint // as it is
				t.Errorf("write: %v", err)
			}
		})
	}
}

func TestSpecialFilesAreNeverOpened(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root := helper.OpenDirectory(t)
			makeSpecial(t, root)
			helper.Symlink(t, "/fifo", filepath.Join(root, "tofifo"))
			helper.Symlink(t, "/dev/stdout", filepath.Join(root, "log"))
			helper.Symlink(t, "/proc/self/fd/1", filepath.Join(root, "dev/stdout"))
			if err := os.MkdirAll(filepath.Join(root, "proc/8/fd"), 0o755); err != nil {
				t.Fatal(err)
			}
			helper.Symlink(t, "8", filepath.Join(root, "proc/self"))
			helper.Symlink(t, "../../../fifo", filepath.Join(root, "proc/8/fd/1"))
			root8 := fakeRoot(t, r, root)
			helper.Within(t, time.Minute, func() {
				for _, name := range []string{"fifo", "socket", "tofifo", "log"} {
					var path *fs.PathError
					if _, err := content(t, root8, name); !errors.Is(err, remote.ErrSpecial) || !errors.As(err, &path) || path.Path != name {
						t.Errorf("read %s: %v", name, err)
					}
					if _, _, err := root8.ReadDir(t.Context(), name); !errors.Is(err, remote.ErrNotDirectory) {
						t.Errorf("readdir %s: %v", name, err)
					}
					if info, err := root8.Stat(t.Context(), name, true); err != nil || info.FileMode().IsRegular() {
						t.Errorf("stat %s: %v, %v", name, info, err)
					}
				}
			})
		})
	}
}

func TestErrorsOfRoot(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root := helper.OpenDirectory(t)
			helper.Write(t, filepath.Join(root, "file"), "")
			helper.Write(t, filepath.Join(root, "dir/x"), "")
			helper.Symlink(t, "target\n", filepath.Join(root, "link"))
			root8 := fakeRoot(t, r, root)
			read := func(name string) error { _, err := content(t, root8, name); return err }
			list := func(name string) error { _, _, err := root8.ReadDir(t.Context(), name); return err }
			for _, test := range []struct {
				op   string
				call func(string) error
				name string
				want error
			}{
				{"open", read, "dir", remote.ErrIsDirectory},
				{"open", read, ".", remote.ErrIsDirectory},
				{"open", read, "file/x", remote.ErrNotDirectory},
				{"open", read, "link", fs.ErrNotExist},
				{"open", list, "file", remote.ErrNotDirectory},
				{"walk", list, "none", fs.ErrNotExist},
				{"open", read, "a\x00b", fs.ErrInvalid},
				{"open", read, "dir/../file", nil},
			} {
				err := test.call(test.name)
				var path *fs.PathError
				if !errors.Is(err, test.want) || err != nil && (!errors.As(err, &path) || path.Op != test.op || path.Path != test.name) {
					t.Errorf("%s %q: %v, want %v", test.op, test.name, err, test.want)
				}
			}
			if info, err := root8.Stat(t.Context(), "dir/none", true); !errors.Is(err, fs.ErrNotExist) || info.Missing != "none" || info.Path != "/dir" {
				t.Errorf("%+v, %v", info, err)
			}
		})
	}
}

func TestDenied(t *testing.T) {
	helper.NeedRoot(t)
	for name, l := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root := helper.OpenDirectory(t)
			for _, name := range []string{"secret", "noread/x", "noenter/x", "noenter/.y", "noenter/*", "noenter/a\nb", "noread/deep/er/x"} {
				helper.Write(t, filepath.Join(root, name), "x")
			}
			for name, mode := range map[string]fs.FileMode{"secret": 0o600, "noread": 0o711, "noenter": 0o744, "noread/deep": 0o711} {
				if err := os.Chmod(filepath.Join(root, name), mode); err != nil {
					t.Fatal(err)
				}
			}
			l.Attr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			root8 := fakeRoot(t, l, root)
			if _, err := content(t, root8, "secret"); !errors.Is(err, fs.ErrPermission) {
				t.Errorf("read: %v", err)
			}
			if _, _, err := root8.ReadDir(t.Context(), "noread"); !errors.Is(err, fs.ErrPermission) {
				t.Errorf("readdir: %v", err)
			}
			for _, path := range []string{"noread/x", "noread/deep/er/x", "noread/deep/../x", "noread/../noread/deep/er/../../x"} {
				if text, err := content(t, root8, path); text != "x" || err != nil {
					t.Errorf("%s: %q, %v", path, text, err)
				}
			}
			for path, want := range map[string]error{"noread/none": fs.ErrNotExist, "noenter/x": fs.ErrPermission, "noenter/none": fs.ErrPermission, "noenter": nil, "noread": nil} {
				if _, err := root8.Stat(t.Context(), path, true); !errors.Is(err, want) {
					t.Errorf("stat of %s: %v, want %v", path, err, want)
				}
			}
			_, entries, err := root8.ReadDir(t.Context(), "noenter")
			if err != nil || len(entries) != 4 || entries[0].Name() != "*" || entries[1].Name() != ".y" || entries[2].Name() != "a\nb" || entries[3].Name() != "x" {
				t.Fatalf("names must not be dropped: %v, %v", entries, err)
			}
			if _, err := entries[0].Info(); !errors.Is(err, fs.ErrPermission) {
				t.Errorf("info: %v", err)
			}
		})
	}
}
