// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/lifecycle"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/patch"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// Kind is what a session left in the cluster.
type Kind string

// The kinds.
const (
	KindHelper Kind = "helper"
	KindCopy   Kind = "copy"
	KindPatch  Kind = "patch"
)

// State is the state of an entry, or the reason that the kubelet gives if it cannot start a container.
type State string

// The states.
const (
	StateStarting State = "starting"
	StateRunning  State = "running"
	// StateInUse is a helper that is running a command. Whether someone is using a copy is unknown.
	StateInUse State = "in-use"
	// StateFinished is a copy in which nothing runs any longer.
	StateFinished State = "finished"
	// StateExpired is a patch whose TTL is over: the next Sweep restores the template.
	StateExpired State = "expired"
	// StateEnding is an entry whose pod is being deleted.
	StateEnding State = "terminating"
)

// Entry is a helper, a copy or a patch in the cluster that was created by this plugin.
type Entry struct {
	Kind      Kind
	Namespace string
	// Pod is "" for a patch, and Workload empty for all else.
	Pod      string
	Workload target.Workload
	// Container is the helper, or the shell of a copy.
	Container string
	// Target is the container whose processes a helper sees ("" where it sees the pod's), CopyOf the pod that was copied.
	Target, CopyOf string
	// Persistent is true if the helper runs a shell to attach to.
	Persistent bool
	// By is the user who created it; "" if unknown.
	By string
	// Reason is why, in the words of that user; "" if no reason was given.
	Reason string
	// Since is zero before it starts; Ends is zero if unknown or in the past.
	Since, Ends time.Time
	State       State
	Image       string
	Security    *corev1.SecurityContext

	podUID types.UID
	keep   time.Duration
	// mark is that of a patch.
	mark podspec.PatchMark
	// stuck is true if the kubelet cannot start it.
	stuck bool
}

// String returns its name for messages.
func (e Entry) String() string {
	switch e.Kind {
	case KindHelper:
		return "helper " + e.Container + " in pod/" + e.Pod
	case KindPatch:
		return e.Workload.String()
	default:
		return "pod/" + e.Pod
	}
}

// Same reports whether two entries are about the same object.
func (e Entry) Same(other Entry) bool {
	return e.Kind == other.Kind && e.Namespace == other.Namespace && e.Pod == other.Pod && e.Workload == other.Workload && e.Container == other.Container
}

func (e Entry) container() attach.Container {
	return attach.Container{Namespace: e.Namespace, Pod: e.Pod, Name: e.Container}
}

// entriesOf lists the entries of a pod: the pod itself if it is a copy, and helpers that have not exited.
func entriesOf(pod *corev1.Pod) []Entry {
	var list []Entry
	if podspec.IsCopy(pod) {
		list = append(list, copyEntry(pod))
	}
	if target.Finished(pod) {
		return list
	}
	for i := range pod.Spec.EphemeralContainers {
		c := &pod.Spec.EphemeralContainers[i]
		st, _ := podspec.Status(pod, c.Name)
		if podspec.IsHelper(c) && (st == nil || st.State.Terminated == nil) {
			list = append(list, helperEntry(pod, c, st))
		}
	}
	return list
}

func helperEntry(pod *corev1.Pod, c *corev1.EphemeralContainer, st *corev1.ContainerStatus) Entry {
	e := Entry{
		Kind: KindHelper, Namespace: pod.Namespace, Pod: pod.Name, Container: c.Name, Target: c.TargetContainerName,
		By: podspec.MadeBy(c), Reason: podspec.ReasonOf(c), Image: c.Image, Security: c.SecurityContext, State: StateStarting, podUID: pod.UID,
	}
	e.keep, _ = podspec.KeepOf(c)
	e.Persistent = podspec.IsPersistent(c)
	if st != nil && st.State.Running != nil {
		e.State, e.Since = StateRunning, st.State.Running.StartedAt.Time
	}
	if st != nil && st.State.Waiting != nil && lifecycle.Fatal(e.container(), st.State.Waiting) != nil {
		e.State, e.stuck = State(st.State.Waiting.Reason), true
	}
	if pod.DeletionTimestamp != nil {
		e.State = StateEnding
	}
	return e
}

func copyEntry(pod *corev1.Pod) Entry {
	e := Entry{
		Kind: KindCopy, Namespace: pod.Namespace, Pod: pod.Name, Container: podspec.ShellOf(&pod.Spec), CopyOf: pod.Annotations[podspec.AnnotationCopyOf],
		By: pod.Annotations[podspec.AnnotationCreatedBy], Reason: pod.Annotations[podspec.AnnotationReason], Since: pod.CreationTimestamp.Time, State: StateStarting, podUID: pod.UID,
	}
	if c, ok := podspec.Container(pod, e.Container); ok {
		e.Image, e.Security = c.Image, c.SecurityContext
	}
	if pod.Status.StartTime != nil {
		e.Since = pod.Status.StartTime.Time
	}
	if pod.Spec.ActiveDeadlineSeconds != nil {
		e.Ends = e.Since.Add(time.Duration(*pod.Spec.ActiveDeadlineSeconds) * time.Second)
	}
	switch {
	case pod.DeletionTimestamp != nil:
		e.State = StateEnding
	case target.Finished(pod):
		e.State, e.Ends = StateFinished, time.Time{}
	case pod.Status.Phase == corev1.PodRunning:
		e.State = StateRunning
	}
	return e
}

func patchEntries(all []patch.Found, now time.Time) []Entry {
	var list []Entry
	for _, f := range all {
		e := Entry{
			Kind: KindPatch, Namespace: f.Namespace, Workload: f.Workload, Container: f.Mark.Container, By: f.Mark.By, Reason: f.Mark.Reason,
			Since: f.Mark.At, Ends: f.Mark.Expires, State: StateRunning, Image: f.Image, Security: f.Security, mark: f.Mark,
		}
		if !f.Mark.Expires.IsZero() && now.After(f.Mark.Expires) {
			e.State = StateExpired
		}
		list = append(list, e)
	}
	return list
}
