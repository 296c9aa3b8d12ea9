// SPDX-License-Identifier: Apache-2.0

//go:build linux

package rootfs

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

func TestOneConnectionForManyRequests(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root := helper.OpenDirectory(t)
			helper.Write(t, filepath.Join(root, "file"), "x")
			counting := &helper.Counting{Runner: r}
			root8 := fakeRoot(t, counting, root)
			for range 20 {
				if _, err := root8.Stat(t.Context(), "file", true); err != nil {
					t.Fatal(err)
				}
				if _, err := root8.Stat(t.Context(), "none", true); !errors.Is(err, fs.ErrNotExist) {
					t.Fatal(err)
				}
			}
			var group sync.WaitGroup
			for range 8 {
				group.Go(func() {
					var b bytes.Buffer
					if _, err := root8.Read(t.Context(), "file", func(Info) (io.Writer, error) { return &b, nil }); err != nil || b.String() != "x" {
						t.Errorf("%q, %v", &b, err)
					}
				})
			}
			group.Wait()
			if n := counting.Count.Load(); n != 1 {
				t.Errorf("%d connections", n)
			}
		})
	}
}

// A connection that broke, or whose answer nobody wanted, is made again: to the same process or to none.
func TestTheConnectionIsMadeAgain(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root := helper.OpenDirectory(t)
			helper.Write(t, filepath.Join(root, "file"), "x")
			helper.Write(t, filepath.Join(root, "big"), string(make([]byte, 1<<20)))
			proc := helper.Proc(t, helper.Process{PID: 8, Start: 100, Root: root, Cgroup: "0::/" + helper.ContainerID})
			counting := &helper.Counting{Runner: r}
			root8 := dial(t, counting, proc, Where{Container: helper.ContainerID})
			enough := errors.New("enough")
			for i := range 3 {
				_, err := root8.Read(t.Context(), "big", func(Info) (io.Writer, error) {
					return helper.WriterFunc(func(p []byte) (int, error) { return len(p) / 2, enough }), nil
				})
				if err != enough { //nolint:errorlint // as it is
					t.Errorf("write: %v", err)
				}
				if _, err := root8.Stat(t.Context(), "file", true); err != nil || root8.Process.PID != 8 {
					t.Errorf("process %d, %v", root8.Process.PID, err)
				}
				if i == 1 {
					root8.Close()
				}
			}
			if n := counting.Count.Load(); n < 4 {
				t.Errorf("%d connections", n)
			}
			// Another process has the number, and another one of the container would answer.
			helper.AddProcess(t, proc, helper.Process{PID: 8, Start: 101, Root: root, Cgroup: "0::/" + helper.ContainerID})
			helper.AddProcess(t, proc, helper.Process{PID: 9, Start: 50, Root: root, Cgroup: "0::/" + helper.ContainerID})
			if _, err := root8.Stat(t.Context(), "file", true); err != nil {
				t.Errorf("its root stays open: %v", err)
			}
			root8.Close()
			if _, err := root8.Stat(t.Context(), "file", true); !errors.Is(err, remote.ErrNoProcess) {
				t.Errorf("another process: %v", err)
			}
			if err := os.RemoveAll(filepath.Join(proc, "8")); err != nil {
				t.Fatal(err)
			}
			if _, err := root8.Stat(t.Context(), "file", true); !errors.Is(err, remote.ErrNoProcess) || root8.Process.PID != 8 || root8.Process.StartTicks != 100 {
				t.Errorf("no process: %v", err)
			}
		})
	}
}

func TestRequestsEndWithTheirContext(t *testing.T) {
	stuck := helper.Answering(func(_ helper.Request, out io.Writer) int {
		_, _ = io.WriteString(out, "/a")
		select {}
	})
	root8 := dial(t, stuck, "/proc", Where{PID: 8})
	cause := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(time.Millisecond, func() { cancel(cause) })
	helper.Within(t, time.Minute, func() {
		if _, err := root8.Stat(ctx, "a", true); !errors.Is(err, cause) {
			t.Errorf("got %v", err)
		}
	})
}

// A strictRunner takes no arguments that a container runtime would not.
type strictRunner struct {
	remote.Runner
	t *testing.T
}

func (r strictRunner) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	for _, arg := range argv {
		if !utf8.ValidString(arg) {
			r.t.Errorf("argument %q is not UTF-8", arg)
		}
	}
	return r.Runner.Run(ctx, argv, stdin, stdout, stderr)
}

// Arguments and names of any bytes lead to the file that has them.
func TestNamesOfAnyBytesArrive(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root := helper.OpenDirectory(t)
			for _, name := range hostileNames() {
				helper.Write(t, filepath.Join(root, name, name), name)
			}
			root8 := fakeRoot(t, strictRunner{r, t}, root)
			for i, name := range hostileNames() {
				if i > 60 && i%16 != 0 {
					continue // each costs some commands
				}
				var b bytes.Buffer
				path := name + "/" + name
				if _, err := root8.Read(t.Context(), path, func(Info) (io.Writer, error) { return &b, nil }); err != nil || b.String() != name {
					t.Errorf("%q: %q, %v", path, &b, err)
				}
				info, err := root8.Stat(t.Context(), path, false)
				if err != nil || info.Path != "/"+path || info.Size != int64(len(name)) {
					t.Errorf("%q: %+v, %v", path, info, err)
				}
			}
		})
	}
}

// What a program does not have is said by its name.
func TestMissingTools(t *testing.T) {
	root := helper.OpenDirectory(t)
	helper.Write(t, filepath.Join(root, "file"), "")
	proc := helper.Proc(t, helper.Process{PID: 8, Root: root})
	for _, missing := range strings.Fields("cat find grep head od readlink sha1sum sha256sum sort stat tail tee tr xargs") {
		var rest []string
		for _, tool := range append(helper.Tools(), "sh") {
			if tool != missing {
				rest = append(rest, tool)
			}
		}
		r := helper.Local{Path: toolDirectory(t, rest)}
		_, listErr := processes(t.Context(), r, proc)
		root8, openErr := dialIn(t.Context(), r, proc, Where{PID: 8})
		errs := []error{listErr, openErr}
		if openErr == nil {
			_, sumErr := Sum(t.Context(), root8, "file", SumOptions{}, func(string, [32]byte) error { return nil })
			_, tailErr := Tail(t.Context(), root8, "file", TailOptions{Lines: 1}, func(Info) (io.Writer, error) { return io.Discard, nil })
			_, readErr := root8.Read(t.Context(), "file", func(Info) (io.Writer, error) { return io.Discard, nil })
			errs = append(errs, sumErr, tailErr, readErr)
			root8.Close()
		}
		for _, err := range errs {
			var tool *remote.MissingToolError
			if err != nil && (!errors.As(err, &tool) || tool.Tool != missing) {
				t.Errorf("without %s: %v", missing, err)
			}
		}
		if errors.Join(errs...) == nil {
			t.Errorf("without %s: nobody misses it", missing)
		}
	}
}

// toolDirectory has some of the machine's own tools.
func toolDirectory(t *testing.T, names []string) string {
	t.Helper()
	directory := t.TempDir()
	for _, name := range names {
		for _, dir := range []string{"/usr/bin", "/bin"} {
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				helper.Symlink(t, filepath.Join(dir, name), filepath.Join(directory, name))
				break
			}
		}
	}
	return directory
}
