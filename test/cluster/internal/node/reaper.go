// SPDX-License-Identifier: Apache-2.0

//go:build linux

package node

import (
	"errors"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// A reaper starts processes and collects those that ended: its own and, being the first process of a PID namespace,
// every orphan. os/exec's Wait must not be used beside it: each would take the other's processes.
type reaper struct {
	mu      sync.Mutex
	waiting map[int]chan<- unix.WaitStatus
}

func newReaper() *reaper { return &reaper{waiting: map[int]chan<- unix.WaitStatus{}} }

// start runs a program with an empty standard input; the channel gets its status once it has ended.
func (r *reaper) start(argv, env []string, output *os.File, sys *unix.SysProcAttr) (<-chan unix.WaitStatus, error) {
	// Held across the start, so that a process that ends at once is not collected before it is known.
	r.mu.Lock()
	defer r.mu.Unlock()
	input, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer func() { _ = input.Close() }()
	process, err := os.StartProcess(argv[0], argv, &os.ProcAttr{
		Dir: "/", Env: env, Files: []*os.File{input, output, output}, Sys: sys,
	})
	if err != nil {
		return nil, err
	}
	ended := make(chan unix.WaitStatus, 1)
	r.waiting[process.Pid] = ended
	return ended, process.Release()
}

// run collects until the channel of SIGCHLD signals is closed.
func (r *reaper) run(signals <-chan os.Signal) {
	for range signals {
		r.collect()
	}
}

// collect takes every process that has ended: signals are merged, so one may stand for several.
func (r *reaper) collect() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || pid == 0 {
			return
		}
		if ended, ok := r.waiting[pid]; ok {
			delete(r.waiting, pid)
			ended <- status
		}
	}
}
