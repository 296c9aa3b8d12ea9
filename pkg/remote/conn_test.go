// SPDX-License-Identifier: Apache-2.0

//go:build linux

package remote

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

// A fakeHelper speaks the program's protocol, and answers what a test likes.
type fakeHelper func(q Request, out io.Writer) (code int)

func (f fakeHelper) Run(_ context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	in := bufio.NewReader(stdin)
	length, err := strconv.Atoi(argv[len(argv)-1])
	if err != nil {
		return err
	}
	if _, err := io.CopyN(io.Discard, in, int64(length)); err != nil {
		return nil // a client that has gone
	}
	mark, err := in.ReadString('\n')
	for err == nil {
		var q Request
		if q, err = readRequest(in, stderr); err == nil {
			code := f(q, stdout)
			_, err = fmt.Fprintf(stdout, "\x00%s%03d\n", strings.TrimSuffix(mark, "\n"), code)
		}
	}
	return nil
}

// readRequest reads what encode writes, and answers beats.
func readRequest(in *bufio.Reader, stderr io.Writer) (q Request, err error) {
	head := "\n"
	for head == "\n" {
		if head, err = in.ReadString('\n'); err != nil {
			return q, err
		}
		if head == "\n" {
			_, _ = stderr.Write([]byte("\n"))
		}
	}
	var count, length int
	if _, err := fmt.Sscan(head, &q.Verb, &count, &length); err != nil {
		return q, err
	}
	for range count {
		arg, err := in.ReadString('\n')
		if err != nil {
			return q, err
		}
		q.Args = append(q.Args, strings.TrimSuffix(arg, "\n"))
	}
	names := make([]byte, length)
	if _, err := io.ReadFull(in, names); err != nil {
		return q, err
	}
	if length > 0 {
		q.Names = strings.Split(strings.TrimSuffix(string(names), "\n"), "\n")
	}
	return q, nil
}

// opened is what verb_open answers about process 8.
func opened() string {
	return "8\x00\x00" + fmt.Sprintf(procStat, "x") + "\x00Uid:\t0\t0\t0\t0\n\x000\n\x0021 1 0:1 / / rw - overlay o rw\n\x00root:x:0:\n\x00\x00"
}

// answering is a helper whose process opens, and which answers everything else with f.
func answering(f fakeHelper) fakeHelper {
	return func(q Request, out io.Writer) int {
		if q.Verb == "open" {
			_, _ = io.WriteString(out, opened())
			return 0
		}
		return f(q, out)
	}
}

func TestOneConnectionForManyRequests(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			root := openDirectory(t)
			write(t, filepath.Join(root, "file"), "x")
			counting := &countingRunner{Runner: r}
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
			if n := counting.count.Load(); n != 1 {
				t.Errorf("%d connections", n)
			}
		})
	}
}

// A connection that broke, or whose answer nobody wanted, is made again: to the same process or to none.
func TestTheConnectionIsMadeAgain(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			root := openDirectory(t)
			write(t, filepath.Join(root, "file"), "x")
			write(t, filepath.Join(root, "big"), string(make([]byte, 1<<20)))
			proc := fakeProc(t, fakeProcess{pid: 8, start: 100, root: root, cgroup: "0::/" + idA})
			counting := &countingRunner{Runner: r}
			root8 := dial(t, counting, proc, Where{Container: idA})
			enough := errors.New("enough")
			for i := range 3 {
				_, err := root8.Read(t.Context(), "big", func(Info) (io.Writer, error) {
					return writerFunc(func(p []byte) (int, error) { return len(p) / 2, enough }), nil
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
			if n := counting.count.Load(); n < 4 {
				t.Errorf("%d connections", n)
			}
			// Another process has the number, and another one of the container would answer.
			addProcess(t, proc, fakeProcess{pid: 8, start: 101, root: root, cgroup: "0::/" + idA})
			addProcess(t, proc, fakeProcess{pid: 9, start: 50, root: root, cgroup: "0::/" + idA})
			if _, err := root8.Stat(t.Context(), "file", true); err != nil {
				t.Errorf("its root stays open: %v", err)
			}
			root8.Close()
			if _, err := root8.Stat(t.Context(), "file", true); !errors.Is(err, ErrNoProcess) {
				t.Errorf("another process: %v", err)
			}
			if err := os.RemoveAll(filepath.Join(proc, "8")); err != nil {
				t.Fatal(err)
			}
			if _, err := root8.Stat(t.Context(), "file", true); !errors.Is(err, ErrNoProcess) || root8.Process.PID != 8 || root8.Process.StartTicks != 100 {
				t.Errorf("no process: %v", err)
			}
		})
	}
}

func TestRequestsEndWithTheirContext(t *testing.T) {
	stuck := answering(func(_ Request, out io.Writer) int {
		_, _ = io.WriteString(out, "/a")
		select {}
	})
	root8 := dial(t, stuck, "/proc", Where{PID: 8})
	cause := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(time.Millisecond, func() { cancel(cause) })
	within(t, time.Minute, func() {
		if _, err := root8.Stat(ctx, "a", true); !errors.Is(err, cause) {
			t.Errorf("got %v", err)
		}
	})
}

func TestDialWithoutShell(t *testing.T) {
	// It may end before the first request waits for its answer, and behind that.
	for i := range 1000 {
		code := 126 + i%2
		r := runnerFunc(func(context.Context, io.Reader, io.Writer, io.Writer) error { return exitError(code) })
		_, err := Dial(t.Context(), r, Where{PID: 8})
		var missing *MissingToolError
		if !errors.As(err, &missing) || missing.Tool != "sh" || !errors.Is(err, exitError(code)) {
			t.Errorf("status %d: %v", code, err)
		}
	}
}

func TestDialSaysWhatTheCommandSaidBeforeItFailed(t *testing.T) {
	r := runnerFunc(func(_ context.Context, _ io.Reader, _, stderr io.Writer) error {
		fmt.Fprintf(stderr, "%s\x1b[2Jout of memory\n", strings.Repeat("x", 100000))
		return exitError(137)
	})
	_, err := Dial(t.Context(), r, Where{PID: 8})
	if err == nil || !strings.HasSuffix(err.Error(), `\x1b[2Jout of memory`) || len(err.Error()) > 2*stderrKept || !errors.Is(err, exitError(137)) {
		t.Errorf("got %q", err)
	}
}

// A strictRunner takes no arguments that a container runtime would not.
type strictRunner struct {
	Runner
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
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			root := openDirectory(t)
			for _, name := range hostileNames() {
				write(t, filepath.Join(root, name, name), name)
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
	root := openDirectory(t)
	write(t, filepath.Join(root, "file"), "")
	proc := fakeProc(t, fakeProcess{pid: 8, root: root})
	for _, missing := range strings.Fields("cat find grep head od readlink sha1sum sha256sum sort stat tail tee tr xargs") {
		var rest []string
		for _, tool := range append(tools(), "sh") {
			if tool != missing {
				rest = append(rest, tool)
			}
		}
		r := localRunner{path: toolDirectory(t, rest)}
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
			var tool *MissingToolError
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
				symlink(t, filepath.Join(dir, name), filepath.Join(directory, name))
				break
			}
		}
	}
	return directory
}

// idA is what a containerID looks like.
var idA = strings.Repeat("a1", 32)
