// SPDX-License-Identifier: Apache-2.0

// Package session answers "where does a command run?": it finds, opens, lists and stops the containers that see a target's
// processes. It adds an ephemeral container, creates a copy of a pod or patches the template of a workload, whose specs
// pkg/podspec builds, and undoes that when a session is closed.
package session

import (
	"context"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
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
	Patched *Patched
	// Tools is the directory of the tools in a container that has none on its PATH; "" elsewhere.
	Tools string
	// Keep is the idle timeout of a persistent shell; 0 for other helpers.
	Keep time.Duration

	deps    Deps
	exec    Exec
	request Request
	// reopened is true if the session moved to another helper.
	reopened bool
	// podUID keeps Close from deleting another pod of the same name.
	podUID string
	// targetID is the runtime's id of the target container when the session was opened.
	targetID string
	// exitTime bounds the wait for the exit code of a shell, endTime that for the reason why a container ended.
	exitTime, endTime, guardEvery time.Duration
}

// Deps are the clients of sessions, and the reporter for progress.
type Deps struct {
	Client kubernetes.Interface
	// Dynamic is the client for workloads: one code for three kinds.
	Dynamic dynamic.Interface
	// Exec opens streams into a container.
	Exec   func(in attach.Container, bulk bool) (Exec, error)
	Report Reporter
	// Pool keeps connections for several sessions; nil for none.
	Pool *Pool
	// Now returns the server's time; nil for the local clock.
	Now func() time.Time
	Settings

	// look replaces the check of what a container can see, in tests.
	look func(context.Context, Session) (visibility, error)
}

// now is the time for marks. Other machines read them, and clocks differ.
func (d Deps) now() time.Time {
	if d.Now == nil {
		return time.Now()
	}
	return d.Now()
}

// Reporter shows progress to the user.
type Reporter interface {
	// Say prints one line.
	Say(format string, args ...any)
	// Warn prints a line that --quiet does not suppress.
	Warn(format string, args ...any)
	// Waiting shows what is being waited for until it is called with "".
	Waiting(text string)
}

// Settings configure helpers and copies.
type Settings struct {
	Image string
	// Images are used instead of Image if the node already has one of them, but not Image.
	Images     []string
	PullPolicy corev1.PullPolicy
	// Keep is the idle timeout of a helper.
	Keep time.Duration
	// TTL is the time after which the cluster terminates a copy, even if the client is gone.
	TTL time.Duration
	// Reason is why, in the user's words: it is written into whatever is made. "" for none.
	Reason string
	// Timeout bounds every wait for the cluster.
	Timeout time.Duration
}

// unknownUser stands for a user who is not recorded.
const unknownUser = "an unknown user"

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

// idleExit describes when an idle helper exits.
func (s Settings) idleExit() string {
	return "exits after " + formatDuration(s.Keep) + " idle"
}

// formatDuration omits zero units: 10m and not 10m0s.
func formatDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
