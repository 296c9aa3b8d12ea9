// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/build"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/image"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/layout"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/machine"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/node"
)

const (
	// upWithin bounds a whole start, a cold build on a slow machine included.
	upWithin = time.Hour
	// startWithin bounds the wait for a started cluster: a minute where a processor is emulated, and much more on a loaded machine.
	startWithin = 6 * time.Minute
	// recoverWithin is how long a running cluster that does not answer may take to get well: its supervisor may just be
	// starting a component again.
	recoverWithin = 30 * time.Second
)

// up makes the cluster run and be ready, whatever state it is in.
func (c cluster) up(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, upWithin, fmt.Errorf("start cluster: not done after %s", upWithin))
	defer cancel()
	lock, err := layout.Lock(ctx, c.state.Command(), c.saying)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	bin, err := build.Binaries(ctx, c.cache, c.kubernetes, c.saying)
	if err != nil {
		return err
	}
	with := layout.Start{Bin: bin}
	if c.inMachine {
		if with.Machine, err = machine.Build(ctx, c.cache, bin, c.saying); err != nil {
			return err
		}
	}
	archives, err := image.Archives(ctx, c.cache, c.saying)
	if err != nil {
		return err
	}
	if err := c.reuse(ctx, with, archives); err == nil {
		return c.status(ctx, nil)
	} else if !errors.Is(err, errNotRunning) {
		fmt.Fprintf(c.saying, "starting again: %v\n", err)
	}
	if err := node.Stop(ctx, c.state); err != nil {
		return err
	}
	begin := time.Now()
	if err := c.start(ctx, with, archives); err != nil {
		return errors.Join(err, c.undo(ctx))
	}
	fmt.Fprintf(c.saying, "cluster is ready after %.1f s\n", time.Since(begin).Seconds())
	return c.status(ctx, nil)
}

// undo removes a cluster that did not start, even when that was because of the end of the context.
func (c cluster) undo(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return node.Stop(ctx, c.state)
}

var errNotRunning = errors.New("the cluster does not run")

// reuse returns nil when the cluster runs with these binaries, answers and has the images.
func (c cluster) reuse(ctx context.Context, with layout.Start, archives []image.Archive) error {
	pid, err := c.state.SupervisorPID()
	if err != nil {
		return err
	}
	if pid == 0 {
		return errNotRunning
	}
	started, err := c.state.Start()
	if err != nil {
		return err
	}
	if started != with {
		return errors.New("it runs other versions")
	}
	api, err := newAPI(c.state)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, recoverWithin, fmt.Errorf("it did not answer for %s", recoverWithin))
	defer cancel()
	if err := waitSocket(ctx, layout.HostSocket(pid)); err != nil {
		return err
	}
	if err := api.waitReady(ctx, nil); err != nil {
		return err
	}
	return c.loadMissing(ctx, with.Bin, archives)
}

// start starts a cluster where none is, and waits until pods can run in it.
func (c cluster) start(ctx context.Context, with layout.Start, archives []image.Archive) error {
	listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return fmt.Errorf("choose port: %w", err)
	}
	defer func() { _ = listener.Close() }()
	if err := os.MkdirAll(c.state.Dir, 0o755); err != nil {
		return err
	}
	if err := node.Prepare(c.state, with, "https://"+listener.Addr().String(), image.Pause); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	if err := os.WriteFile(c.state.Path("server"), []byte("https://"+listener.Addr().String()+"\n"), 0o644); err != nil {
		return err
	}
	supervisor, err := node.Start(c.state, with.Bin, listener)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startWithin, fmt.Errorf("start cluster: not ready after %s", startWithin))
	defer cancel()
	err = c.settle(ctx, with.Bin, archives, supervisor)
	if err != nil {
		supervisor.Kill()
		return errors.Join(err, c.explain())
	}
	return nil
}

// settle loads the images while the control plane starts, and waits for both.
func (c cluster) settle(ctx context.Context, bin string, archives []image.Archive, supervisor *node.Supervisor) error {
	api, err := newAPI(c.state)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	loaded := make(chan error, 1)
	go func() { loaded <- c.loadAll(ctx, bin, supervisor.PID, archives) }()
	err = api.waitReady(ctx, supervisor.Ended())
	if err != nil {
		cancel()
	}
	// Once that has failed, what the load says is only that it was ended.
	if loading := <-loaded; err == nil {
		err = loading
	}
	return err
}

// down ends the cluster.
func (c cluster) down(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, upWithin, fmt.Errorf("end cluster: not done after %s", upWithin))
	defer cancel()
	lock, err := layout.Lock(ctx, c.state.Command(), c.saying)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	there, err := node.Exists(c.state)
	if err != nil {
		return err
	}
	if err := node.Stop(ctx, c.state); err != nil {
		return err
	}
	if there {
		fmt.Fprintf(c.saying, "cluster %s is gone\n", c.state.Name)
	} else {
		fmt.Fprintf(c.saying, "cluster %s does not exist\n", c.state.Name)
	}
	return nil
}
