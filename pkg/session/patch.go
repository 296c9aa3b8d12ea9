// SPDX-License-Identifier: Apache-2.0

package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	authv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/admission"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/lifecycle"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/rbac"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// PatchRequest asks for a patch of a workload.
type PatchRequest struct {
	Workload  target.Workload
	Namespace string
	// Container is the target; "" for the default container of the template.
	Container string
	// Access is what a command must be able to do: ReadAll or Chroot.
	Access   podspec.Access
	Override podspec.Override
	// Force patches a workload that another controller or tool manages.
	Force bool
	// KeepPatched keeps the patch when the session is closed.
	KeepPatched bool
}

// PatchPlan is a patch that could be sent.
type PatchPlan struct {
	// Warnings must be shown before the patch is sent, one per line.
	Warnings []string

	want     PatchRequest
	workload workload
	// Target is the container in the template, and Candidates the security contexts to try.
	Target     target.Target
	Candidates []podspec.Candidate
}

// patcher patches the templates of workloads.
type patcher struct{ Deps }

// plan checks whether the template of a workload can be patched, and what that would do. It changes nothing.
func (o patcher) plan(ctx context.Context, want PatchRequest) (PatchPlan, error) {
	plan := PatchPlan{want: want}
	w, err := workloads(o).workload(ctx, want.Namespace, want.Workload)
	if err != nil {
		return plan, err
	}
	plan.workload = w
	if err := o.patchable(w, want.Force); err != nil {
		return plan, err
	}
	if err := o.checkPlatform(ctx, w); err != nil {
		return plan, err
	}
	plan.Target, err = target.InTemplate(want.Namespace, w.Name, w.template, want.Container)
	if err != nil {
		return plan, err
	}
	subject := podspec.TargetUserOf(plan.Target.Pod, plan.Target.Container)
	if want.Override.Empty() {
		plan.Candidates = podspec.Candidates(subject, want.Access)
	} else {
		c, err := want.Override.Candidate(subject)
		if err != nil {
			return plan, err
		}
		plan.Candidates = []podspec.Candidate{c}
	}
	plan.Warnings = append(plan.warn(), podspec.Sharing(&w.template.Spec)...)
	return plan, nil
}

func (p *PatchPlan) warn() []string {
	w, back := p.workload, "and again when you exit and the template is restored"
	if p.want.KeepPatched {
		back = "and again when clean restores the template (--keep-patched)"
	}
	pods := fmt.Sprintf("its %d pods restart", w.pods)
	if w.pods == 1 {
		pods = "its pod restarts"
	}
	said := []string{fmt.Sprintf("patching %s: %s (%s), %s", w, pods, w.how, back)}
	if m, ok := podspec.ManagerOf(w.meta); ok {
		said = append(said, fmt.Sprintf("%s manages %s and reverts the change %s", m.Name, w, m.Reverts))
	}
	return said
}

// patchable returns why the template of a workload should not be changed.
func (o patcher) patchable(w workload, force bool) error {
	describe := fmt.Sprintf("kubectl describe -n %s %s", w.meta.GetNamespace(), w)
	if err := alreadyPatched(w); err != nil {
		return err
	}
	switch {
	case w.meta.GetDeletionTimestamp() != nil:
		return fmt.Errorf("patch %s: it is being deleted", w)
	case w.fixed != "":
		return hint.With(fmt.Errorf("patch %s: %s, so no pod would change", w, w.fixed), "kubectl shareproc debug POD --copy")
	case w.pods == 0:
		return hint.With(fmt.Errorf("patch %s: it has no desired pods", w), describe)
	}
	if m, ok := podspec.ManagerOf(w.meta); ok && !force {
		return hint.With(fmt.Errorf("patch %s: %s manages it and reverts the change %s", w, m.Name, m.Reverts),
			"use --override-manager to patch it anyway, or run kubectl shareproc debug POD --copy, which does not change it")
	}
	return nil
}

func alreadyPatched(w workload) error {
	mark, ok := podspec.MarkOf(w.meta, w.template)
	if !ok {
		return nil
	}
	since := ""
	if !mark.At.IsZero() {
		since = " since " + mark.At.Local().Format(time.DateTime)
	}
	return hint.With(fmt.Errorf("patch %s: already patched by %s%s", w, cmp.Or(mark.By, podspec.UnknownUser), since),
		fmt.Sprintf("run kubectl shareproc debug %s to use that patch, or kubectl shareproc clean -n %s %s --all to restore the template", w, w.meta.GetNamespace(), w))
}

// patchOf returns the patch with the security context of c.
func (o patcher) patchOf(name, by string, c podspec.Candidate) podspec.Patch {
	return podspec.Patch{
		Container: name, Image: o.Image, PullPolicy: o.PullPolicy, Security: c.Security, Resources: c.Resources, By: by, Reason: o.Reason, At: o.Time(), TTL: o.TTL,
	}
}

// ops returns what open would send. With ask, dry runs decide the security context.
func (o patcher) ops(ctx context.Context, p PatchPlan, ask bool) ([]podspec.Op, error) {
	name, c := podspec.NewName(), p.Candidates[0]
	if ask {
		found, err := o.admittedPatch(ctx, p, name)
		if err != nil {
			return nil, err
		}
		c = found.Candidate
	}
	return o.patchOf(name, "", c).Of(p.workload.meta, p.workload.template)
}

// admittedPatch asks about the patch and about a pod of the changed template, since most policies check pods only.
// Without permission to create pods it uses the least privileged candidate.
func (o patcher) admittedPatch(ctx context.Context, p PatchPlan, name string) (admission.Offer, error) {
	candidates := p.Candidates
	create := rbac.Rule("create", "pods")
	may, err := rbac.Ask(ctx, o.Client, p.want.Namespace, "", []authv1.ResourceAttributes{create})
	if err != nil {
		return admission.Offer{}, err
	}
	pods := !may.Lack(create)
	if !pods && len(candidates) > 1 {
		candidates = candidates[len(candidates)-1:]
		o.Report.Say("you lack permission to create pods, so admission of the new pods cannot be checked; using %s", candidates[0].Name)
	}
	return p.attempt(name).Admitted(o.Cluster, candidates, func(c podspec.Candidate) (*corev1.Pod, error) { return o.tryPatch(ctx, p, name, c, pods) })
}

func (p *PatchPlan) attempt(container string) admission.Attempt {
	return admission.Attempt{
		Namespace: p.want.Namespace, Pod: "POD", What: "patch " + p.workload.String(), Container: container, Spec: &p.workload.template.Spec,
	}
}

// tryPatch is a dry run of the patch and, with pods, of a resulting pod.
func (o patcher) tryPatch(ctx context.Context, p PatchPlan, name string, c podspec.Candidate, pods bool) (*corev1.Pod, error) {
	ops, err := o.patchOf(name, "", c).Of(p.workload.meta, p.workload.template)
	if err != nil {
		return nil, err
	}
	// Only the real patch checks whether the workload has changed since.
	ops = slices.DeleteFunc(ops, func(op podspec.Op) bool { return op.Op == "test" })
	changed, err := workloads(o).change(ctx, p.workload, ops, true)
	if err == nil {
		err = admission.CheckShared(&changed.template.Spec)
	}
	if err != nil || !pods {
		return nil, err
	}
	return admission.CreateDry(ctx, o.Client, podOf(changed))
}

// podOf returns a pod as the workload would create it, with our labels only, so that no selector matches it.
func podOf(w workload) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: podspec.CopyName(w.Name), Namespace: w.meta.GetNamespace(), Annotations: w.template.Annotations,
			Labels: map[string]string{podspec.LabelManagedBy: podspec.ManagedBy},
		},
		Spec: *w.template.Spec.DeepCopy(),
	}
}

// open patches the template, waits until every pod has the patch, and returns a session in the newest one. It must be
// closed, also after an error.
func (o patcher) open(ctx context.Context, p PatchPlan) (s Session, t target.Target, err error) {
	defer crash.Into(&err) // a change must be reverted after a panic too
	ns, name := p.want.Namespace, podspec.NewName()
	s = Session{Namespace: ns}
	resource := p.workload.Plural() + appsGroup
	get, patch := rbac.Rule("get", resource), rbac.Rule("patch", resource)
	get.Name, patch.Name = p.workload.Name, p.workload.Name
	required := append([]authv1.ResourceAttributes{get, patch}, Patch.Requirements()...)
	may, err := rbac.Ask(ctx, o.Client, ns, "", required)
	if err == nil {
		err = may.Check(ns, required)
	}
	if err != nil {
		return s, p.Target, err
	}
	found, err := o.admittedPatch(ctx, p, name)
	if err != nil {
		return s, p.Target, err
	}
	by := rbac.Who(ctx, o.Client)
	if ctx.Err() != nil {
		return s, p.Target, context.Cause(ctx)
	}
	// From here on the patch may exist, even if the answer is lost.
	s.Patched = &Patched{Workload: p.want.Workload, mark: podspec.PatchMark{Container: name}, leave: p.want.KeepPatched}
	s.Container, s.New = name, true
	// Expired patches are removed before ours is added, whose TTL may be short.
	tidied := sweepInBackground(ctx, o.Deps, ns)
	changed, err := o.sendPatch(ctx, p, o.patchOf(name, by, found.Candidate), s.Patched)
	if err != nil {
		<-tidied
		return s, p.Target, err
	}
	o.Report.Say("patched %s: shared process namespace, and container %s added", changed, name)
	o.sayChanges(found.Candidate, found.Made)
	err = workloads(o).awaitRollout(ctx, ns, p.want.Workload, func(ctx context.Context) (string, error) { return o.newPods(ctx, changed, name) })
	<-tidied
	if err != nil {
		return s, p.Target, err
	}
	pod, err := o.newestPatched(ctx, changed, name)
	if err != nil {
		return s, p.Target, err
	}
	s.Pod, s.podUID, s.Running = pod.Name, string(pod.UID), true
	o.Report.Say("using pod/%s of %s", pod.Name, changed)
	t = target.Target{Pod: pod, Container: p.Target.Container}
	return s, t, verifyShared(ctx, o.Deps, t, s)
}

// tries is how often a patch is rebuilt because the workload changed in between.
const tries = 5

// sendPatch sends the patch and records in sent what it changed. Of two at the same time the server refuses one, which
// then finds the marks of the other.
func (o patcher) sendPatch(ctx context.Context, p PatchPlan, patch podspec.Patch, sent *Patched) (workload, error) {
	w := p.workload
	for try := 1; ; try++ {
		ops, err := patch.Of(w.meta, w.template)
		if err != nil {
			return w, err
		}
		sent.mark = patch.Mark(w.template)
		changed, err := workloads(o).change(ctx, w, ops, false)
		switch {
		case ctx.Err() != nil:
			return w, context.Cause(ctx)
		case err == nil:
			if err := admission.CheckShared(&changed.template.Spec); err != nil {
				return changed, fmt.Errorf("patch %s: %w", w, err)
			}
			return changed, nil
		case !changedMeanwhile(err) || try == tries:
			return w, err
		}
		if w, err = workloads(o).workload(ctx, p.want.Namespace, p.want.Workload); err != nil {
			return w, err
		}
		if err := o.patchable(w, p.want.Force); err != nil {
			return w, err
		}
	}
}

// changedMeanwhile reports whether the workload has changed since it was read. A failed "test" operation of a JSON
// patch is an invalid request to the API server; a real one would be refused again.
func changedMeanwhile(err error) bool { return apierrors.IsConflict(err) || apierrors.IsInvalid(err) }

// patchedPods lists the pods with the patch, newest first.
func (o patcher) patchedPods(ctx context.Context, w workload, container string) ([]corev1.Pod, error) {
	selector, err := metav1.LabelSelectorAsSelector(w.selector)
	if err != nil {
		return nil, fmt.Errorf("read the selector of %s: %w", w, err)
	}
	pods, err := o.Client.CoreV1().Pods(w.meta.GetNamespace()).List(ctx, metav1.ListOptions{LabelSelector: selector.String()})
	if err != nil {
		return nil, rbac.Advise(fmt.Errorf("list pods of %s: %w", w, err), w.meta.GetNamespace(), rbac.Rule("list", "pods"))
	}
	list := slices.DeleteFunc(pods.Items, func(p corev1.Pod) bool {
		_, ok := podspec.Container(&p, container)
		return !ok || p.DeletionTimestamp != nil || target.Finished(&p)
	})
	slices.SortFunc(list, func(a, b corev1.Pod) int {
		return cmp.Or(b.CreationTimestamp.Compare(a.CreationTimestamp.Time), strings.Compare(a.Name, b.Name))
	})
	return list, nil
}

// newPods checks the pods with the patch: it returns an error that waiting does not fix, or else what they wait for.
func (o patcher) newPods(ctx context.Context, w workload, container string) (string, error) {
	pods, err := o.patchedPods(ctx, w, container)
	if err != nil {
		return "", err
	}
	for i := range pods {
		p := &pods[i]
		if err := admission.CheckShared(&p.Spec); err != nil {
			return "", fmt.Errorf("roll out pod/%s: %w", p.Name, err)
		}
		for _, list := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses} {
			for _, st := range list {
				if st.State.Waiting == nil {
					continue
				}
				if err := lifecycle.Fatal(attach.Container{Namespace: p.Namespace, Pod: p.Name, Name: st.Name}, st.State.Waiting); err != nil {
					return "", err
				}
			}
		}
		if reason := unschedulable(p); reason != "" {
			return fmt.Sprintf("; pod/%s cannot be scheduled: %s", p.Name, reason), nil
		}
	}
	return "", nil
}

func unschedulable(p *corev1.Pod) string {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return c.Message
		}
	}
	return ""
}

var errNoPatchedPod = errors.New("no running pod has the patch")

func (o patcher) newestPatched(ctx context.Context, w workload, container string) (*corev1.Pod, error) {
	pods, err := o.patchedPods(ctx, w, container)
	if err != nil {
		return nil, err
	}
	for i := range pods {
		if podspec.Running(&pods[i], container) {
			return &pods[i], admission.CheckShared(&pods[i].Spec)
		}
	}
	return nil, fmt.Errorf("use %s: %w", w, errNoPatchedPod)
}
