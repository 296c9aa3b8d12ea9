// SPDX-License-Identifier: Apache-2.0

package target

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

// in puts the first container into a state.
func in(s corev1.ContainerState) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Status.ContainerStatuses[0].State = s }
}

// crashed puts container i into a crash loop.
func crashed(i int, last *corev1.ContainerStateTerminated, message string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		st := &p.Status.ContainerStatuses[i]
		st.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: crashLoop, Message: message}}
		st.LastTerminationState.Terminated = last
	}
}

func policy(restart corev1.RestartPolicy) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Spec.RestartPolicy = restart }
}

func all(edits ...func(*corev1.Pod)) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		for _, edit := range edits {
			edit(p)
		}
	}
}

func static(p *corev1.Pod) { p.Annotations = map[string]string{mirrorAnnotation: "x"} }

func endedBy(reason, message string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.Phase, p.Status.Reason, p.Status.Message = corev1.PodFailed, reason, message
	}
}

func TestCheckRunning(t *testing.T) {
	const others = "kubectl shareproc debug web --copy, or choose another container with -c (web, proxy, setup)"
	waiting := func(reason, message string) corev1.ContainerState {
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
	}
	for _, c := range []struct {
		what      string
		container string
		edit      func(*corev1.Pod)
		want, try string
	}{
		{"running", "web", nil, "", ""},
		{"being deleted", "web", deleted, "pod/web is being deleted", ""},
		{"static", "web", static, "is a static pod", "kubectl shareproc debug web --copy"},
		{"finished", "web", func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }, "completed (phase Succeeded)", "kubectl logs web"},
		{"failed", "web", func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }, "completed (phase Failed)", "kubectl logs web"},
		{"evicted", "web", endedBy("Evicted", "The node was low on\n resource: memory. "), "pod/web was evicted: The node was low on resource: memory.", "run kubectl shareproc debug web --copy, or kubectl describe pod web"},
		{"evicted without a word", "web", endedBy("Evicted", ""), "pod/web was evicted", "kubectl describe pod web"},
		{"too late", "web", endedBy("DeadlineExceeded", "Pod was active too long"), "pod/web has completed (phase Failed; DeadlineExceeded: Pod was active too long): there is", "kubectl logs web"},
		{"ended with a reason alone", "web", endedBy("NodeLost", ""), "has completed (phase Failed; NodeLost): there is", "kubectl logs web"},
		{"unscheduled", "web", unplaced, "pod/web is pending: 0/1 nodes are available", "kubectl describe pod web"},
		{"without a node yet", "web", func(p *corev1.Pod) { p.Spec.NodeName = "" }, "is pending: it is not scheduled to a node yet", "kubectl describe pod web"},
		{"not started", "web", func(p *corev1.Pod) { p.Status.ContainerStatuses = nil }, "not started it yet", "kubectl describe pod web"},
		{"without an image", "web", in(waiting("ErrImagePull", "no such image")), "is not running: ErrImagePull: no such image", others},
		{"being created", "web", in(waiting("ContainerCreating", "")), "is not running: ContainerCreating", "kubectl describe pod web"},
		{"ended, to be started again", "web", in(endedWith(3)), "is not running: last exit code 3 (Error); the kubelet will restart it", "--copy --hold"},
		{"ended well, to be started again", "web", in(endedWith(0)), "will restart it", "run it again"},
		{"ended for good", "web", all(in(endedWith(3)), policy(corev1.RestartPolicyNever)), "terminated, last exit code 3 (Error)", others},
		{"ended well for good", "web", all(in(endedWith(0)), policy(corev1.RestartPolicyOnFailure)), "terminated, last exit code 0", others},
		{"failed, to be started again", "web", all(in(endedWith(3)), policy(corev1.RestartPolicyOnFailure)), "will restart it", "--copy --hold"},
		{"unknown", "web", in(corev1.ContainerState{}), "the kubelet reports no reason", others},
		{
			"crashing", "web",
			crashed(0, &corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled"}, "back-off 10s restarting failed container"),
			"container web in pod/web is not running: CrashLoopBackOff, last exit code 137 (OOMKilled); " +
				"kubelet: back-off 10s restarting failed container",
			"kubectl shareproc debug web --copy --hold   # a shell instead of the crash\n     kubectl logs web -c web --previous",
		},
		{"crashing without a word", "web", crashed(0, nil, ""), "CrashLoopBackOff", "--copy --hold"},
		{
			"crashing beside the default container", "proxy", crashed(1, nil, ""), "container proxy in pod/web",
			"kubectl shareproc debug web -c proxy --copy --hold   # a shell instead of the crash\n     kubectl logs web -c proxy --previous",
		},
	} {
		err := Target{Pod: pod(c.edit), Container: c.container}.CheckRunning()
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.what, err)
			}
			continue
		}
		wantError(t, c.what, err, c.want, c.try)
	}
}

// While a pod initializes, the container to look at is the init container that runs.
func TestCheckRunningWhileInitializing(t *testing.T) {
	const inSetup = "use -c setup, the init container that is running now"
	back := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: crashLoop, Message: "back-off 20s"}}
	// second adds an init container behind setup.
	second := func(s corev1.ContainerState) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Spec.InitContainers = append(p.Spec.InitContainers, corev1.Container{Name: "migrate"})
			p.Status.InitContainerStatuses = append(p.Status.InitContainerStatuses, corev1.ContainerStatus{Name: "migrate", State: s})
		}
	}
	sidecar := func(started bool) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Spec.InitContainers[0].RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
			p.Status.InitContainerStatuses[0].Started = new(started)
		}
	}
	waitingInit := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "PodInitializing"}}
	for _, c := range []struct {
		what      string
		container string
		edit      func(*corev1.Pod)
		want, try string
	}{
		{"it runs", "web", initializing(nowRunning()), "is not running: it is waiting for init container setup", inSetup},
		{
			"nothing is known of the main containers yet", "web",
			all(initializing(nowRunning()), func(p *corev1.Pod) { p.Status.ContainerStatuses = nil }), "it is waiting for init container setup", inSetup,
		},
		{"it is the one asked for", "setup", initializing(nowRunning()), "", ""},
		{"the second runs", "web", all(initializing(endedWith(0)), second(nowRunning())), "it is waiting for init container migrate", "use -c migrate, the init container that is running now"},
		{
			"the first is asked for and the second runs", "setup", all(initializing(endedWith(0)), second(nowRunning())),
			"container setup in pod/web is not running: it has terminated, and init container migrate is not done", "use -c migrate, the init container that is running now",
		},
		{"the second is asked for and the first runs", "migrate", all(initializing(nowRunning()), second(waitingInit)), "it is waiting for init container setup", inSetup},
		{
			"CrashLoopBackOff", "web", initializing(back), "it is waiting for init container setup (CrashLoopBackOff; kubelet: back-off 20s",
			"kubectl logs web -c setup --previous, or use -c setup while it is running",
		},
		{"the one asked for crash-loops", "setup", initializing(back), "container setup in pod/web is not running: CrashLoopBackOff", "kubectl logs web -c setup --previous"},
		{
			"it has no image", "web", initializing(corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull", Message: "none"}}),
			"it is waiting for init container setup (ErrImagePull: none", "kubectl describe pod web",
		},
		{"it failed", "web", initializing(endedWith(7)), "it is waiting for init container setup (exit code 7", "kubectl describe pod web"},
		{"a sidecar has started", "web", all(initializing(nowRunning()), sidecar(true)), "is not running: PodInitializing", "another container with -c"},
		{"a sidecar has not started", "web", all(initializing(nowRunning()), sidecar(false)), "it is waiting for init container setup", inSetup},
		{
			"all are done", "web", all(initializing(nowRunning()), func(p *corev1.Pod) {
				p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodInitialized, Status: corev1.ConditionTrue}}
			}), "is not running: PodInitializing", "another container with -c",
		},
		{"the main container runs all the same", "proxy", initializing(nowRunning()), "", ""},
	} {
		err := Target{Pod: pod(c.edit), Container: c.container}.CheckRunning()
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.what, err)
			}
			continue
		}
		wantError(t, c.what, err, c.want, c.try)
	}
}

// A helper that runs already can be used until the pod is gone, so the container is asked apart from the pod.
func TestCheckContainerMindsNoDeletion(t *testing.T) {
	for _, c := range []struct {
		what        string
		edit        func(*corev1.Pod)
		terminating bool
		container   bool
	}{
		{"running", nil, false, true},
		{"being deleted", deleted, true, true},
		{"static", static, false, true},
		{"being deleted, its container ended", func(p *corev1.Pod) { deleted(p); in(endedWith(0))(p) }, true, false},
	} {
		target := Target{Pod: pod(c.edit), Container: "web"}
		if target.Terminating() != c.terminating || (target.CheckContainer() == nil) != c.container {
			t.Errorf("%s: Terminating %v, CheckContainer %v", c.what, target.Terminating(), target.CheckContainer())
		}
		if running, copyable := target.CheckRunning(), target.CheckCopyable(); c.terminating && (running == nil || copyable == nil) {
			t.Errorf("%s: CheckRunning %v, CheckCopyable %v", c.what, running, copyable)
		}
	}
}

func TestTerminatingNamesTheReplacement(t *testing.T) {
	for _, c := range []struct {
		what  string
		owner metav1.OwnerReference
		label string
		try   string
	}{
		{"a stateful set", metav1.OwnerReference{APIVersion: "apps/v1", Kind: "StatefulSet", Name: "db"}, "", "to debug its replacement, run kubectl shareproc debug statefulset/db"},
		{"a replica set", metav1.OwnerReference{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web-7c9"}, "", "to debug its replacement, run kubectl shareproc debug replicaset/web-7c9"},
		{"a deployment's", metav1.OwnerReference{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web-7c9"}, "7c9", "to debug its replacement, run kubectl shareproc debug deployment/web"},
		{"a controller", metav1.OwnerReference{APIVersion: "v1", Kind: "ReplicationController", Name: "web"}, "", "to debug its replacement, run kubectl shareproc debug replicationcontroller/web"},
		{"a job", metav1.OwnerReference{APIVersion: "batch/v1", Kind: "Job", Name: "web"}, "", "to debug its replacement, run kubectl shareproc debug job/web"},
		{"a stranger", metav1.OwnerReference{APIVersion: "apps.kruise.io/v1", Kind: "StatefulSet", Name: "db"}, "", "to find the replacement that StatefulSet db creates, run kubectl get pods -n shop"},
		{"another pod", metav1.OwnerReference{APIVersion: "v1", Kind: "Pod", Name: "x"}, "", "to find the replacement that Pod x creates, run kubectl get pods -n shop"},
	} {
		c.owner.Controller = new(true)
		p := pod(deleted)
		p.OwnerReferences = []metav1.OwnerReference{c.owner}
		if c.label != "" {
			p.Labels = map[string]string{"pod-template-hash": c.label}
		}
		target := Target{Pod: p, Container: "web"}
		for _, err := range []error{target.CheckRunning(), target.CheckCopyable()} {
			if got := hint.Of(err); got != c.try {
				t.Errorf("%s: %v, try %q, want %q", c.what, err, got, c.try)
			}
		}
	}
	if err := (Target{Pod: pod(deleted)}).CheckRunning(); err == nil || hint.Of(err) != "" {
		t.Errorf("nobody's: %v, try %q", err, hint.Of(err))
	}
}
