// SPDX-License-Identifier: Apache-2.0

// Package session answers "where does a command run?": it chooses (Choose), opens (Open) and closes the container that sees a
// target's processes: a helper, a copy of the pod (specs of pkg/podspec) or a patched workload. The packages below answer what
// each needs to know of the cluster.
package session

import (
	"context"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/lifecycle"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/patch"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// View is the set of processes that a session sees. A PID is meaningless without it.
type View struct {
	// Container is the only container whose processes are visible; "" for all containers of the pod.
	Container string
}

// Pod reports whether the processes of all containers are visible.
func (v View) Pod() bool { return v.Container == "" }

// Session is a running container for commands. Whoever opened it must close it.
type Session struct {
	Namespace string
	Pod       string
	Container string
	View      View
	// Target is the target container, as it was when the session was opened.
	Target target.Target
	// New is true if this call added the container, Running if commands can run in it.
	New, Running bool
	// Copy is true when the pod is a copy that Close deletes.
	Copy bool
	// Patched is the workload whose template Close restores; nil for none.
	Patched *patch.Sent
	// Tools is the directory of the tools in a container that has none on its PATH; "" elsewhere.
	Tools string
	// Keep is the idle timeout of a persistent shell; 0 for other helpers.
	Keep time.Duration

	deps    Deps
	exec    cluster.Exec
	request Request
	// reopened is true if the session moved to another helper.
	reopened bool
	// podUID keeps Close from deleting another pod of the same name.
	podUID string
	// targetID is the runtime's id of the target container when the session was opened.
	targetID string
	times    lifecycle.Times
}

// Deps are what sessions reach a cluster with.
type Deps struct {
	cluster.Cluster
	// Pool keeps connections for several sessions; nil for none.
	Pool *Pool

	// look replaces the check of what a container can see, in tests.
	look func(context.Context, Session) (visibility, error)
}

// visibility is what a session can see of its target.
type visibility struct {
	// TargetUser is the observed user of the first process of the target.
	TargetUser podspec.TargetUser
	// Isolated is true if only processes of the session's own container are visible.
	Isolated bool
	// Denied is true if the container has processes, but the root of none can be opened.
	Denied bool
	// Text describes what cannot be seen; "" if nothing.
	Text string
}
