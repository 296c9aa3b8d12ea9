// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"errors"
	"slices"

	authv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/admission"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/patch"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/rbac"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// Admission is a security context, and whether admission allows it.
type Admission struct {
	For Purpose `json:"mode"`
	As  string  `json:"description"`
	// Opens is what it certainly can open: every process, the files of the target, or nothing.
	Opens podspec.Access `json:"access"`
	// Enters reports whether a shell can use the target's root as /.
	Enters   bool    `json:"chroot"`
	Admitted Verdict `json:"admitted"`
	// Changed is how admission changes it; "" if it does not.
	Changed string `json:"mutation,omitempty"`
	// Reason is the text of the denial, or why the answer is unknown.
	Reason string `json:"reason,omitempty"`

	try func(context.Context) (podspec.Made, error)
	// by is the user of the target, asked the requested context, and image its image.
	by    podspec.TargetUser
	asked podspec.Candidate
	image string
	// blocker is a refusal that is about no security context.
	blocker error

	asks authv1.ResourceAttributes // the permission that the dry run requires
}

// helperTrials asks about a helper with each security context that a plan could have.
func (e examiner) helperTrials(t target.Target, plan session.Plan, override podspec.Override) []Admission {
	candidates := plan.Candidates
	if override.Empty() {
		candidates = allCandidates(plan.TargetUser)
	}
	var list []Admission
	for _, c := range candidates {
		a := trial(e.Image, ForHelper, c, plan.TargetUser, rbac.Rule("patch", "pods/ephemeralcontainers"))
		a.try = func(ctx context.Context) (podspec.Made, error) {
			return session.TryHelper(ctx, e.Deps, t, plan, c)
		}
		list = append(list, a)
	}
	return list
}

// allCandidates returns every security context that some command would try.
func allCandidates(s podspec.TargetUser) []podspec.Candidate {
	var all []podspec.Candidate
	for _, access := range []podspec.Access{podspec.ReadAll, podspec.ReadRoot, podspec.SeeProcesses, podspec.Chroot} {
		for _, c := range podspec.Candidates(s, access) {
			if !slices.ContainsFunc(all, func(other podspec.Candidate) bool { return podspec.EqualSecurityContext(c.Security, other.Security) }) {
				all = append(all, c)
			}
		}
	}
	return all
}

// copyTrials asks about a copy of the pod.
func (e examiner) copyTrials(t target.Target, plan session.Plan) []Admission {
	var list []Admission
	for _, c := range plan.Candidates {
		a := trial(e.Image, ForCopy, c, plan.TargetUser, rbac.Rule("create", "pods"))
		a.try = func(ctx context.Context) (podspec.Made, error) { return session.TryCopy(ctx, e.Deps, t, plan, c) }
		list = append(list, a)
	}
	return list
}

// patchTrials asks about the template and, if the user may create pods, about a pod of it, like session does.
func (e examiner) patchTrials(plan patch.Plan, pods bool) []Admission {
	candidates := plan.Candidates
	if !pods {
		candidates = candidates[len(candidates)-1:]
	}
	subject := podspec.TargetUserOf(plan.Target.Pod, plan.Target.Container)
	var list []Admission
	for _, c := range candidates {
		a := trial(e.Image, ForPatch, c, subject, rbac.Rule("patch", plan.Resource()))
		a.try = func(ctx context.Context) (podspec.Made, error) { return plan.Try(ctx, e.Cluster, c, pods) }
		list = append(list, a)
	}
	return list
}

// podTrials asks about a test pod with each security context for a target that is root and for another user: without a
// pod, nothing less can be checked.
func (e examiner) podTrials(namespace string, override podspec.Override) []Admission {
	var list []Admission
	var seen []podspec.Candidate
	for _, uid := range []int64{0, 65534} {
		s := subjectAs(uid)
		candidates := podspec.Candidates(s, podspec.ReadAll)
		if !override.Empty() {
			c, _ := override.Candidate(s) // the flags were checked before
			candidates = []podspec.Candidate{c}
		}
		for _, c := range candidates {
			if slices.ContainsFunc(seen, func(other podspec.Candidate) bool { return podspec.EqualSecurityContext(c.Security, other.Security) }) {
				continue
			}
			seen = append(seen, c)
			a := trial(e.Image, ForPod, c, s, rbac.Rule("create", "pods"))
			a.Enters = *c.Security.RunAsUser == 0 // if the runtime lets root chroot by default, as most do
			pod := e.smallPod(namespace, c)
			a.try = func(ctx context.Context) (podspec.Made, error) { return admission.TryPod(ctx, e.Cluster, pod, c) }
			list = append(list, a)
		}
	}
	return list
}

func subjectAs(uid int64) podspec.TargetUser {
	const name = "target"
	return podspec.TargetUserOf(&corev1.Pod{Spec: corev1.PodSpec{
		SecurityContext: &corev1.PodSecurityContext{RunAsUser: &uid, RunAsGroup: &uid},
		Containers:      []corev1.Container{{Name: name}},
	}}, name)
}

func (e examiner) smallPod(namespace string, c podspec.Candidate) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: podspec.CopyName("doctor"), Namespace: namespace,
			Labels: map[string]string{podspec.LabelManagedBy: podspec.ManagedBy},
		},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever,
			Containers: []corev1.Container{{
				Name: podspec.ShellContainer, Image: e.Image, ImagePullPolicy: e.PullPolicy,
				Command: []string{"sh"}, SecurityContext: c.Security,
			}},
		},
	}
}

func trial(image string, purpose Purpose, c podspec.Candidate, s podspec.TargetUser, asks authv1.ResourceAttributes) Admission {
	a := Admission{For: purpose, As: c.Name, Admitted: Unknown, asks: asks, by: s, asked: c, image: image}
	a.can(c.Security)
	return a
}

// can sets what a security context allows.
func (a *Admission) can(sc *corev1.SecurityContext) {
	a.Opens, a.Enters = podspec.SeeProcesses, podspec.Meets(sc, a.by, podspec.Chroot)
	for _, access := range []podspec.Access{podspec.ReadAll, podspec.ReadRoot} {
		if podspec.Meets(sc, a.by, access) {
			a.Opens = access
			break
		}
	}
}

// attempt fills in the answers, all requested at once. Without permission for the dry run, there is no answer.
func attempt(ctx context.Context, list []Admission, may []Permission) {
	asked := crash.NewGroup(ctx)
	for i := range list {
		a := &list[i]
		if needs := a.needs(may); needs != "" {
			a.Reason = "needs " + needs
			continue
		}
		asked.Go(func() {
			made, err := bounded(ctx, a.try)
			a.answer(made, err)
		})
	}
	asked.Wait()
}

// answer records the answer of the server. An error that is not about the security context applies to all.
func (a *Admission) answer(made podspec.Made, err error) {
	other, ok := errors.AsType[admission.Blocker](err)
	switch {
	case err == nil:
		a.Admitted = Yes
		if a.Changed = made.Changes(a.asked, a.image); made.Weaker(a.asked.Security) {
			a.can(made.Security)
		}
		return
	case ok && other.OfQuota() && a.For == ForPod:
		// Quotas do not count helpers, and every policy was asked before.
		a.Admitted, a.Changed = Yes, ""
		a.blocker = other
	case ok && admission.Refused(err):
		a.Admitted, a.blocker = No, other
	case admission.Refused(err):
		a.Admitted = No
	}
	a.Reason = err.Error()
}

// needs returns the missing permission for the dry run, or "".
func (a *Admission) needs(may []Permission) string {
	for _, p := range may {
		if p.String() == rbac.Name(a.asks) && p.Allowed == No {
			return p.String()
		}
	}
	return ""
}
