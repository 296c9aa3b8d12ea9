// SPDX-License-Identifier: Apache-2.0

package session

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
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

// State is what an entry does now. Where the kubelet can't start a container it is the kubelet's own reason.
type State string

// The states.
const (
	StateStarting State = "starting"
	StateRunning  State = "running"
	// StateInUse is a helper in which a command runs. Whether somebody still works in a copy can't be told.
	StateInUse State = "in-use"
	// StateFinished is a copy in which nothing runs any more.
	StateFinished State = "finished"
	// StateExpired is a patch whose time is over: whatever of ours looks for what was left puts the template back.
	StateExpired State = "expired"
	// StateEnding is what goes with a pod that is being deleted.
	StateEnding State = "ending"
)

// Entry is a helper, a copy or a patch that this tool made and that is there.
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
	// Persistent tells that a helper keeps a shell, to attach to.
	Persistent bool
	// By is who made it; "" where that is not known.
	By string
	// Since is zero before the start; Ends is zero where it is not known or has been.
	Since, Ends time.Time
	State       State
	Image       string
	Security    *corev1.SecurityContext

	podUID types.UID
	keep   time.Duration
	// stuck tells that the kubelet can't start it.
	stuck bool
}

// String names it in a message.
func (e Entry) String() string {
	switch e.Kind {
	case KindHelper:
		return "helper " + e.Container + " of pod/" + e.Pod
	case KindPatch:
		return e.Workload.String()
	default:
		return "pod/" + e.Pod
	}
}

// Same tells whether two entries are of the same thing.
func (e Entry) Same(other Entry) bool {
	return e.Kind == other.Kind && e.Namespace == other.Namespace && e.Pod == other.Pod && e.Workload == other.Workload && e.Container == other.Container
}

func (e Entry) session() *Session {
	return &Session{Namespace: e.Namespace, Pod: e.Pod, Container: e.Container, podUID: string(e.podUID)}
}

// entriesOf lists what of ours is in a pod: the pod itself where it is a copy, and the helpers that have not ended.
func entriesOf(pod *corev1.Pod) []Entry {
	var list []Entry
	if isCopy(pod) {
		list = append(list, copyEntry(pod))
	}
	if finished(pod) {
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

// isCopy goes by two marks and by what only the creator of a pod decides: who may patch pods could else have any of them
// taken for a copy, and deleted by somebody who may.
func isCopy(pod *corev1.Pod) bool {
	share, spec := pod.Spec.ShareProcessNamespace, &pod.Spec
	return pod.Labels[podspec.LabelManagedBy] == podspec.ManagedBy && pod.Annotations[podspec.AnnotationCopyOf] != "" &&
		spec.RestartPolicy == corev1.RestartPolicyNever && (spec.HostPID || share != nil && *share) &&
		strings.HasPrefix(shellOf(spec), podspec.ShellContainer)
}

func finished(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

func helperEntry(pod *corev1.Pod, c *corev1.EphemeralContainer, st *corev1.ContainerStatus) Entry {
	e := Entry{
		Kind: KindHelper, Namespace: pod.Namespace, Pod: pod.Name, Container: c.Name, Target: c.TargetContainerName,
		By: podspec.MadeBy(c), Image: c.Image, Security: c.SecurityContext, State: StateStarting, podUID: pod.UID,
	}
	e.keep, _ = podspec.KeepOf(c)
	e.Persistent = podspec.IsPersistent(c)
	if st != nil && st.State.Running != nil {
		e.State, e.Since = StateRunning, st.State.Running.StartedAt.Time
	}
	if st != nil && st.State.Waiting != nil && fatal(*e.session(), st.State.Waiting) != nil {
		e.State, e.stuck = State(st.State.Waiting.Reason), true
	}
	if pod.DeletionTimestamp != nil {
		e.State = StateEnding
	}
	return e
}

func copyEntry(pod *corev1.Pod) Entry {
	e := Entry{
		Kind: KindCopy, Namespace: pod.Namespace, Pod: pod.Name, Container: shellOf(&pod.Spec), CopyOf: pod.Annotations[podspec.AnnotationCopyOf],
		By: pod.Annotations[podspec.AnnotationCreatedBy], Since: pod.CreationTimestamp.Time, State: StateStarting, podUID: pod.UID,
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
	case finished(pod):
		e.State, e.Ends = StateFinished, time.Time{}
	case pod.Status.Phase == corev1.PodRunning:
		e.State = StateRunning
	}
	return e
}
