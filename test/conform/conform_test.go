// SPDX-License-Identifier: Apache-2.0

//go:build linux

package conform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
)

// A localRunner runs commands here, with the tools of one directory or of the machine.
type localRunner struct {
	path string
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
	// A runtime makes each command a session of its own.
	attr := syscall.SysProcAttr{Setpgid: true}
	if l.attr != nil {
		attr.Credential = l.attr.Credential
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = stdin, stdout, stderr, &attr
	return cmd.Run()
}

// runners are the machine's tools and, where there is one, those of a busybox.
func runners(t *testing.T) map[string]localRunner {
	t.Helper()
	all := map[string]localRunner{"sh": {}}
	busybox := os.Getenv("SHAREPROC_TEST_BUSYBOX")
	if busybox == "" {
		t.Log("no busybox is named by SHAREPROC_TEST_BUSYBOX: only sh is tested")
		return all
	}
	binary, err := os.ReadFile(busybox)
	if err != nil {
		t.Fatal(err)
	}
	if testing.Short() {
		delete(all, "sh") // make test-full has both
	}
	directory := t.TempDir()
	open(t, directory)
	file := filepath.Join(directory, "busybox")
	// A file that is still open for writing elsewhere cannot be run: a copy is made only where a link will not do.
	if err := os.Link(busybox, file); err != nil {
		if err := os.WriteFile(file, binary, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, tool := range strings.Fields("sh cat find grep head od readlink sed sha256sum sort stat tail tr xargs sha1sum dd tee") {
		if err := os.Symlink(file, filepath.Join(directory, tool)); err != nil {
			t.Fatal(err)
		}
	}
	all["busybox"] = localRunner{path: directory}
	return all
}

// dial connects to a process for as long as the test runs.
func dial(t *testing.T, runner remote.Runner, pid int) *rootfs.Root {
	t.Helper()
	root, err := rootfs.Dial(t.Context(), runner, rootfs.Where{PID: pid})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

// open lets everybody into a directory of a test.
func open(t *testing.T, directory string) {
	t.Helper()
	for _, directory := range []string{directory, filepath.Dir(directory)} {
		if err := os.Chmod(directory, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func build(t *testing.T) (directory string, oracle Oracle) {
	t.Helper()
	directory, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	open(t, directory)
	if err := Build(directory); err != nil {
		t.Fatal(err)
	}
	if oracle, err = Look(directory); err != nil {
		t.Fatal(err)
	}
	return directory, oracle
}

func TestConformance(t *testing.T) {
	directory, oracle := build(t)
	self := User{UID: uint32(os.Getuid()), GID: uint32(os.Getgid())}
	for name, runner := range runners(t) {
		t.Run(name, func(t *testing.T) {
			view := View{Root: dial(t, runner, os.Getpid()), Path: directory, User: self, Oracle: oracle, Every: 5}
			view.Check(t)
			t.Run("fs", func(t *testing.T) { view.CheckFS(t.Context(), t) })
		})
		t.Run(name+" as another user", func(t *testing.T) {
			if self.UID != 0 {
				t.Skip("changing the user needs root")
			}
			other := User{UID: 1000, GID: 2000}
			runner.attr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: other.UID, Gid: other.GID}}
			target := exec.Command("cat")
			target.SysProcAttr = runner.attr
			hold, err := target.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := target.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				hold.Close()
				if err := target.Wait(); err != nil {
					t.Error(err)
				}
			}()
			view := View{Root: dial(t, runner, target.Process.Pid), Path: directory, User: other, Oracle: oracle, Every: 20}
			view.Check(t)
		})
	}
}

// churn makes files below a directory grow, shrink, vanish and come back, and directories and links take each other's place,
// until the returned function is called.
func churn(t *testing.T, directory string) (stop func()) {
	t.Helper()
	for _, name := range []string{"grows", "shrinks"} {
		if err := os.WriteFile(filepath.Join(directory, name), []byte(strings.Repeat(name, 1000)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			// What stands in the way this time is out of it the next.
			at := filepath.Join(directory, fmt.Sprint("comes and goes ", i%20))
			_ = os.Truncate(filepath.Join(directory, "grows"), int64(i%100_000))
			_ = os.Truncate(filepath.Join(directory, "shrinks"), int64(100_000-i%100_000))
			switch i / 20 % 4 {
			case 0:
				_ = os.WriteFile(at, []byte("content"), 0o644)
			case 2:
				_ = os.Mkdir(at, 0o755)
				_ = os.Symlink("/", filepath.Join(at, "link"))
			default:
				_ = os.RemoveAll(at)
			}
			time.Sleep(100 * time.Microsecond) // leaves the walk some of the processor
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

// What changes is reported or left out, and all the rest is there.
func TestConformanceOfAChangingTree(t *testing.T) {
	directory, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if err := os.WriteFile(filepath.Join(directory, fmt.Sprint("stays ", i)), []byte(Needle), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	defer churn(t, directory)()
	partly := func(t *testing.T, err error) {
		t.Helper()
		if _, ok := errors.AsType[*rootfs.TreeError](err); err != nil && !ok {
			t.Error(err)
		}
	}
	for name, runner := range runners(t) {
		t.Run(name, func(t *testing.T) {
			root := dial(t, runner, os.Getpid())
			for range 2 {
				walked, summed, matched := 0, 0, 0
				stays := func(path string) int { return strings.Count(filepath.Base(path), "stays") }
				_, err := root.Walk(t.Context(), directory, rootfs.WalkOptions{}, func(path string, _ rootfs.Entry) error {
					walked += stays(path)
					return nil
				})
				partly(t, err)
				_, err = rootfs.Sum(t.Context(), root, directory, rootfs.SumOptions{Recursive: true}, func(path string, _ [32]byte) error {
					summed += stays(path)
					return nil
				})
				partly(t, err)
				_, err = rootfs.Grep(t.Context(), root, directory, rootfs.GrepOptions{Pattern: "needle", Recursive: true}, func(m rootfs.Match) error {
					matched += stays(m.Path)
					return nil
				})
				partly(t, err)
				if walked != 100 || summed != 100 || matched != 100 {
					t.Errorf("of 100 files that stay, %d walked, %d summed up, %d searched", walked, summed, matched)
				}
			}
		})
	}
}
