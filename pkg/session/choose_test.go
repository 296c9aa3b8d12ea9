// SPDX-License-Identifier: Apache-2.0

package session

import (
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/rbac"
)

func TestChoose(t *testing.T) {
	shared := func(p *corev1.Pod) { p.Spec.ShareProcessNamespace = new(true) }
	both := func(edits ...func(*corev1.Pod)) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			for _, edit := range edits {
				edit(p)
			}
		}
	}
	ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}
	own := View{Container: "web"}
	for _, c := range []struct {
		sentence string
		edit     func(*corev1.Pod)
		want     Request
		plan     Plan
	}{
		{"a plain pod gets a helper in the target's namespace", nil, Request{}, Plan{Mode: Ephemeral, View: own}},
		{"a pod that shares gets one in the pod's", shared, Request{}, Plan{Mode: Ephemeral}},
		{"a pod in the node's process namespace too", func(p *corev1.Pod) { p.Spec.HostPID = true }, Request{}, Plan{Mode: Ephemeral}},
		{"a running helper is used again", withHelper("shareproc-a", "web", "i", nowRunning()), Request{}, Plan{Mode: Reuse, Helper: "shareproc-a", View: own}},
		{
			"the newest of two, wherever it stands", both(withHelper("shareproc-b", "web", "i", runningFor(0)), withHelper("shareproc-a", "web", "i", runningFor(time.Hour))),
			Request{},
			Plan{Mode: Reuse, Helper: "shareproc-b", View: own},
		},
		{"not one that keeps a shell", withShell("shareproc-a", "", nowRunning()), Request{}, Plan{Mode: Ephemeral, View: own}},
		{"a shell that stays whatever runs already", both(withHelper("shareproc-a", "web", "i", nowRunning()), withShell("shareproc-b", "", nowRunning())), Request{Persist: true}, Plan{Mode: Persist, View: own}},
		{"not one that has ended", withHelper("shareproc-a", "web", "i", ended), Request{}, Plan{Mode: Ephemeral, View: own}},
		{"not one beside another container", withHelper("shareproc-a", "proxy", "i", nowRunning()), Request{}, Plan{Mode: Ephemeral, View: own}},
		{"any one where the pod shares", both(shared, withHelper("shareproc-a", "", "i", nowRunning())), Request{}, Plan{Mode: Reuse, Helper: "shareproc-a"}},
		{"not one of another image than asked for", withHelper("shareproc-a", "web", "i", nowRunning()), Request{Image: "j"}, Plan{Mode: Ephemeral, View: own}},
		{"one of the image asked for", withHelper("shareproc-a", "web", "j", nowRunning()), Request{Image: "j"}, Plan{Mode: Reuse, Helper: "shareproc-a", View: own}},
		{"not somebody else's debugger", func(p *corev1.Pod) {
			withHelper("debugger-a", "web", "i", nowRunning())(p)
		}, Request{}, Plan{Mode: Ephemeral, View: own}},
		{"a copy only when asked for, helper or not", withHelper("shareproc-a", "web", "i", nowRunning()), Request{Copy: true}, Plan{Mode: Copy}},
		{"a copy of a pod that has finished", func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }, Request{Copy: true}, Plan{Mode: Copy}},
		{"the shell of a copy is a helper", copied(nil), Request{}, Plan{Mode: Reuse, Helper: "shareproc"}},
	} {
		if c.want.Access == "" {
			c.want.Access = podspec.ReadAll
		}
		got, err := Choose(newTarget(c.edit), c.want, rbac.Permissions{})
		if err != nil || got.Mode != c.plan.Mode || got.Helper != c.plan.Helper || got.View != c.plan.View {
			t.Errorf("%s: got %+v, %v", c.sentence, got, err)
		}
	}
	deleted := both(withHelper("shareproc-a", "web", "i", nowRunning()), func(p *corev1.Pod) { p.DeletionTimestamp = new(metav1.Now()) })
	if got, err := Choose(newTarget(deleted), Request{Access: podspec.ReadRoot}, rbac.Permissions{}); err != nil || got.Mode != Reuse {
		t.Errorf("a helper in a pod that is being deleted: %+v, %v", got, err)
	}
	if got, err := Choose(newTarget(deleted), Request{Access: podspec.ReadRoot, ExcludeHelper: "shareproc-a"}, rbac.Permissions{}); err == nil {
		t.Errorf("a new one in a pod that is being deleted: %+v", got)
	}
	if _, err := Choose(newTarget(func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }), Request{}, rbac.Permissions{}); err == nil {
		t.Error("a finished pod has no processes to see")
	}
}

// theirs adds a running helper of ours that was made for need and has that security context.
func theirs(name string, access podspec.Access, sc *corev1.SecurityContext) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		h := podspec.Helper{Name: name, Image: "i", Target: "web", Access: access, Container: "web", Security: sc}.Ephemeral()
		p.Spec.EphemeralContainers = append(p.Spec.EphemeralContainers, h)
		p.Status.EphemeralContainerStatuses = append(p.Status.EphemeralContainerStatuses, corev1.ContainerStatus{Name: name, State: nowRunning()})
	}
}

// limited is a target of root whose spec drops or adds capabilities.
func limited(caps *corev1.Capabilities) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		as(0, 0)(p)
		p.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{Capabilities: caps}
	}
}

func securityOf(uid, gid int64, caps *corev1.Capabilities) *corev1.SecurityContext {
	return &corev1.SecurityContext{RunAsUser: &uid, RunAsGroup: &gid, Capabilities: caps}
}

// Who reads and writes files has no right that the target has not, whatever else runs. What the user decided stands.
func TestFileWorkTakesTheHelperThatMatches(t *testing.T) {
	drop := &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}
	trace := &corev1.Capabilities{Add: []corev1.Capability{"SYS_PTRACE"}}
	strong := theirs("shareproc-strong", podspec.ReadAll, securityOf(0, 0, trace))
	user := theirs("shareproc-user", podspec.SeeProcesses, securityOf(101, 102, drop))
	root := theirs("shareproc-root", podspec.SeeProcesses, securityOf(0, 0, nil))
	bare := theirs("shareproc-bare", podspec.SeeProcesses, securityOf(0, 0, drop))
	undumpable := podspec.TargetUserOf(newTarget(as(0, 0)).Pod, "web").Observed(podspec.User{UID: 101, GID: 102}, true)
	other := podspec.TargetUserOf(newTarget(as(0, 0)).Pod, "web").Observed(podspec.User{UID: 101, GID: 102}, false)
	deleted := func(p *corev1.Pod) { p.DeletionTimestamp = new(metav1.Now()) }
	for _, c := range []struct {
		sentence string
		edits    []func(*corev1.Pod)
		want     Request
		helper   string // "" for a new one
	}{
		{"the target's user, before one that opens everything", []func(*corev1.Pod){as(101, 102), user, strong}, Request{}, "shareproc-user"},
		{"in either order", []func(*corev1.Pod){as(101, 102), strong, user}, Request{}, "shareproc-user"},
		{"a new one where only one runs that opens everything", []func(*corev1.Pod){as(101, 102), strong}, Request{}, ""},
		{"root without SYS_PTRACE for root", []func(*corev1.Pod){as(0, 0), strong, root}, Request{}, "shareproc-root"},
		{"a new one for root too", []func(*corev1.Pod){as(0, 0), strong}, Request{}, ""},
		{"not root with the defaults for root that dropped all", []func(*corev1.Pod){limited(drop), root}, Request{}, ""},
		{"root without capabilities for root that dropped all", []func(*corev1.Pod){limited(drop), root, bare, strong}, Request{}, "shareproc-bare"},
		{"SYS_PTRACE for root that has it", []func(*corev1.Pod){limited(trace), strong}, Request{}, "shareproc-strong"},
		{"what is nearest to a privileged target", []func(*corev1.Pod){as(0, 0), func(p *corev1.Pod) {
			p.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{Privileged: new(true)}
		}, strong}, Request{}, "shareproc-strong"},
		{"more rights where the target opens to no other", []func(*corev1.Pod){as(0, 0), root, strong}, Request{TargetUser: &undumpable, ExcludeHelper: "shareproc-root"}, "shareproc-strong"},
		{"another user where the target turned out to be one", []func(*corev1.Pod){as(0, 0), root, strong}, Request{TargetUser: &other, ExcludeHelper: "shareproc-root"}, ""},
		{"the one that was made for its files because the match did not do", []func(*corev1.Pod){as(0, 0), theirs("shareproc-files", podspec.ReadRoot, securityOf(0, 0, trace)), root}, Request{}, "shareproc-files"},
		{"what runs in a pod that is being deleted", []func(*corev1.Pod){as(101, 102), strong, deleted}, Request{}, "shareproc-strong"},
		{"what the user asked for", []func(*corev1.Pod){as(101, 102), user, strong}, Request{Override: podspec.Override{Profile: podspec.ProfileBaseline}}, ""},
		{"a list: the one that opens everything", []func(*corev1.Pod){as(101, 102), user, strong}, Request{Access: podspec.SeeProcesses}, "shareproc-strong"},
		{"a signal: the same", []func(*corev1.Pod){as(101, 102), user, strong}, Request{Access: podspec.Signal}, "shareproc-strong"},
		{"a shell: the same", []func(*corev1.Pod){as(101, 102), user, strong}, Request{Access: podspec.ReadAll}, "shareproc-strong"},
		{"a new one beside the shell of a copy", []func(*corev1.Pod){as(101, 102), copied(securityOf(0, 0, trace))}, Request{}, ""},
		{"the shell of a copy that matches", []func(*corev1.Pod){as(101, 102), copied(securityOf(101, 102, drop))}, Request{}, "shareproc"},
	} {
		if c.want.Access == "" {
			c.want.Access = podspec.ReadRoot
		}
		got, err := Choose(newTarget(func(p *corev1.Pod) {
			for _, edit := range c.edits {
				edit(p)
			}
		}), c.want, rbac.Permissions{})
		if err != nil || got.Helper != c.helper || (got.Mode == Reuse) != (c.helper != "") {
			t.Errorf("%s: got %s %q, want %q; %v", c.sentence, got.Mode, got.Helper, c.helper, err)
		}
	}
}

// copied makes the pod a copy whose shell has that security context.
func copied(sc *corev1.SecurityContext) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Labels = map[string]string{podspec.LabelManagedBy: podspec.ManagedBy}
		p.Spec.ShareProcessNamespace = new(true)
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: "shareproc", Stdin: true, TTY: true, SecurityContext: sc})
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{Name: "shareproc", State: nowRunning()})
	}
}

// In a pod of the node's process namespace SYS_PTRACE is over the whole node, so it is not taken unasked.
func TestNobodyTracesTheNodeUnasked(t *testing.T) {
	for _, hostPID := range []bool{false, true} {
		for _, access := range []podspec.Access{podspec.ReadAll, podspec.ReadRoot, podspec.SeeProcesses} {
			of := newTarget(func(p *corev1.Pod) { p.Spec.HostPID = hostPID })
			plan, err := Choose(of, Request{Access: access}, rbac.Permissions{})
			if err != nil || len(plan.Candidates) == 0 {
				t.Fatal(plan.Candidates, err)
			}
			all := slices.Concat(plan.Candidates, plan.retryPlan(visibility{TargetUser: plan.TargetUser}, podspec.Candidate{}).Candidates)
			if traces := slices.ContainsFunc(all, addsTracing); traces == hostPID {
				t.Errorf("hostPID %v, %s: SYS_PTRACE %v in %v", hostPID, access, traces, all)
			}
		}
	}
	asked := Request{Access: podspec.ReadAll, Override: podspec.Override{Profile: podspec.ProfileGeneral}}
	if plan, err := Choose(newTarget(func(p *corev1.Pod) { p.Spec.HostPID = true }), asked, rbac.Permissions{}); err != nil || plan.Candidates[0].Security.Capabilities.Add[0] != "SYS_PTRACE" {
		t.Errorf("%v, %v", plan.Candidates, err)
	}
}

func addsTracing(c podspec.Candidate) bool {
	return c.Security.Capabilities != nil && slices.Contains(c.Security.Capabilities.Add, "SYS_PTRACE")
}
