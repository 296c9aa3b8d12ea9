// SPDX-License-Identifier: Apache-2.0

// Package helper is a helper on this machine, for tests of pkg/remote: its shells, directories like /proc, processes with a root of
// their own, and one that answers what a test likes.
package helper

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A Local runs commands here, with the tools of one directory or of the machine.
type Local struct {
	Path string // "": the machine's own PATH
	Attr *syscall.SysProcAttr
}

// Run runs a command here.
func (l Local) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	name := argv[0]
	if l.Path != "" {
		name = filepath.Join(l.Path, name)
	}
	cmd := exec.CommandContext(ctx, name, argv[1:]...)
	cmd.Args[0] = argv[0]
	if l.Path != "" {
		cmd.Env = []string{"PATH=" + l.Path}
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	apart(cmd, l.Attr)
	return cmd.Run()
}

// A Counting counts commands.
type Counting struct {
	Runner
	Count atomic.Int32
}

// Run counts a command and has it run.
func (c *Counting) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	c.Count.Add(1)
	return c.Runner.Run(ctx, argv, stdin, stdout, stderr)
}

// Runners are what every script is tested with: the machine's sh and, where there is one, nothing but busybox.
func Runners(t *testing.T) map[string]Local {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the scripts need a Linux machine")
	}
	all := map[string]Local{"sh": {}}
	if directory := Busybox(t); directory != "" {
		all["busybox"] = Local{Path: directory}
		// The race detector watches this side of the stream only, which is the same for both.
		if testing.Short() {
			delete(all, "sh")
		}
	}
	return all
}

// Full leaves a test out of "make test".
func Full(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("make test-full runs this")
	}
}

// Busybox makes a directory with a busybox and links for the applets that scripts ask for: the PATH of a helper.
// Everybody may read it. It is "" where there is no busybox.
func Busybox(tb testing.TB) string {
	tb.Helper()
	busybox := os.Getenv("SHAREPROC_TEST_BUSYBOX")
	if busybox == "" {
		var err error
		if busybox, err = exec.LookPath("busybox"); err != nil {
			tb.Log("no busybox in PATH and none named by SHAREPROC_TEST_BUSYBOX: only sh is tested")
			return ""
		}
	}
	binary, err := os.ReadFile(busybox)
	if err != nil {
		tb.Fatal(err)
	}
	directory := OpenDirectory(tb)
	// A file that is still open for writing elsewhere cannot be run (another test's fork may hold it), so a copy is
	// made only where a link will not do.
	if err := os.Link(busybox, filepath.Join(directory, "busybox")); err != nil {
		Write(tb, filepath.Join(directory, "busybox"), string(binary))
		if err := os.Chmod(filepath.Join(directory, "busybox"), 0o755); err != nil {
			tb.Fatal(err)
		}
	}
	for _, tool := range append(Tools(), "sh") {
		Symlink(tb, "busybox", filepath.Join(directory, tool))
	}
	return directory
}

// OpenDirectory is a temporary directory that every user may enter.
func OpenDirectory(tb testing.TB) string {
	tb.Helper()
	directory := tb.TempDir()
	if err := os.Chmod(filepath.Dir(directory), 0o755); err != nil {
		tb.Fatal(err)
	}
	return directory
}

// Tools are all that the program calls.
func Tools() []string {
	return strings.Fields("nc nslookup timeout cat chmod chown dd find grep gzip head mkdir mv od readlink rm rmdir sed sha1sum sha256sum sleep sort stat tail tar tee touch tr wc xargs")
}

// Write makes a file and the directories it needs.
func Write(tb testing.TB, file, text string) {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
}

// Symlink makes a symbolic link and the directories it needs.
func Symlink(tb testing.TB, target, file string) {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := os.Symlink(target, file); err != nil {
		tb.Fatal(err)
	}
}

// Within fails a test that does not end in time.
func Within(t *testing.T, limit time.Duration, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(limit):
		t.Fatalf("still not done after %v", limit)
	}
}

// A Func is a Runner of one function.
type Func func(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) error

// Run calls the function.
func (f Func) Run(ctx context.Context, _ []string, stdin io.Reader, stdout, stderr io.Writer) error {
	return f(ctx, stdin, stdout, stderr)
}

// An ExitError is what a Runner returns for a command's status.
type ExitError int

func (e ExitError) Error() string { return fmt.Sprintf("status %d", int(e)) }

// ExitCode is the status.
func (e ExitError) ExitCode() int { return int(e) }

// A WriterFunc is an io.Writer of one function.
type WriterFunc func([]byte) (int, error)

func (f WriterFunc) Write(p []byte) (int, error) { return f(p) }

// A Runner runs a command.
type Runner interface {
	Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error
}
