// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package node is the inside of a cluster: the supervisor, first process of the cluster's own PID, mount, network, IPC
// and UTS namespaces, and the components that it keeps running. Nothing in it can outlive the supervisor. It builds no binaries
// and loads no images, and it never touches a kubeconfig that is not the cluster's own.
package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/layout"
)

// Names of the hidden subcommands, by which the program runs itself.
const (
	EnterCommand     = "supervisor-enter"
	SuperviseCommand = "supervisor"
	KubeletCommand   = "kubelet-enter"
)

// programName is what ps shows for the supervisor.
const programName = "shareproc-cluster"

// listenerFD is the number under which the supervisor inherits the host's listener: the first of exec.Cmd.ExtraFiles.
const listenerFD = 3

// Enter moves the new supervisor into the cluster's cgroup and cgroup namespace and becomes Supervise. Entering a
// namespace changes one thread only; exec makes that thread the whole process.
func Enter(s layout.State, bin string) error {
	trees, err := hierarchies()
	if err != nil {
		return err
	}
	if err := joinCgroup(trees, s.Cgroup()); err != nil {
		return err
	}
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil {
		return fmt.Errorf("make cgroup namespace: %w", err)
	}
	argv := []string{programName, SuperviseCommand, s.Dir, bin}
	return fmt.Errorf("become supervisor: %w", unix.Exec("/proc/self/exe", argv, os.Environ()))
}

// Supervise runs the cluster until the context ends or the cluster can't be started. A component that ends is started
// again.
func Supervise(ctx context.Context, s layout.State, bin string, log io.Writer) error {
	lock, err := s.HoldSupervisor()
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	// The kernel cuts it to 15 bytes; run by way of a link in /proc, it would be called "exe".
	if err := os.WriteFile("/proc/self/comm", []byte(programName), 0); err != nil {
		return err
	}
	unix.Umask(0o022)
	listener, err := inherited()
	if err != nil {
		return err
	}
	trees, err := hierarchies()
	if err != nil {
		return err
	}
	started, err := s.Start()
	if err != nil {
		return err
	}
	if err := changeRoot(s, started, trees); err != nil {
		return err
	}
	if err := setUpNetwork(addresses(started.Machine != "")); err != nil {
		return err
	}
	// The API server makes a label of the host's name, and not every host's name can be one.
	if err := unix.Sethostname([]byte(Name)); err != nil {
		return fmt.Errorf("set host name: %w", err)
	}
	waiter, err := newWaiter(s)
	if err != nil {
		return err
	}

	children := make(chan os.Signal, 1)
	signal.Notify(children, unix.SIGCHLD)
	reaper := newReaper()
	go reaper.run(children)

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() { cancel(proxy(ctx, listener, dialAPI)) }()
	if started.Machine != "" {
		go func() { cancel(offerContainerd(ctx)) }()
	}
	for _, c := range components(s, started) {
		go func() { cancel(keep(ctx, s, bin, c, waiter, reaper, log)) }()
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

// inherited takes over the host's listener.
func inherited() (*net.TCPListener, error) {
	unix.CloseOnExec(listenerFD)
	file := os.NewFile(listenerFD, "listener")
	if file == nil {
		return nil, errors.New("take listener: not inherited")
	}
	defer func() { _ = file.Close() }()
	listener, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("take listener: %w", err)
	}
	tcp, ok := listener.(*net.TCPListener)
	if !ok {
		return nil, fmt.Errorf("take listener: it is of type %T", listener)
	}
	return tcp, nil
}

// keep runs one component for as long as the context lasts. It returns when the component can't be started.
func keep(ctx context.Context, s layout.State, bin string, c component, w *waiter, r *reaper, log io.Writer) error {
	output, err := os.OpenFile(filepath.Join(s.Logs(), c.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = output.Close() }()
	for {
		for _, name := range c.after {
			if err := w.wait(ctx, name); err != nil {
				return fmt.Errorf("start %s: %w", c.name, err)
			}
		}
		sys := &unix.SysProcAttr{Chroot: c.root}
		if c.ownMounts {
			sys.Cloneflags = unix.CLONE_NEWNS
		}
		ended, err := r.start(c.argv, environment(bin), output, sys)
		if err != nil {
			return fmt.Errorf("start %s: %w", c.name, err)
		}
		fmt.Fprintf(log, "%s started %s\n", time.Now().Format(time.RFC3339Nano), c.name)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case status := <-ended:
			fmt.Fprintf(log, "%s %s ended: code %d, signal %d\n",
				time.Now().Format(time.RFC3339Nano), c.name, status.ExitStatus(), status.Signal())
			if c.vital {
				return fmt.Errorf("%s ended", c.name)
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(restartDelay):
		}
	}
}

func environment(bin string) []string {
	return []string{"PATH=" + bin + ":/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}
}

// restartDelay keeps a component that ends at once from taking all of the processor.
const restartDelay = time.Second
