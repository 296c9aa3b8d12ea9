// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/machine/order"
)

// keepRunning returns when a component can't be started.
func keepRunning(o order.Order, console io.Writer) error {
	if err := os.MkdirAll(filepath.Dir(o.Socket), 0o755); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return err
	}
	go carry(listener, o.Socket, console)
	running := map[int]*process{}
	containerd, kubelet := &process{component: o.Containerd, env: o.Env}, &process{component: o.Kubelet, env: o.Env}
	for _, step := range []func() error{
		func() error { return containerd.start(running) },
		// The kubelet exits when containerd does not answer yet, and is slow to ask again for an API server that does not.
		func() error { return waitFor(o.Socket, func() bool { return answers("unix", o.Socket) }) },
		func() error { return waitFor(o.API, func() bool { return answers("tcp", o.API) }) },
		func() error { return kubelet.start(running) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return collect(running, console)
}

// collect takes every process that ends, orphans included, and starts a component again.
func collect(running map[int]*process, console io.Writer) error {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		if err != nil && err != syscall.EINTR {
			return fmt.Errorf("wait for processes: %w", err)
		}
		p, ok := running[pid]
		if !ok {
			continue
		}
		delete(running, pid)
		fmt.Fprintf(console, "guest: %s ended: code %d, signal %d\n", p.component.Name, status.ExitStatus(), status.Signal())
		<-time.After(time.Second)
		if err := p.start(running); err != nil {
			return err
		}
	}
}

func answers(network, address string) bool {
	connection, err := net.DialTimeout(network, address, time.Second)
	return err == nil && connection.Close() == nil
}

type process struct {
	component order.Component
	env       []string
	output    *os.File
}

func (p *process) start(running map[int]*process) error {
	if p.output == nil {
		var err error
		if p.output, err = port(p.component.Name); err != nil {
			return err
		}
	}
	input, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer func() { _ = input.Close() }()
	started, err := os.StartProcess(p.component.Argv[0], p.component.Argv, &os.ProcAttr{
		Dir: "/", Env: p.env, Files: []*os.File{input, p.output, p.output},
	})
	if err != nil {
		return fmt.Errorf("start %s: %w", p.component.Name, err)
	}
	running[started.Pid] = p
	return started.Release()
}

// carry joins every connection to the listener with one to the socket, which sends the greeting first.
func carry(listener net.Listener, socket string, console io.Writer) {
	for {
		outside, err := listener.Accept()
		if err != nil {
			fmt.Fprintln(console, "guest: offer containerd's socket:", err)
			return
		}
		go func() {
			defer func() { _ = outside.Close() }()
			inside, err := net.Dial("unix", socket)
			if err != nil {
				return
			}
			defer func() { _ = inside.Close() }()
			if _, err := outside.Write([]byte{order.Greeting}); err != nil {
				return
			}
			var both sync.WaitGroup
			both.Go(func() { oneWay(inside, outside) })
			both.Go(func() { oneWay(outside, inside) })
			both.Wait()
		}()
	}
}

// oneWay passes the end on: containerd's client may close its side and read on.
func oneWay(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}
