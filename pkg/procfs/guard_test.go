// SPDX-License-Identifier: Apache-2.0

//go:build linux

package procfs

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A stuckRunner is a runtime that stops reading an answer after its first bytes, keeps the stream open all the same,
// and hands on the end of stdin. It returns once every process of the command is gone.
type stuckRunner struct {
	localRunner
	t *testing.T
}

func (s stuckRunner) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, _ io.Writer) error {
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	defer reader.Close()
	name := argv[0]
	if s.path != "" {
		name = filepath.Join(s.path, name)
	}
	cmd := exec.Command(name, argv[1:]...) // not CommandContext: only the end of stdin may end it
	cmd.Stdin, cmd.Stdout, cmd.SysProcAttr = stdin, writer, &syscall.SysProcAttr{Setsid: true}
	if s.path != "" {
		cmd.Env = []string{"PATH=" + s.path}
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	writer.Close()
	if _, err := io.CopyN(stdout, reader, 512); err != nil && !errors.Is(err, io.ErrClosedPipe) {
		s.t.Error(err)
	}
	err = cmd.Wait()
	look, deadline := time.NewTicker(10*time.Millisecond), time.After(10*time.Second)
	defer look.Stop()
	for syscall.Kill(-cmd.Process.Pid, 0) == nil { // the dead ones stay until init has seen them
		select {
		case <-look.C:
		case <-deadline:
			s.t.Error("the command left processes behind")
			return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		}
	}
	return err
}

func TestNothingStaysBehindAClientThatLeft(t *testing.T) {
	eachLocalRunner(t, func(t *testing.T, l localRunner) {
		root := openFolder(t)
		write(t, filepath.Join(root, "big"), string(make([]byte, 4<<20)))
		for _, name := range hostileNames() {
			for _, more := range []string{"1", "2", "3", "4", "5", "6", "7", "8"} {
				if len(name) < 250 {
					write(t, filepath.Join(root, "many", name+more), "")
				}
			}
		}
		r := stuckRunner{l, t}
		proc := fakeProc(t, fakeProcess{pid: 8, root: root})
		enough := errors.New("enough")
		for _, path := range []string{"big", "many"} {
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

// A script that was heard to its end has the status of its answer.
func TestScriptsEndWithTheirCode(t *testing.T) {
	eachLocalRunner(t, func(t *testing.T, l localRunner) {
		for _, attr := range []*syscall.SysProcAttr{nil, {Setsid: true}} {
			l.attr = attr
			var status error
			r := runnerFunc(func(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) error {
				status = l.Run(ctx, []string{"sh", "-c", boot, "sh", "stat", fakeProc(t), "8"}, stdin, stdout, stderr)
				return status
			})
			if _, err := Root(t.Context(), r, 8).Stat("."); !errors.Is(err, ErrNoProcess) {
				t.Fatal(err)
			}
			var exit *exec.ExitError
			if !errors.As(status, &exit) || exit.ExitCode() != codeNoProcess && exit.ExitCode() != -1 {
				t.Errorf("status: %v", status)
			}
		}
	})
}
