// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// A localRunner runs commands here, with the tools of one folder or of the machine.
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
	cmd.SysProcAttr = l.attr
	return cmd.Run()
}

// A countingRunner counts commands.
type countingRunner struct {
	Runner
	count int
}

func (c *countingRunner) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	c.count++
	return c.Runner.Run(ctx, argv, stdin, stdout, stderr)
}

// runners are what every script is tested with: the machine's sh and, where there is one, nothing but busybox.
func runners(t *testing.T) map[string]localRunner {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the scripts need a Linux machine")
	}
	all := map[string]localRunner{"sh": {}}
	if folder := busyboxFolder(t); folder != "" {
		all["busybox"] = localRunner{path: folder}
		// The race detector watches this side of the stream only, which is the same for both.
		if testing.Short() {
			delete(all, "sh")
		}
	}
	return all
}

// busyboxFolder makes a folder with a busybox and links for the applets that scripts ask for: the PATH of a helper.
// Everybody may read it. It is "" where there is no busybox.
func busyboxFolder(t *testing.T) string {
	t.Helper()
	busybox := os.Getenv("SHAREPROC_TEST_BUSYBOX")
	if busybox == "" {
		var err error
		if busybox, err = exec.LookPath("busybox"); err != nil {
			t.Log("no busybox in PATH and none named by SHAREPROC_TEST_BUSYBOX: only sh is tested")
			return ""
		}
	}
	binary, err := os.ReadFile(busybox)
	if err != nil {
		t.Fatal(err)
	}
	folder := openFolder(t)
	// A file that is still open for writing elsewhere cannot be run (another test's fork may hold it), so a copy is
	// made only where a link will not do.
	if err := os.Link(busybox, filepath.Join(folder, "busybox")); err != nil {
		write(t, filepath.Join(folder, "busybox"), string(binary))
		if err := os.Chmod(filepath.Join(folder, "busybox"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, tool := range append(tools(), "sh") {
		link(t, "busybox", filepath.Join(folder, tool))
	}
	return folder
}

// openFolder is a temporary folder that every user may enter.
func openFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.Chmod(filepath.Dir(folder), 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
}

// write makes a file and the folders it needs.
func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// link makes a symbolic link and the folders it needs.
func link(t *testing.T, target, file string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, file); err != nil {
		t.Fatal(err)
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
