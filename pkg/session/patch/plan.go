// SPDX-License-Identifier: Apache-2.0

// Package patch answers "how do all pods of a workload get a helper, and lose it again?": it plans a patch of the template, sends
// it, waits for the pods, and takes it back, at the end of a session or later. It opens no session.
package patch

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	authv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/admission"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/rbac"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// Request asks for a patch of a workload.
type Request struct {
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

// Plan is a patch that could be sent.
type Plan struct {
	// Warnings must be shown before the patch is sent, one per line.
	Warnings []string

	Request  Request
	workload workload
	// Target is the container in the template, and Candidates the security contexts to try.
	Target     target.Target
	Candidates []podspec.Candidate
}

// Resource is the resource of the workload, with its API group.
func (p Plan) Resource() string { return p.workload.Plural() + appsGroup }

// Requirements are the requests that the patch makes about its workload.
func (p Plan) Requirements() []authv1.ResourceAttributes {
	get, patch := rbac.Rule("get", p.Resource()), rbac.Rule("patch", p.Resource())
	get.Name, patch.Name = p.workload.Name, p.workload.Name
	return []authv1.ResourceAttributes{get, patch}
}

// NewPlan checks whether the template of a workload can be patched, and what that would do. It changes nothing.
func NewPlan(ctx context.Context, c cluster.Cluster, want Request) (Plan, error) {
	o, plan := workloads{c}, Plan{Request: want}
	w, err := o.get(ctx, want.Namespace, want.Workload)
	if err != nil {
		return plan, err
	}
	plan.workload = w
	if err := patchable(w, want.Force); err != nil {
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

func (p Plan) warn() []string {
	w, back := p.workload, "and again when you exit and the template is restored"
	if p.Request.KeepPatched {
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
func patchable(w workload, force bool) error {
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
func (o workloads) patchOf(name, by string, c podspec.Candidate) podspec.Patch {
	return podspec.Patch{
		Container: name, Image: o.Image, PullPolicy: o.PullPolicy, Security: c.Security, Resources: c.Resources, By: by, Reason: o.Reason, At: o.Time(), TTL: o.TTL,
	}
}

// Ops returns what would be sent. With ask, dry runs decide the security context.
func (p Plan) Ops(ctx context.Context, in cluster.Cluster, ask bool) ([]podspec.Op, error) {
	name, c := podspec.NewName(), p.Candidates[0]
	if ask {
		found, err := p.Admitted(ctx, in, name)
		if err != nil {
			return nil, err
		}
		c = found.Candidate
	}
	return workloads{in}.patchOf(name, "", c).Of(p.workload.meta, p.workload.template)
}

// Admitted asks about the patch and about a pod of the changed template, since most policies check pods only.
// Without permission to create pods it uses the least privileged candidate.
func (p Plan) Admitted(ctx context.Context, c cluster.Cluster, name string) (admission.Offer, error) {
	o, candidates := workloads{c}, p.Candidates
	create := rbac.Rule("create", "pods")
	may, err := rbac.Ask(ctx, o.Client, p.Request.Namespace, "", []authv1.ResourceAttributes{create})
	if err != nil {
		return admission.Offer{}, err
	}
	pods := !may.Lack(create)
	if !pods && len(candidates) > 1 {
		candidates = candidates[len(candidates)-1:]
		o.Report.Say("you lack permission to create pods, so admission of the new pods cannot be checked; using %s", candidates[0].Name)
	}
	return p.attempt(name).Admitted(c, candidates, func(c podspec.Candidate) (*corev1.Pod, error) { return o.tryPatch(ctx, p, name, c, pods) })
}

func (p Plan) attempt(container string) admission.Attempt {
	return admission.Attempt{
		Namespace: p.Request.Namespace, Pod: "POD", What: "patch " + p.workload.String(), Container: container, Spec: &p.workload.template.Spec,
	}
}

// Try checks in a dry run whether a patch is admitted and, with pods, a resulting pod.
func (p Plan) Try(ctx context.Context, in cluster.Cluster, c podspec.Candidate, pods bool) (podspec.Made, error) {
	a := p.attempt(podspec.NewName())
	return a.Try(in.Image, c, func(c podspec.Candidate) (*corev1.Pod, error) {
		return workloads{in}.tryPatch(ctx, p, a.Container, c, pods)
	})
}

// tryPatch is a dry run of the patch and, with pods, of a resulting pod.
func (o workloads) tryPatch(ctx context.Context, p Plan, name string, c podspec.Candidate, pods bool) (*corev1.Pod, error) {
	ops, err := o.patchOf(name, "", c).Of(p.workload.meta, p.workload.template)
	if err != nil {
		return nil, err
	}
	// Only the real patch checks whether the workload has changed since.
	ops = slices.DeleteFunc(ops, func(op podspec.Op) bool { return op.Op == "test" })
	changed, err := o.change(ctx, p.workload, ops, true)
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

// checkPlatform is target.CheckPlatform for a workload: it checks the template and the node of one pod.
func (o workloads) checkPlatform(ctx context.Context, w workload) error {
	pod := &corev1.Pod{Spec: w.template.Spec}
	why := target.Windows(pod, nil)
	if selector, err := metav1.LabelSelectorAsSelector(w.selector); err == nil && why == "" {
		pods, err := o.Client.CoreV1().Pods(w.meta.GetNamespace()).List(ctx, metav1.ListOptions{LabelSelector: selector.String(), Limit: 1})
		if err == nil && len(pods.Items) > 0 {
			why = target.Windows(&pods.Items[0], target.NodeOf(ctx, o.Client, &pods.Items[0]))
		}
	}
	if why == "" {
		return nil
	}
	return hint.With(fmt.Errorf("patch %s: %s", w, why), fmt.Sprintf("kubectl exec -n %s -it %s -- cmd", w.meta.GetNamespace(), w))
}
