// SPDX-License-Identifier: Apache-2.0

// Package session answers "where does a command run?": it finds, chooses, opens, lists and ends the containers that see a
// target's processes, and says beforehand what the cluster allows. It changes one ephemeral container, one copied pod, or the template of one workload.
//
// It has no streams: the commands that it needs in a helper (looking, asking, ending) run through Options.Look and
// Options.Ask, which pkg/plugin gives. It does not decide what a pod spec looks like (pkg/podspec does).
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

// View says whose processes a session sees. A PID means nothing without it.
type View struct {
	// Container is the only container whose processes are seen; "" when all of the pod's are.
	Container string
}

// Pod tells whether the processes of every container of the pod are seen.
func (v View) Pod() bool { return v.Container == "" }

// Session is a running container in which commands can be run. Who opened it closes it.
type Session struct {
	Namespace string
	Pod       string
	Container string
	View      View
	// Target is the container that is looked at, as it was when the session was opened.
	Target target.Target
	// New is true when this call added the container, Running when commands can run in it.
	New, Running bool
	// Copy is true when the pod is a copy that Close deletes.
	Copy bool
	// Patched is the workload whose template Close restores; nil for none.
	Patched *Patched
	// Tools is the directory of the tools in a container that has none on its PATH; "" elsewhere.
	Tools string
	// Keep is how long a helper that keeps a shell waits for a key; 0 for others.
	Keep time.Duration

	deps    Deps
	exec    Exec
	request Request
	// reopened tells that the session goes on in another helper than the one it was opened with.
	reopened bool
	// podUID keeps Close from deleting another pod of the same name.
	podUID string
	// targetID is the runtime's id of the target container when the session was opened.
	targetID string
	// exitTime is how long the cluster may take to tell how a shell ended, endTime why a container did.
	exitTime, endTime, guardEvery time.Duration
}

// Deps are what sessions need: clients, and where to tell the user what is being done.
type Deps struct {
	Client kubernetes.Interface
	// Dynamic is the client for workloads, whose kinds differ in little.
	Dynamic dynamic.Interface
	// Exec makes streams into a container.
	Exec   func(attach.Container) (Exec, error)
	Report Reporter
	// Now is the server's time; nil for this machine's.
	Now func() time.Time
	Settings

	// look stands for a look into a container in tests; nil for a real one.
	look func(context.Context, Session) (Sight, error)
}

// now is the time that marks go by. They are read on other machines, and clocks differ.
func (d Deps) now() time.Time {
	if d.Now == nil {
		return time.Now()
	}
	return d.Now()
}

// Reporter tells the user what is being done.
type Reporter interface {
	// Say tells something in one line.
	Say(format string, args ...any)
	// Warn is Say for what somebody who wants no narration has to know too.
	Warn(format string, args ...any)
	// Waiting shows what is waited for, over and over while it is; "" says that it is no more.
	Waiting(text string)
}

// Settings say how a helper or a copy is made.
type Settings struct {
	Image string
	// Images are used instead of Image where the target's node has one of them already and not Image.
	Images     []string
	PullPolicy corev1.PullPolicy
	// Keep is how long a helper waits without a command before it ends by itself.
	Keep time.Duration
	// TTL is the time after which the cluster ends a copy, whatever became of this program.
	TTL time.Duration
	// Timeout ends every wait for the cluster.
	Timeout time.Duration
}

// Sight is what a session sees of its target container.
type Sight struct {
	// TargetUser is whom the container's first process turned out to be.
	TargetUser podspec.TargetUser
	// Alone tells that no processes are seen but those of the container that looks.
	Alone bool
	// Denied tells that there are processes of the container and the root of none of them can be opened.
	Denied bool
	// Text says in a few words what is seen and what is not.
	Text string
}

// ending says when a helper ends.
func (s Settings) ending() string {
	return "it ends by itself after " + brief(s.Keep) + " without a command"
}

// brief writes a duration as a person would: 10m and not 10m0s.
func brief(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
