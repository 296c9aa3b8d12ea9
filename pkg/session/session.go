// SPDX-License-Identifier: Apache-2.0

// Package session answers "where does a command run?": it finds, chooses, opens, lists and ends the containers that see a
// target's processes, and says beforehand what the cluster allows. It changes one ephemeral container, one copied pod, or the template of one workload.
//
// It has no streams: the commands that it needs in a helper (looking, asking, ending) run through Options.Look and
// Options.Ask, which pkg/plugin gives. It does not decide what a pod spec looks like (pkg/podspec does).
package session

import (
	"context"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
)

// View says whose processes a session sees. A PID means nothing without it.
type View struct {
	// Container is the only container whose processes are seen; "" when all of the pod's are.
	Container string
}

// Pod tells whether the processes of every container of the pod are seen.
func (v View) Pod() bool { return v.Container == "" }

// Session is a running container in which commands can be run.
type Session struct {
	Namespace string
	Pod       string
	Container string
	View      View
	// New is true when this call added the container, Running when commands can run in it.
	New, Running bool
	// Copy is true when the pod is a copy that Close deletes.
	Copy bool
	// Patched is the workload whose template Close puts back; nil for none.
	Patched *Patched
	// Tools is the folder of the tools in a container that has none on its PATH; "" elsewhere.
	Tools string
	// Keep is how long a helper that keeps a shell waits for a key; 0 for others.
	Keep time.Duration
	// podUID keeps Close from deleting another pod of the same name.
	podUID string
}

// Options say how a helper or a copy is made.
type Options struct {
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
	// Say tells the user, in one line, what is being done.
	Say func(format string, args ...any)
	// Wait shows what is waited for, over and over while it is; "" says that it is no more. nil has Say say it.
	Wait func(text string)
	// Look tells what a session sees of its target. It runs a command there, which this package does not. It may be nil
	// where only a helper that runs already is used.
	Look func(context.Context, Session) (Sight, error)
	// Ask runs argv in a session's container without leaving a trace of a command, and passes on what it prints. An
	// exit code comes as an error with the method ExitCode.
	Ask func(ctx context.Context, s Session, argv []string, stdout io.Writer) error
}

// Sight is what a session sees of its target container.
type Sight struct {
	// Subject is whom the container's first process turned out to be.
	Subject podspec.Subject
	// Alone tells that no processes are seen but those of the container that looks.
	Alone bool
	// Denied tells that there are processes of the container and the root of none of them can be opened.
	Denied bool
	// Text says in a few words what is seen and what is not.
	Text string
}

// Ending says when the helper ends.
func (o Options) Ending() string {
	return "it ends by itself after " + brief(o.Keep) + " without a command"
}

// showWait shows what is waited for. It returns what it showed, for the next call.
func (o Options) showWait(shown, text string) string {
	switch {
	case o.Wait != nil:
		o.Wait(text)
	case text != "" && text != shown:
		o.Say("%s", text)
	}
	return text
}

// Opener opens and closes sessions through one client.
type Opener struct {
	Client kubernetes.Interface
	Options
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
