// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// Process is remote.Process with what only the cluster knows.
type Process struct {
	remote.Process
	// Container is the name of the process's container, "" for the pod's own (pause) process.
	Container string `json:"container"`
}

// Processes lists the processes that the session sees, with their containers. A helper that joined the
// process namespace of one container sees that container's processes and helpers' only.
func (r *Session) Processes(ctx context.Context) ([]Process, error) {
	found, err := remote.Processes(ctx, r)
	if err != nil {
		return nil, err
	}
	list := make([]Process, len(found))
	for i, p := range found {
		list[i] = Process{Process: p, Container: r.containerOf(p)}
	}
	return list, nil
}

// containerOf names a process's container. A helper that was started since the pod was read has no id
// there yet, so its processes are known by the root they share with the script that asks.
func (r *Session) containerOf(p remote.Process) string {
	if name := r.Target.ContainerOf(p.Cgroup); name != "" {
		return name
	}
	switch {
	case p.Helper:
		return r.Session.Container
	case !r.Session.View.Pod():
		return r.Session.View.Container
	default:
		return ""
	}
}

// signalError says which process a signal did not reach.
type signalError struct {
	error
	process Process
}

func (e signalError) Unwrap() error { return e.error }

// NotSignaled says which process an error is about.
func NotSignaled(p Process, err error) error { return signalError{err, p} }
