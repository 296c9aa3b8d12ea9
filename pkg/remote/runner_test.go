// SPDX-License-Identifier: Apache-2.0

package remote

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

// A localRunner runs commands here, with the tools of one directory or of the machine.
type localRunner struct {
	path string // "": the machine's own PATH
	attr *syscall.SysProcAttr
}

func (l localRunner) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	name := argv[0]
	if l.path != "" {
		name = filepath.Join(l.path, name)
	}
	cmd := exec.CommandContext(ctx, name, argv[1:]...)
	cmd.Args[0] = argv[0]
	if l.path != "" {
		cmd.Env = []string{"PATH=" + l.path}
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	apart(cmd, l.attr)
	return cmd.Run()
}

// A countingRunner counts commands.
type countingRunner struct {
	Runner
	count atomic.Int32
}

func (c *countingRunner) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	c.count.Add(1)
	return c.Runner.Run(ctx, argv, stdin, stdout, stderr)
}

// runners are what every script is tested with: the machine's sh and, where there is one, nothing but busybox.
func runners(t *testing.T) map[string]localRunner {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the scripts need a Linux machine")
	}
	all := map[string]localRunner{"sh": {}}
	if directory := busyboxDirectory(t); directory != "" {
		all["busybox"] = localRunner{path: directory}
		// The race detector watches this side of the stream only, which is the same for both.
		if testing.Short() {
			delete(all, "sh")
		}
	}
	return all
}

// full leaves a test out of "make test".
func full(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("make test-full runs this")
	}
}

// busyboxDirectory makes a directory with a busybox and links for the applets that scripts ask for: the PATH of a helper.
// Everybody may read it. It is "" where there is no busybox.
func busyboxDirectory(tb testing.TB) string {
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
	directory := openDirectory(tb)
	// A file that is still open for writing elsewhere cannot be run (another test's fork may hold it), so a copy is
	// made only where a link will not do.
	if err := os.Link(busybox, filepath.Join(directory, "busybox")); err != nil {
		write(tb, filepath.Join(directory, "busybox"), string(binary))
		if err := os.Chmod(filepath.Join(directory, "busybox"), 0o755); err != nil {
			tb.Fatal(err)
		}
	}
	for _, tool := range append(tools(), "sh") {
		symlink(tb, "busybox", filepath.Join(directory, tool))
	}
	return directory
}

// openDirectory is a temporary directory that every user may enter.
func openDirectory(tb testing.TB) string {
	tb.Helper()
	directory := tb.TempDir()
	if err := os.Chmod(filepath.Dir(directory), 0o755); err != nil {
		tb.Fatal(err)
	}
	return directory
}

// tools are all that the program calls.
func tools() []string {
	return strings.Fields("nc nslookup timeout cat chmod chown dd find grep gzip head mkdir mv od readlink rm rmdir sed sha1sum sha256sum sleep sort stat tail tar tee touch tr wc xargs")
}

// write makes a file and the directories it needs.
func write(tb testing.TB, file, text string) {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
}

// symlink makes a symbolic link and the directories it needs.
func symlink(tb testing.TB, target, file string) {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := os.Symlink(target, file); err != nil {
		tb.Fatal(err)
	}
}

// within fails a test that does not end in time.
func within(t *testing.T, limit time.Duration, f func()) {
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

// A runnerFunc is a Runner of one function.
type runnerFunc func(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) error

func (f runnerFunc) Run(ctx context.Context, _ []string, stdin io.Reader, stdout, stderr io.Writer) error {
	return f(ctx, stdin, stdout, stderr)
}

// An exitError is what a Runner returns for a command's status.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("status %d", int(e)) }
func (e exitError) ExitCode() int { return int(e) }

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
