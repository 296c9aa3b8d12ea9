// SPDX-License-Identifier: Apache-2.0

//go:build linux

package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/layout"
)

// A Supervisor is a started supervisor process.
type Supervisor struct {
	PID   int
	cmd   *exec.Cmd
	ended chan error    // gets the error of the wait, once
	done  chan struct{} // is closed then
}

// Start starts the supervisor in namespaces of its own and returns at once. The listener is handed over to it.
func Start(s layout.State, bin string, listener *net.TCPListener) (*Supervisor, error) {
	inherited, err := listener.File()
	if err != nil {
		return nil, fmt.Errorf("hand over listener: %w", err)
	}
	defer func() { _ = inherited.Close() }()
	log, err := os.OpenFile(filepath.Join(s.Logs(), "supervisor.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	// No context: the supervisor is meant to live on when this process is gone.
	cmd := exec.Command("/proc/self/exe", EnterCommand, s.Dir, bin)
	cmd.Args[0] = programName
	// Nothing of the caller's: what it exports may be secret, and a cluster must not depend on who started it.
	cmd.Env = []string{}
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = "/", log, log, []*os.File{inherited}
	cmd.SysProcAttr = &unix.SysProcAttr{
		Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		// A session of its own: neither a terminal's Ctrl-C nor its end reaches it.
		Setsid: true,
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start supervisor (namespaces need root): %w", err)
	}
	started := &Supervisor{PID: cmd.Process.Pid, cmd: cmd, ended: make(chan error, 1), done: make(chan struct{})}
	go func() {
		started.ended <- cmd.Wait()
		close(started.done)
	}()
	return started, nil
}

// Ended gets the supervisor's end.
func (s *Supervisor) Ended() <-chan error { return s.ended }

// stopWithin bounds the wait for a killed supervisor. The kernel ends a whole PID namespace before its first process.
const stopWithin = 30 * time.Second

// Stop ends the cluster, running or crashed, and removes all that is left of it: its processes, mounts, links and
// namespaces go with the supervisor, its cgroups and its state directory are removed. A cluster that does not exist is no error.
func Stop(ctx context.Context, s layout.State) error {
	pid, err := s.SupervisorPID()
	if err != nil {
		return err
	}
	if pid != 0 {
		if err := kill(ctx, pid); err != nil {
			return fmt.Errorf("end supervisor: %w", err)
		}
	}
	if err := RemoveCgroup(s.Cgroup()); err != nil {
		return err
	}
	if err := os.RemoveAll(s.Dir); err != nil {
		return fmt.Errorf("remove state: %w", err)
	}
	return nil
}

// kill ends a process and waits until it has, through a pidfd: it can't hit another process with the same number later.
func kill(ctx context.Context, pid int) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return err
	}
	for deadline := time.Now().Add(stopWithin); time.Now().Before(deadline); {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 200)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		if n > 0 {
			waitCollected(ctx, fd)
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return fmt.Errorf("process %d still runs after %s", pid, stopWithin)
}

// collectWithin bounds the wait for the parent of an ended supervisor to collect it: the first process of some containers
// never does that, and what is left then is a line in the process table.
const collectWithin = 2 * time.Second

func waitCollected(ctx context.Context, pidfd int) {
	ctx, cancel := context.WithTimeout(ctx, collectWithin)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !errors.Is(unix.PidfdSendSignal(pidfd, 0, nil, 0), unix.ESRCH) {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Exists reports whether anything of the cluster is there, running or not.
func Exists(s layout.State) (bool, error) {
	_, err := os.Stat(s.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Kill ends the supervisor and so the cluster, and waits until it is gone.
func (s *Supervisor) Kill() {
	// The only error is that it has ended already.
	_ = s.cmd.Process.Kill()
	<-s.done
}
