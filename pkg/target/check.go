// SPDX-License-Identifier: Apache-2.0

package target

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

// mirrorAnnotation is on the API's picture of a static pod. The API server accepts an ephemeral
// container for it and the kubelet, which reads the pod from a file, never starts it.
const mirrorAnnotation = corev1.MirrorPodAnnotationKey

// crashLoop is the kubelet's reason for a container that it will start again, but not at once
// (pkg/kubelet/container/sync_result.go of Kubernetes).
const (
	crashLoop = "CrashLoopBackOff"
	creating  = "ContainerCreating"
)

// Terminating reports whether the pod is being deleted: no container can be added to it any more, while
// those that run still can be used.
func (t Target) Terminating() bool { return t.Pod.DeletionTimestamp != nil }

// CheckCopyable says why nothing can be copied from the pod, or nil.
func (t Target) CheckCopyable() error {
	if t.Terminating() {
		return terminating(t.Pod)
	}
	return CheckPlatform(t.Pod, nil)
}

// CheckRunning says why no helper can be put beside the container, or nil: the pod is being deleted, it
// is a static pod or one of Windows, or CheckContainer fails. The advice is what works instead.
func (t Target) CheckRunning() error {
	if err := t.CheckCopyable(); err != nil {
		return err
	}
	if t.Pod.Annotations[mirrorAnnotation] != "" {
		return hint.With(fmt.Errorf("pod/%s is a static pod, which the kubelet reads from a file: "+
			"the API server would accept a helper, but the kubelet would never start it", t.Pod.Name),
			fmt.Sprintf("kubectl shareproc debug %s --copy", t.Pod.Name))
	}
	return t.CheckContainer()
}

// CheckContainer says why the container has no processes to look at, or nil: the pod has finished, has no
// node, or still initializes; or the container waits, crash-loops or has ended. It does not mind whether
// the pod is being deleted: a helper that runs already serves until the pod's end.
func (t Target) CheckContainer() error {
	pod, name := t.Pod, t.Pod.Name
	if Finished(pod) {
		text, logs := HowEnded(pod), "kubectl logs "
		if wasEvicted(pod) { // its containers are removed, and their logs
			logs = "kubectl describe pod "
		} else {
			text += ": there is no process to debug"
		}
		return hint.With(errors.New(text), fmt.Sprintf("run kubectl shareproc debug %s --copy, or %s%s", name, logs, name))
	}
	if pod.Spec.NodeName == "" {
		words, _ := unscheduled(pod)
		return hint.With(fmt.Errorf("pod/%s is pending: %s", name, words), "kubectl describe pod "+name)
	}
	st := t.Status()
	if st != nil && st.State.Running != nil {
		return nil
	}
	if init := t.blocker(); init != nil {
		return t.initializing(init)
	}
	return stopped(t, st)
}

// stopped says why a container does not run.
func stopped(t Target, st *corev1.ContainerStatus) error {
	name := t.Pod.Name
	switch {
	case st == nil:
		return t.notRunning("the kubelet has not started it yet", "kubectl describe pod "+name)
	case st.State.Waiting != nil && st.State.Waiting.Reason == creating: // a copy would wait as well
		return t.notRunning(waits(st.State.Waiting), "kubectl describe pod "+name)
	case st.State.Waiting != nil && st.State.Waiting.Reason == crashLoop:
		return t.notRunning(crashes(st), afterCrash(t.Pod, t.Container))
	case st.State.Waiting != nil:
		return t.notRunning(waits(st.State.Waiting), others(t.Pod))
	case st.State.Terminated != nil && restarts(t.Pod, st.State.Terminated) && st.State.Terminated.ExitCode == 0 && st.RestartCount < 2:
		return t.notRunning(outcome(st.State.Terminated)+"; the kubelet will restart it", "run it again once the container runs")
	case st.State.Terminated != nil && restarts(t.Pod, st.State.Terminated):
		return t.notRunning(outcome(st.State.Terminated)+"; the kubelet will restart it", afterCrash(t.Pod, t.Container))
	case st.State.Terminated != nil:
		return t.notRunning("terminated, "+outcome(st.State.Terminated), others(t.Pod))
	}
	return t.notRunning("the kubelet reports no reason", others(t.Pod))
}

// restarts reports whether the kubelet starts a container that has ended again. The kubelet names the back-off only a
// while later, or never where it is short.
func restarts(pod *corev1.Pod, st *corev1.ContainerStateTerminated) bool {
	switch pod.Spec.RestartPolicy {
	case corev1.RestartPolicyNever:
		return false
	case corev1.RestartPolicyOnFailure:
		return st.ExitCode != 0
	default:
		return pod.DeletionTimestamp == nil
	}
}

func outcome(st *corev1.ContainerStateTerminated) string {
	text := fmt.Sprintf("last exit code %d", st.ExitCode)
	if st.Reason != "" {
		text += " (" + st.Reason + ")"
	}
	return text
}

func (t Target) notRunning(why, try string) error {
	return hint.With(fmt.Errorf("container %s in pod/%s is not running: %s", t.Container, t.Pod.Name, why), try)
}

func others(pod *corev1.Pod) string {
	return fmt.Sprintf("run kubectl shareproc debug %s --copy, or choose another container with -c (%s)",
		pod.Name, strings.Join(Containers(pod), ", "))
}

// Finished reports whether all of the pod's containers have ended for good.
func Finished(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

func wasEvicted(pod *corev1.Pod) bool { return Finished(pod) && pod.Status.Reason == "Evicted" }

// HowEnded says how a pod has ended, in the words of the kubelet or of the controller that ended it.
func HowEnded(pod *corev1.Pod) string {
	words := strings.Join(strings.Fields(pod.Status.Message), " ")
	if wasEvicted(pod) {
		return strings.TrimSuffix(fmt.Sprintf("pod/%s was evicted: %s", pod.Name, words), ": ")
	}
	why := strings.Trim(pod.Status.Reason+": "+words, ": ")
	return fmt.Sprintf("pod/%s has completed (%s)", pod.Name, strings.TrimSuffix(fmt.Sprintf("phase %s; %s", pod.Status.Phase, why), "; "))
}

// unscheduled gives the scheduler's words about a pod without a node, and its reason in one.
func unscheduled(pod *corev1.Pod) (words, reason string) {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Message != "" {
			return c.Message, c.Reason
		}
	}
	return "it is not scheduled to a node yet", ""
}

// blocker is the init container that the target container waits for: the first that has not done its
// work. A sidecar has done it once it has started. It is nil when the target itself is the one.
func (t Target) blocker() *corev1.ContainerStatus {
	if slices.ContainsFunc(t.Pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodInitialized && c.Status == corev1.ConditionTrue
	}) {
		return nil
	}
	list := t.Pod.Status.InitContainerStatuses
	for _, c := range t.Pod.Spec.InitContainers {
		i := slices.IndexFunc(list, func(st corev1.ContainerStatus) bool { return st.Name == c.Name })
		if i < 0 || done(&c, &list[i]) {
			continue
		}
		if c.Name == t.Container {
			return nil
		}
		return &list[i]
	}
	return nil
}

func done(c *corev1.Container, st *corev1.ContainerStatus) bool {
	if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
		return st.Started != nil && *st.Started
	}
	return st.State.Terminated != nil && st.State.Terminated.ExitCode == 0
}

func (t Target) initializing(init *corev1.ContainerStatus) error {
	why := "it is waiting for init container " + init.Name
	if st := t.Status(); st != nil && st.State.Terminated != nil {
		why = fmt.Sprintf("it has terminated, and init container %s is not done", init.Name)
	}
	waiting := init.State.Waiting
	switch {
	case init.State.Running != nil:
		return t.notRunning(why, fmt.Sprintf("use -c %s, the init container that is running now", init.Name))
	case waiting != nil && waiting.Reason == crashLoop:
		return t.notRunning(why+" ("+crashes(init)+")", afterCrash(t.Pod, init.Name))
	case waiting != nil:
		why += " (" + waits(waiting) + ")"
	case init.State.Terminated != nil:
		why += fmt.Sprintf(" (exit code %d)", init.State.Terminated.ExitCode)
	}
	return t.notRunning(why, "kubectl describe pod "+t.Pod.Name)
}

// waits says what a container waits for, in the kubelet's words.
func waits(w *corev1.ContainerStateWaiting) string {
	return strings.TrimSuffix(w.Reason+": "+w.Message, ": ")
}

// crashes says how a container crash-loops: how it ended last, and the kubelet's words, which tell when
// it tries again.
func crashes(st *corev1.ContainerStatus) string {
	text := crashLoop
	if last := st.LastTerminationState.Terminated; last != nil {
		text += ", " + outcome(last)
	}
	if words := st.State.Waiting.Message; words != "" {
		text += "; kubelet: " + words
	}
	return text
}

// afterCrash is the advice for a container that crash-loops. A copy can't hold an init container: the
// shell in the copy would wait for it.
func afterCrash(pod *corev1.Pod, container string) string {
	name := pod.Name
	if slices.ContainsFunc(pod.Spec.InitContainers, func(c corev1.Container) bool { return c.Name == container }) {
		return fmt.Sprintf("run kubectl logs %s -c %s --previous, or use -c %s while it is running", name, container, container)
	}
	who := name
	if container != defaultOf(pod) {
		who += " -c " + container
	}
	return fmt.Sprintf("kubectl shareproc debug %s --copy --hold   # a shell instead of the crash\n"+
		"     kubectl logs %s -c %s --previous", who, name, container)
}

// terminating advises the pod that will stand in for the one that goes, if something sees to that.
func terminating(pod *corev1.Pod) error {
	err := fmt.Errorf("pod/%s is being deleted", pod.Name)
	owner := metav1.GetControllerOf(pod)
	if owner == nil {
		return err
	}
	if arg := successor(pod, owner); arg != "" {
		return hint.With(err, fmt.Sprintf("to debug its replacement, run kubectl shareproc debug %s", arg))
	}
	return hint.With(err, fmt.Sprintf("to find the replacement that %s %s creates, run kubectl get pods -n %s", owner.Kind, owner.Name, pod.Namespace))
}

// successor names what makes the pod's replacement, as Resolve takes it; "" when it is of no kind that
// Resolve knows. A Deployment's name is read off its ReplicaSet's: after a rollout that one has no pods.
func successor(pod *corev1.Pod, owner *metav1.OwnerReference) string {
	group, _, found := strings.Cut(owner.APIVersion, "/")
	if !found {
		group = ""
	}
	k, ok := kindNamed(owner.Kind)
	if !ok || k.get == nil || k.group != group {
		return ""
	}
	hash := pod.Labels["pod-template-hash"]
	if deployment, cut := strings.CutSuffix(owner.Name, "-"+hash); cut && hash != "" && k.short == "rs" {
		return "deployment/" + deployment
	}
	return k.name + "/" + owner.Name
}
