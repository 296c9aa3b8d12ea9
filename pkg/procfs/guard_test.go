// SPDX-License-Identifier: Apache-2.0

//go:build linux

package procfs

import (
	"bufio"
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
)

// A runtimeRunner starts a command as a runtime does: in a session of its own. Once the command has ended it looks
// what is left of it.
type runtimeRunner struct {
	localRunner
	t *testing.T
	// stuck: it reads an answer's first bytes only, and keeps the stream open all the same.
	stuck bool
	// alike: the command shares the process group of who started it, as no runtime known does.
	alike   bool
	status  error
	orphans int
}

func (r *runtimeRunner) Run(_ context.Context, argv []string, stdin io.Reader, stdout, _ io.Writer) error {
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	defer reader.Close()
	name := argv[0]
	if r.path != "" {
		name = filepath.Join(r.path, name)
	}
	cmd := exec.Command(name, argv[1:]...) // not CommandContext: only the end of stdin may end it
	cmd.Stdin, cmd.Stdout, cmd.SysProcAttr = stdin, writer, &syscall.SysProcAttr{Setsid: !r.alike}
	if r.path != "" {
		cmd.Env = []string{"PATH=" + r.path}
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	writer.Close()
	if r.stuck {
		_, err = io.CopyN(stdout, reader, 512)
	} else {
		_, err = io.Copy(stdout, reader)
	}
	if err != nil && !errors.Is(err, io.ErrClosedPipe) && !errors.Is(err, io.EOF) {
		r.t.Error(err)
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

func TestNothingStaysBehindAClientThatLeft(t *testing.T) {
	adoptOrphans(t)
	for name, l := range runners(t) {
		t.Run(name, func(t *testing.T) {
			root := openFolder(t)
			write(t, filepath.Join(root, "big"), string(make([]byte, 4<<20)))
			for _, name := range hostileNames() {
				for _, more := range []string{"1", "2", "3", "4", "5", "6", "7", "8"} {
					if len(name) < 250 {
						write(t, filepath.Join(root, "many", name+more), "")
					}
				}
			}
			proc := fakeProc(t, fakeProcess{pid: 8, root: root})
			enough := errors.New("enough")
			for path, alike := range map[string]bool{"big": false, "many": false, "/big": true} {
				r := &runtimeRunner{localRunner: l, t: t, stuck: true, alike: alike}
				within(t, 30*time.Second, func() {
					_, _, err := query{verb: verbShow, pid: 8, path: path}.run(t.Context(), r, proc, func(identity, facts, *bufio.Reader) error {
						return enough
					})
					if !errors.Is(err, enough) {
						t.Errorf("%s: %v", path, err)
					}
				})
			}
		})
	}
}

// A script that was heard to its end has the status of its answer, and no child that somebody else would have to
// look after.
func TestScriptsCleanUpAndEndWithTheirCode(t *testing.T) {
	adoptOrphans(t)
	for name, l := range runners(t) {
		t.Run(name, func(t *testing.T) {
			root := openFolder(t)
			write(t, filepath.Join(root, "dir/file"), "")
			proc := fakeProc(t, fakeProcess{pid: 8, root: root, cgroup: "0::/" + idA})
			for path, code := range map[string]int{"dir": codeOK, "dir/file": codeOK, "none": codeNotExist} {
				r := &runtimeRunner{localRunner: l, t: t}
				_, _, _, err := show(t, r, proc, Where{Container: idA, Path: path})
				if !errors.Is(err, codeError(code)) {
					t.Errorf("%s: %v", path, err)
				}
				var exit *exec.ExitError
				if code == codeOK && r.status != nil || code != codeOK && (!errors.As(r.status, &exit) || exit.ExitCode() != code) {
					t.Errorf("%s: status: %v", path, r.status)
				}
				if r.orphans != 0 {
					t.Errorf("%s: %d orphans", path, r.orphans)
				}
			}
			r := &runtimeRunner{localRunner: l, t: t}
			if _, err := list(t.Context(), r, proc); err != nil || r.status != nil || r.orphans != 0 {
				t.Errorf("list: %v, status %v, %d orphans", err, r.status, r.orphans)
			}
		})
	}
}

func TestNothingStaysBehindAReaderOfATreeThatLeft(t *testing.T) {
	adoptOrphans(t)
	for name, l := range runners(t) {
		t.Run(name, func(t *testing.T) {
			root := openFolder(t)
			for i := range 3000 {
				write(t, filepath.Join(root, strings.Repeat("n", 200)+fmt.Sprint(i)), "match\n")
			}
			enough := errors.New("enough")
			for verb, q := range map[string]query{
				"walk": {batch: walkScript},
				"sum":  {batch: sumScript},
				"grep": {batch: grepScript, more: ":match"},
			} {
				q.verb, q.pid, q.tree = verb, 8, treeScript
				r := &runtimeRunner{localRunner: l, t: t, stuck: true}
				within(t, 30*time.Second, func() {
					_, _, err := q.run(t.Context(), r, proc(t, root), func(_ identity, _ facts, b *bufio.Reader) error {
						_, _ = b.Peek(100)
						return enough
					})
					if !errors.Is(err, enough) {
						t.Errorf("%s: %v", verb, err)
					}
				})
			}
		})
	}
}
