// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// Admission is a security context, and whether the cluster's policy admits it.
type Admission struct {
	For Purpose `json:"for"`
	As  string  `json:"as"`
	// Opens is the most that it can be counted on for: to open every process, the target's files, or nothing of the
	// processes that it sees.
	Opens podspec.Need `json:"opens"`
	// Enters tells whether the target's root can be a shell's /.
	Enters   bool    `json:"enters"`
	Admitted Verdict `json:"admitted"`
	// Reason is the refusal in its own words, or why nothing is known.
	Reason string `json:"reason,omitempty"`

	try  func(context.Context) error
	asks rule // the permission that the question itself needs
}

var dryRun = []string{metav1.DryRunAll}

// helperTrials asks about a helper beside the target with each security context that a plan could make.
func (o *Opener) helperTrials(t target.Target, plan Plan) []Admission {
	ladder := plan.Ladder
	if plan.wanted.Override.Empty() {
		ladder = ladders(plan.Subject)
	}
	var list []Admission
	for _, c := range ladder {
		a := trial(ForHelper, c, plan.Subject, patchEphemeral)
		a.try = func(ctx context.Context) error {
			return o.patch(ctx, t, o.helper(t, plan, podspec.NamePrefix+suffix(), "", c), dryRun...)
		}
		list = append(list, a)
	}
	return list
}

// ladders is every security context that some command would try.
func ladders(s podspec.Subject) []podspec.Candidate {
	var all []podspec.Candidate
	for _, need := range []podspec.Need{podspec.OpenEvery, podspec.OpenRoot, podspec.SeeProcesses, podspec.EnterRoot} {
		for _, c := range podspec.Ladder(s, need) {
			if !slices.ContainsFunc(all, func(other podspec.Candidate) bool { return podspec.Twins(c.Security, other.Security) }) {
				all = append(all, c)
			}
		}
	}
	return all
}

// copyTrials asks about a copy of the target's pod.
func (o *Opener) copyTrials(t target.Target, plan Plan) []Admission {
	var list []Admission
	for _, c := range plan.Ladder {
		a := trial(ForCopy, c, plan.Subject, createPods)
		pod, _ := o.copyOf(t, plan, nameFor(t.Pod.Name), "", c)
		a.try = o.dryCreate(pod)
		list = append(list, a)
	}
	return list
}

// patchTrials asks about the template and, as far as the user may ask, about a pod of it: as admittedPatch does.
func (o *Opener) patchTrials(plan PatchPlan, pods bool) []Admission {
	ladder := plan.ladder
	if !pods {
		ladder = ladder[len(ladder)-1:]
	}
	subject := podspec.SubjectOf(plan.target.Pod, plan.target.Container)
	var list []Admission
	for _, c := range ladder {
		a := trial(ForPatch, c, subject, rule{"patch", plan.workload.Plural() + appsGroup, ""})
		a.try = func(ctx context.Context) error { return o.tryPatch(ctx, plan, podspec.NamePrefix+suffix(), c, pods) }
		list = append(list, a)
	}
	return list
}

// podTrials asks about a small pod with each security context of the ladders for a target of root and for one of another
// user. Nothing shorter than a pod of its own can be asked about where none is named.
func (o *Opener) podTrials(namespace string, override podspec.Override) []Admission {
	var list []Admission
	var seen []podspec.Candidate
	for _, uid := range []int64{0, 65534} {
		s := subjectAs(uid)
		ladder := podspec.Ladder(s, podspec.OpenEvery)
		if !override.Empty() {
			c, _ := override.Candidate(s) // the flags were checked when they were read
			ladder = []podspec.Candidate{c}
		}
		for _, c := range ladder {
			if slices.ContainsFunc(seen, func(other podspec.Candidate) bool { return podspec.Twins(c.Security, other.Security) }) {
				continue
			}
			seen = append(seen, c)
			a := trial(ForPod, c, s, createPods)
			a.Enters = *c.Security.RunAsUser == 0 // where the runtime's defaults let root chroot, as most do
			a.try = o.dryCreate(o.smallPod(namespace, c))
			list = append(list, a)
		}
	}
	return list
}

func subjectAs(uid int64) podspec.Subject {
	const name = "target"
	return podspec.SubjectOf(&corev1.Pod{Spec: corev1.PodSpec{
		SecurityContext: &corev1.PodSecurityContext{RunAsUser: &uid, RunAsGroup: &uid},
		Containers:      []corev1.Container{{Name: name}},
	}}, name)
}

func (o *Opener) smallPod(namespace string, c podspec.Candidate) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: nameFor("doctor"), Namespace: namespace,
			Labels: map[string]string{podspec.LabelManagedBy: podspec.ManagedBy},
		},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever,
			Containers: []corev1.Container{{
				Name: podspec.ShellContainer, Image: o.Image, ImagePullPolicy: o.PullPolicy,
				Command: []string{"sh"}, SecurityContext: c.Security,
			}},
		},
	}
}

func (o *Opener) dryCreate(pod *corev1.Pod) func(context.Context) error {
	return func(ctx context.Context) error {
		made, err := o.Client.CoreV1().Pods(pod.Namespace).Create(ctx, pod, metav1.CreateOptions{DryRun: dryRun})
		if err != nil || shares(&pod.Spec) != nil {
			return err
		}
		return shares(&made.Spec)
	}
}

func trial(purpose Purpose, c podspec.Candidate, s podspec.Subject, asks rule) Admission {
	a := Admission{
		For: purpose, As: c.Name, Opens: podspec.SeeProcesses, Enters: podspec.Meets(c.Security, s, podspec.EnterRoot), Admitted: Unknown, asks: asks,
	}
	for _, need := range []podspec.Need{podspec.OpenEvery, podspec.OpenRoot} {
		if podspec.Meets(c.Security, s, need) {
			a.Opens = need
			break
		}
	}
	return a
}

// attempt fills in the answers, all asked for at once. Who may not ask is not told by a policy.
func attempt(ctx context.Context, list []Admission, may []Permission) {
	asked := crash.NewGroup(ctx)
	for i := range list {
		a := &list[i]
		if needs := a.needs(may); needs != "" {
			a.Reason = "needs " + needs
			continue
		}
		asked.Go(func() {
			_, err := bounded(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, a.try(ctx) })
			switch {
			case err == nil:
				a.Admitted = Yes
				return
			case refused(err), errors.Is(err, errDropped):
				a.Admitted = No
			}
			a.Reason = err.Error()
		})
	}
	asked.Wait()
}

// needs names the permission without which the question can't be asked; "" where the user has it.
func (a *Admission) needs(may []Permission) string {
	for _, p := range may {
		if p.String() == a.asks.verb+" "+a.asks.String() && p.Allowed == No {
			return p.String()
		}
	}
	return ""
}
