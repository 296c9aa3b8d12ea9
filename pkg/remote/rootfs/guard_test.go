// SPDX-License-Identifier: Apache-2.0

//go:build linux

package rootfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

// A runtimeRunner starts a command as a runtime does: in a session of its own. Once the command has ended it looks
// what is left of it.
type runtimeRunner struct {
	helper.Local
	t *testing.T
	// stuck: it reads the first bytes of what comes only, and keeps the stream open all the same.
	stuck int64
	// alike: the command shares the process group of who started it, as no runtime known does.
	alike   bool
	status  error
	orphans int
	ended   chan struct{}
}

// wait waits for the end of the command and of all that it has left.
func (r *runtimeRunner) wait() { <-r.ended }

func (r *runtimeRunner) Run(_ context.Context, argv []string, stdin io.Reader, stdout, _ io.Writer) error {
	defer close(r.ended)
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	defer reader.Close()
	name := argv[0]
	if r.Path != "" {
		name = filepath.Join(r.Path, name)
	}
	cmd := exec.Command(name, argv[1:]...) // not CommandContext: only the end of stdin may end it
	cmd.Stdin, cmd.Stdout, cmd.SysProcAttr = stdin, writer, &syscall.SysProcAttr{Setsid: !r.alike}
	if r.Path != "" {
		cmd.Env = []string{"PATH=" + r.Path}
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	writer.Close()
	if r.stuck > 0 {
		_, _ = io.CopyN(stdout, reader, r.stuck) // what it has to say is in the client's own error
	} else {
		_, _ = io.Copy(stdout, reader)
	}
	r.status = cmd.Wait()
	group := -cmd.Process.Pid
	if r.alike {
		group = 0
	}
	for { // its orphans are this process's now
		if _, err := syscall.Wait4(group, nil, 0, nil); errors.Is(err, syscall.ECHILD) {
			return r.status
		}
		r.orphans++
	}
}

// adoptOrphans makes this process the parent of orphans below it, until the test ends.
func adoptOrphans(t *testing.T) {
	t.Helper()
	set := func(on uintptr) {
		const prSetChildSubreaper = 36
		if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetChildSubreaper, on, 0); errno != 0 {
			t.Fatal(errno)
		}
	}
	set(1)
	t.Cleanup(func() { set(0) })
}

// A client that goes while its answer is on the way leaves nothing: neither a process nor what a target's first process would have
// to look after.
func TestNothingStaysBehindAClientThatLeft(t *testing.T) {
	adoptOrphans(t)
	for name, l := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root := helper.OpenDirectory(t)
			helper.Write(t, filepath.Join(root, "big"), string(make([]byte, 4<<20)))
			for i := range 400 {
				helper.Write(t, filepath.Join(root, "many", strings.Repeat("n", 200)+fmt.Sprint(i)), "match\n")
			}
			enough := errors.New("enough")
			stop := func(string, Entry) error { return enough }
			for verb, ask := range map[string]func(*Root) error{
				"read": func(r *Root) error {
					_, err := r.Read(t.Context(), "big", func(Info) (io.Writer, error) { return nil, enough })
					return err
				},
				"walk": func(r *Root) error {
					_, err := r.Walk(t.Context(), "many", WalkOptions{}, stop)
					return err
				},
				"grep": func(r *Root) error {
					_, err := Grep(t.Context(), r, "many", GrepOptions{Pattern: "match", Recursive: true}, func(Match) error { return enough })
					return err
				},
			} {
				for _, alike := range []bool{false, true} {
					r := &runtimeRunner{ended: make(chan struct{}), Local: l, t: t, alike: alike}
					if verb != "grep" {
						r.stuck = 1500
					}
					proc := helper.Proc(t, helper.Process{PID: 8, Root: root})
					helper.Within(t, time.Minute, func() {
						root8, err := dialIn(t.Context(), r, proc, Where{PID: 8})
						if err == nil {
							err = ask(root8)
						}
						if !errors.Is(err, enough) {
							t.Errorf("%s: %v", verb, err)
						}
						root8.Close()
						r.wait()
					})
					if r.orphans != 0 && !alike {
						t.Errorf("%s: %d orphans", verb, r.orphans)
					}
				}
			}
		})
	}
}

// A program that is closed ends with status 0 and without a child that somebody else would have to look after.
func TestTheProgramCleansUp(t *testing.T) {
	adoptOrphans(t)
	for name, l := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root := helper.OpenDirectory(t)
			helper.Write(t, filepath.Join(root, "dir/file"), "")
			proc := helper.Proc(t, helper.Process{PID: 8, Root: root})
			r := &runtimeRunner{ended: make(chan struct{}), Local: l, t: t}
			root8 := dial(t, r, proc, Where{PID: 8})
			for path, want := range map[string]error{"dir": nil, "dir/file": nil, "none": fs.ErrNotExist} {
				if _, err := root8.Stat(t.Context(), path, true); !errors.Is(err, want) {
					t.Errorf("%s: %v", path, err)
				}
			}
			root8.Close()
			if r.wait(); r.status != nil || r.orphans != 0 {
				t.Errorf("status %v, %d orphans", r.status, r.orphans)
			}
			r = &runtimeRunner{ended: make(chan struct{}), Local: l, t: t}
			_, err := processes(t.Context(), r, proc)
			if r.wait(); err != nil || r.status != nil || r.orphans != 0 {
				t.Errorf("list: %v, status %v, %d orphans", err, r.status, r.orphans)
			}
		})
	}
}
