// SPDX-License-Identifier: Apache-2.0

//go:build linux

package rootfs

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

// exchange swaps two names in one step, again and again, until the returned function is called.
func exchange(t *testing.T, a, b string) (stop func()) {
	t.Helper()
	const sysRenameat2, atFdcwd, renameExchange = 316, -100, 2
	if runtime.GOARCH != "amd64" {
		t.Skip("the number of renameat2 is that of amd64")
	}
	from, err := syscall.BytePtrFromString(a)
	to, toErr := syscall.BytePtrFromString(b)
	if err := errors.Join(err, toErr); err != nil {
		t.Fatal(err)
	}
	here := atFdcwd
	done, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-done:
				ended <- nil
				return
			default:
			}
			_, _, errno := syscall.Syscall6(sysRenameat2, uintptr(here), uintptr(unsafe.Pointer(from)), uintptr(here), uintptr(unsafe.Pointer(to)), renameExchange, 0)
			if errno != 0 {
				ended <- errno
				return
			}
			runtime.Gosched()
		}
	}()
	return func() {
		close(done)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// A swapTree has the file /a/file, with inside, which is swapped for something else, and outside the root a file with the same name.
func swapTree(t *testing.T, other func(t *testing.T, root, outside, name string)) (root string, stop func()) {
	t.Helper()
	root = helper.OpenDirectory(t)
	outside := helper.OpenDirectory(t)
	helper.Write(t, filepath.Join(outside, "file"), "outside\n")
	helper.Write(t, filepath.Join(root, "a/file"), "inside\n")
	helper.Write(t, filepath.Join(root, "a/stays"), "stays\n")
	other(t, root, outside, filepath.Join(root, "b"))
	return root, exchange(t, filepath.Join(root, "a"), filepath.Join(root, "b"))
}

// Whatever is swapped, what comes is a file's own bytes or an error.
func TestSwappedFilesNeverPassForOthers(t *testing.T) {
	const rounds = 5
	for name, r := range helper.Runners(t) {
		for kind, other := range map[string]func(t *testing.T, root, outside, name string){
			"link out": func(t *testing.T, _, outside, name string) { t.Helper(); helper.Symlink(t, outside, name) },
			"relative out": func(t *testing.T, _, outside, name string) {
				t.Helper()
				helper.Symlink(t, strings.Repeat("../", 12)+outside, name)
			},
			"another":   func(t *testing.T, _, _, name string) { t.Helper(); helper.Write(t, name+"/file", "inside\n") },
			"directory": func(t *testing.T, _, _, name string) { t.Helper(); helper.Write(t, name+"/file/deeper", "outside\n") },
			"link in it": func(t *testing.T, _, outside, name string) {
				t.Helper()
				helper.Symlink(t, outside+"/file", name+"/file")
			},
			"fifo in it":     func(t *testing.T, _, _, name string) { t.Helper(); fifo(t, name+"/file") },
			"a fifo":         func(t *testing.T, _, _, name string) { t.Helper(); fifo(t, name) },
			"link to itself": func(t *testing.T, _, _, name string) { t.Helper(); helper.Symlink(t, "b", name) },
		} {
			t.Run(name+" "+kind, func(t *testing.T) {
				root, stop := swapTree(t, other)
				defer stop()
				root8 := fakeRoot(t, r, root)
				good := 0
				for range rounds {
					_, _ = root8.Walk(t.Context(), "/", WalkOptions{LinkTargets: true}, func(path string, e Entry) error {
						if strings.HasPrefix(path, filepath.Dir(root)) {
							t.Errorf("walk: %s", path)
						}
						return nil
					})
					if strings.Contains(kind, "fifo") {
						continue // a shell opens no FIFO without waiting for its writer
					}
					text, err := content(t, root8, "a/file")
					if err == nil && text != "inside\n" {
						t.Errorf("read: %q", text)
					}
					if err == nil {
						good++
					}
					_, _ = Sum(t.Context(), root8, "/", SumOptions{Recursive: true}, func(path string, sum [32]byte) error {
						if sum == sha256.Sum256([]byte("outside\n")) && !strings.HasSuffix(path, "/deeper") {
							t.Errorf("sum: %s is what is outside", path)
						}
						return nil
					})
					_, _ = Grep(t.Context(), root8, "/", GrepOptions{Pattern: "side", Recursive: true}, func(m Match) error {
						if m.Text == "outside" && !strings.HasSuffix(m.Path, "/deeper") {
							t.Errorf("grep: %+v", m)
						}
						return nil
					})
				}
				t.Logf("%d of %d read", good, rounds)
			})
		}
	}
}

func fifo(t *testing.T, name string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), syscall.Mknod(name, syscall.S_IFIFO|0o644, 0)); err != nil {
		t.Fatal(err)
	}
}

// Links of the kernel's own lead where the kernel leads, whatever their text says.
func TestMagicLinks(t *testing.T) {
	helper.NeedRoot(t)
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			directory, root := helper.OpenDirectory(t), helper.OpenDirectory(t)
			helper.Write(t, filepath.Join(directory, "gone"), "deleted\n")
			helper.Write(t, filepath.Join(directory, "gone (deleted)"), "wrong\n")
			helper.Write(t, filepath.Join(root, "only-in-child"), "child\n")
			helper.Write(t, filepath.Join(root, "dir/x"), "")
			gone, err := os.Open(filepath.Join(directory, "gone"))
			if err != nil {
				t.Fatal(err)
			}
			defer gone.Close()
			if err := os.Remove(gone.Name()); err != nil {
				t.Fatal(err)
			}
			child := helper.StartChild(t, helper.Waits, nil, []string{"CHILD_ROOT=" + root})
			root8 := dial(t, r, "/proc", Where{PID: os.Getpid()})
			self, other := fmt.Sprintf("/proc/%d", os.Getpid()), fmt.Sprintf("/proc/%d", child.Cmd.Process.Pid)
			for path, want := range map[string]string{
				fmt.Sprintf("%s/fd/%d", self, gone.Fd()): "deleted\n",
				other + "/root/only-in-child":            "child\n",
				other + "/cwd/only-in-child":             "child\n",
				other + "/root/dir/../only-in-child":     "child\n",
			} {
				if text, err := content(t, root8, path); err != nil || text != want {
					t.Errorf("%s: %q, %v", path, text, err)
				}
			}
			program, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.Stat(program)
			if err != nil {
				t.Fatal(err)
			}
			if info, err := root8.Stat(t.Context(), other+"/exe", true); err != nil || info.Size != want.Size() {
				t.Errorf("exe: %+v, %v", info, err)
			}
			if info, err := root8.Stat(t.Context(), other+"/exe", false); err != nil || info.FileMode()&fs.ModeSymlink == 0 {
				t.Errorf("exe itself: %+v, %v", info, err)
			}
			if _, entries, err := root8.ReadDir(t.Context(), other+"/root"); err != nil || len(entries) != 2 {
				t.Errorf("%v, %v", entries, err)
			}
			in, _, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			pipe := fmt.Sprintf("%s/fd/%d", self, in.Fd())
			link := filepath.Join(directory, "log")
			helper.Symlink(t, pipe, link)
			if _, err := content(t, root8, link); !errors.Is(err, remote.ErrSpecial) {
				t.Errorf("a log that is a link to a pipe: %v", err)
			}
			if info, err := root8.Stat(t.Context(), link, true); err != nil || info.Path != pipe || info.FileMode().Type() != fs.ModeNamedPipe {
				t.Errorf("where it leads: %+v, %v", info, err)
			}
			if info, err := root8.Stat(t.Context(), fmt.Sprintf("%s/fd/%d", self, gone.Fd()), true); err != nil || info.Nlink != 0 {
				t.Errorf("a deleted file: %+v, %v", info, err)
			}
			if info, err := root8.Stat(t.Context(), "/proc/self", true); err != nil || info.Path != self {
				t.Errorf("self is %q, %v", info.Path, err)
			}
		})
	}
}

// A helper that never comes to an end costs no more than a few megabytes.
func TestEndlessAnswersAreRefused(t *testing.T) {
	helper.Full(t)
	begin := "/\x00" + strings.Replace(line, "81a4", "41ed", 1) + "\x00d\x00"
	endless := func(begin, more string) remote.Runner {
		return helper.Answering(func(q helper.Request, out io.Writer) int {
			_, err := io.WriteString(out, begin)
			for chunk := strings.Repeat(more, 1+65536/len(more)); err == nil; {
				_, err = io.WriteString(out, chunk)
			}
			return 0
		})
	}
	for name, ask := range map[string]func(context.Context) error{
		"a field": func(ctx context.Context) error {
			_, err := dial(t, endless("", "x"), "/proc", Where{PID: 8}).Stat(ctx, "a", true)
			return err
		},
		"a path": func(ctx context.Context) error {
			_, err := dial(t, endless(begin, "x"), "/proc", Where{PID: 8}).Walk(ctx, "/", WalkOptions{}, func(string, Entry) error { return nil })
			return err
		},
		"entries": func(ctx context.Context) error {
			_, _, err := dial(t, endless(begin, "./a//"+line+"//./a\n"), "/proc", Where{PID: 8}).ReadDir(ctx, "/")
			return err
		},
		"names": func(ctx context.Context) error {
			_, err := (&Place{Root: dial(t, endless("", "name\x00"), "/proc", Where{PID: 8}), Start: "/"}).unlisted(ctx, []string{"./a"})
			return err
		},
		"processes": func(ctx context.Context) error {
			_, err := processes(ctx, endless("btime 1\n\x001\x00\x00\x00", "8 8 41\x00"), "/proc")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			if err := ask(t.Context()); err == nil {
				t.Error("no error")
			}
			runtime.ReadMemStats(&after)
			if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 768<<20 {
				t.Errorf("%d MiB", grown>>20)
			}
		})
	}
}

// A recorder keeps what a program answers, to be played again.
type recorder struct {
	remote.Runner
	mark   string
	answer bytes.Buffer
}

func (r *recorder) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	var text bytes.Buffer
	err := r.Runner.Run(ctx, argv, io.TeeReader(stdin, &text), io.MultiWriter(stdout, &r.answer), stderr)
	length, _ := strconv.Atoi(argv[len(argv)-1]) // of the program
	r.mark, _, _ = strings.Cut(text.String()[length:], "\n")
	return err
}

// play returns a Runner that answers with the first bytes of what was recorded, one of them changed if it is one of them, as if asked now.
func (r *recorder) play(end, changed int) remote.Runner {
	return helper.ArgvFunc(func(_ context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
		length, err := strconv.Atoi(argv[len(argv)-1])
		if err != nil {
			return err
		}
		in := bufio.NewReader(stdin)
		if _, err := io.CopyN(io.Discard, in, int64(length)); err != nil {
			return nil // a client that has gone
		}
		mark, err := in.ReadString('\n')
		if err != nil {
			return nil
		}
		mark = "\x00" + strings.TrimSuffix(mark, "\n")
		stream := bytes.ReplaceAll(r.answer.Bytes(), []byte(r.mark), []byte(mark[1:]))
		ends := bytes.SplitAfter(stream, []byte(mark))
		if changed >= 0 {
			stream = bytes.Clone(stream)
			stream[changed] ^= 1
		}
		at, next := 0, len("000\n")
		for i := 0; at < end && i < len(ends)-1; i++ {
			if _, err := helper.ReadRequest(in, stderr); err != nil {
				return nil
			}
			next += len(ends[i])
			if _, err := stdout.Write(stream[at:min(end, next)]); err != nil {
				return nil
			}
			if changed >= next-len(mark)-4 && changed < next {
				return nil // a mark that is none ends nothing
			}
			at = next
		}
		return nil
	})
}

// recorded are requests, each with what it gives.
func recorded(t *testing.T, proc string) map[string]func(remote.Runner) (string, error) {
	t.Helper()
	with := func(ask func(*Root, io.Writer) error) func(remote.Runner) (string, error) {
		return func(r remote.Runner) (string, error) {
			root, err := dialIn(t.Context(), r, proc, Where{PID: 8})
			if err != nil {
				return "", err
			}
			defer root.Close()
			var out bytes.Buffer
			err = ask(root, &out)
			return out.String(), err
		}
	}
	return map[string]func(remote.Runner) (string, error){
		"stat": with(func(r *Root, _ io.Writer) error { _, err := r.Stat(t.Context(), "etc/link", false); return err }),
		"not there": with(func(r *Root, _ io.Writer) error {
			_, err := r.Stat(t.Context(), "none", false)
			return err
		}),
		"directory": with(func(r *Root, _ io.Writer) error { _, _, err := r.ReadDir(t.Context(), "etc"); return err }),
		"file": with(func(r *Root, out io.Writer) error {
			_, err := r.Read(t.Context(), "etc/file", func(Info) (io.Writer, error) { return out, nil })
			return err
		}),
		"sums": with(func(r *Root, _ io.Writer) error {
			_, err := Sum(t.Context(), r, "etc", SumOptions{Recursive: true}, func(string, [32]byte) error { return nil })
			return err
		}),
		"matches": with(func(r *Root, _ io.Writer) error {
			_, err := Grep(t.Context(), r, "etc", GrepOptions{Pattern: "root", Recursive: true}, func(Match) error { return nil })
			return err
		}),
		"processes": func(r remote.Runner) (string, error) { _, err := processes(t.Context(), r, proc); return "", err },
	}
}

// Wherever a stream is cut, and however content the Runner is, nothing passes for success; whatever is changed on the way, a file's bytes
// do not come otherwise.
func TestNoBrokenStreamIsASuccess(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root := helper.OpenDirectory(t)
			helper.Write(t, filepath.Join(root, "etc/passwd"), "root:x:0:0:\n")
			helper.Write(t, filepath.Join(root, "etc/file"), strings.Repeat("x\n", 20))
			helper.Symlink(t, "file", filepath.Join(root, "etc/link"))
			proc := helper.Proc(t, helper.Process{PID: 8, Root: root, Cgroup: "0::/" + helper.ContainerID}, helper.Process{PID: 9, Root: root})
			for name, ask := range recorded(t, proc) {
				record := &recorder{Runner: r}
				_, whole := ask(record)
				length := record.answer.Len()
				if _, err := ask(record.play(length, -1)); fmt.Sprint(err) != fmt.Sprint(whole) {
					t.Fatalf("%s: played again: %v, first: %v", name, err, whole)
				}
				step := 1
				if testing.Short() {
					step = 7
				}
				for n := 0; n < length; n += step {
					if _, err := ask(record.play(n, -1)); err == nil {
						t.Fatalf("%s cut after %d of %d bytes passes", name, n, length)
					}
				}
				for n := range length {
					if name != "file" {
						break // of the others nothing is summed up
					}
					if text, err := ask(record.play(length, n)); err == nil && text != "" && text != strings.Repeat("x\n", 20) {
						t.Fatalf("%s with another byte %d of %d: %q", name, n, length, text)
					}
				}
			}
		})
	}
}
