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

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// PatchRequest is what the user asked for of a workload.
type PatchRequest struct {
	Workload  target.Workload
	Namespace string
	// Container is the one that is meant; "" for the template's default one.
	Container string
	// Access is what a command must be able to do there; ReadAll, or Chroot.
	Access   podspec.Access
	Override podspec.Override
	// Force is for a workload that somebody else keeps as it is.
	Force bool
	// Leave keeps the patch when the session is closed.
	Leave bool
}

// PatchPlan is a patch that could be sent.
type PatchPlan struct {
	// Warnings are to be told before it is, a line each.
	Warnings []string

	want     PatchRequest
	workload workload
	// Target is the container in the template, and Candidates the security contexts to try.
	Target     target.Target
	Candidates []podspec.Candidate
}

// patcher patches the templates of workloads.
type patcher struct{ Deps }

// plan looks whether a workload's template can be patched, and what that would do. It changes nothing. The error says
// why it can't be, or who keeps the workload as it is.
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
	w, back := p.workload, "and again when the session ends and the template is put back"
	if p.want.Leave {
		back = "and again when the template is put back, which --keep-patched leaves to clean"
	}
	pods := fmt.Sprintf("its %d pods restart", w.pods)
	if w.pods == 1 {
		pods = "its pod restarts"
	}
	said := []string{fmt.Sprintf("patching %s: %s, %s, %s", w, pods, w.how, back)}
	if m, ok := podspec.ManagerOf(w.meta); ok {
		said = append(said, fmt.Sprintf("%s keeps %s and takes the change back %s", m.Name, w, m.Reverts))
	}
	return said
}

// patchable says why a workload's template should not be changed.
func (o patcher) patchable(w workload, force bool) error {
	describe := fmt.Sprintf("kubectl describe -n %s %s", w.meta.GetNamespace(), w)
	if err := alreadyPatched(w); err != nil {
		return err
	}
	switch {
	case w.meta.GetDeletionTimestamp() != nil:
		return fmt.Errorf("patch %s: it is being deleted", w)
	case w.fixed != "":
		return hint.With(fmt.Errorf("patch %s: %s, so that no pod would change", w, w.fixed), "kubectl shareproc debug POD --copy")
	case w.pods == 0:
		return hint.With(fmt.Errorf("patch %s: it wants no pods", w), describe)
	}
	if m, ok := podspec.ManagerOf(w.meta); ok && !force {
		return hint.With(fmt.Errorf("patch %s: %s keeps it as it is, and takes the change back %s", w, m.Name, m.Reverts),
			"--override-manager, to patch it all the same; or kubectl shareproc debug POD --copy, which leaves it alone")
	}
	return nil
}

func alreadyPatched(w workload) error {
	mark, ok := podspec.MarkOf(w.meta)
	if !ok {
		return nil
	}
	return hint.With(fmt.Errorf("patch %s: it is patched already, by %s since %s", w, cmp.Or(mark.By, "somebody unknown"),
		mark.At.Local().Format(time.DateTime)),
		fmt.Sprintf("kubectl shareproc debug %s, which sees the same; or kubectl shareproc clean -n %s %s --all, which ends that one", w, w.meta.GetNamespace(), w))
}

// patchOf builds the change with the security context of c.
func (o patcher) patchOf(w workload, name, by string, c podspec.Candidate) ([]podspec.Op, error) {
	return podspec.Patch{
		Container: name, Image: o.Image, PullPolicy: o.PullPolicy, Security: c.Security, Resources: c.Resources, By: by, At: o.now(), TTL: o.TTL,
	}.Of(w.meta, w.template)
}

// ops are what open would send. With ask the API server decides the security context in dry runs.
func (o patcher) ops(ctx context.Context, p PatchPlan, ask bool) ([]podspec.Op, error) {
	name, c := podspec.NamePrefix+suffix(), p.Candidates[0]
	if ask {
		found, err := o.admittedPatch(ctx, p, name)
		if err != nil {
			return nil, err
		}
		c = found.Candidate
	}
	return o.patchOf(p.workload, name, "", c)
}

// admittedPatch asks about the change, and about a pod of the changed template: most policies look at pods only. Who may not
// create pods gets what asks for least.
func (o patcher) admittedPatch(ctx context.Context, p PatchPlan, name string) (offer, error) {
	candidates := p.Candidates
	create := Rule("create", "pods")
	may, err := AskPermissions(ctx, o.Client, p.want.Namespace, "", []authv1.ResourceAttributes{create})
	if err != nil {
		return offer{}, err
	}
	pods := !may.lack(create)
	if !pods && len(candidates) > 1 {
		candidates = candidates[len(candidates)-1:]
		o.Report.Say("you may not create pods, so the cluster's policy can't be asked about them: taking %s", candidates[0].Name)
	}
	return p.attempt(name).admitted(o.Deps, candidates, func(c podspec.Candidate) (*corev1.Pod, error) { return o.tryPatch(ctx, p, name, c, pods) })
}

func (p *PatchPlan) attempt(container string) attempt {
	return attempt{
		mode: Patch, namespace: p.want.Namespace, pod: "POD", what: "patch " + p.workload.String(), container: container, spec: &p.workload.template.Spec,
	}
}

// tryPatch is a dry run of the change and, with pods, of a pod that it leads to.
func (o patcher) tryPatch(ctx context.Context, p PatchPlan, name string, c podspec.Candidate, pods bool) (*corev1.Pod, error) {
	ops, err := o.patchOf(p.workload, name, "", c)
	if err != nil {
		return nil, err
	}
	// Whether the workload has changed since is for the patch itself to find out.
	ops = slices.DeleteFunc(ops, func(op podspec.Op) bool { return op.Op == "test" })
	changed, err := workloads(o).change(ctx, p.workload, ops, true)
	if err == nil {
		err = checkShared(&changed.template.Spec)
	}
	if err != nil || !pods {
		return nil, err
	}
	return createDry(ctx, o.Client, podOf(changed))
}

// podOf is a pod as the workload would make it, with labels of ours only: a dry run must not count for anybody.
func podOf(w workload) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: NameFor(w.Name), Namespace: w.meta.GetNamespace(), Annotations: w.template.Annotations,
			Labels: map[string]string{podspec.LabelManagedBy: podspec.ManagedBy},
		},
		Spec: *w.template.Spec.DeepCopy(),
	}
}

// open patches the template, waits until every pod has it, and returns a session in the newest of them. It must be
// closed, also after an error.
func (o patcher) open(ctx context.Context, p PatchPlan) (s Session, t target.Target, err error) {
	defer crash.Into(&err) // what is changed must be put back after a panic too
	ns, name := p.want.Namespace, podspec.NamePrefix+suffix()
	s = Session{Namespace: ns}
	resource := p.workload.Plural() + appsGroup
	get, patch := Rule("get", resource), Rule("patch", resource)
	get.Name, patch.Name = p.workload.Name, p.workload.Name
	required := append([]authv1.ResourceAttributes{get, patch}, Patch.Requirements()...)
	may, err := AskPermissions(ctx, o.Client, ns, "", required)
	if err == nil {
		err = may.check(ns, required)
	}
	if err != nil {
		return s, p.Target, err
	}
	found, err := o.admittedPatch(ctx, p, name)
	if err != nil {
		return s, p.Target, err
	}
	by := Who(ctx, o.Client)
	if ctx.Err() != nil {
		return s, p.Target, context.Cause(ctx)
	}
	// From here on it may be there, whatever becomes of the answer.
	s.Patched = &Patched{Workload: p.want.Workload, container: name, leave: p.want.Leave}
	s.Container, s.New = name, true
	// What has expired is looked for before there is a patch of ours, whose time may be short.
	tidied := sweepAside(ctx, o.Deps, ns)
	changed, err := o.sendPatch(ctx, p, name, by, found.Candidate)
	if err != nil {
		<-tidied
		return s, p.Target, err
	}
	o.Report.Say("patched %s: one process namespace, and container %s beside the others", changed, name)
	o.sayChanges(found.Candidate, found.made)
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

// tries is how often a change is built anew because the workload changed in between.
const tries = 5

// sendPatch sends the patch. Of two at the same moment one is refused, and finds the other's marks.
func (o patcher) sendPatch(ctx context.Context, p PatchPlan, name, by string, c podspec.Candidate) (workload, error) {
	w := p.workload
	for try := 1; ; try++ {
		ops, err := o.patchOf(w, name, by, c)
		if err != nil {
			return w, err
		}
		changed, err := workloads(o).change(ctx, w, ops, false)
		switch {
		case ctx.Err() != nil:
			return w, context.Cause(ctx)
		case err == nil:
			if err := checkShared(&changed.template.Spec); err != nil {
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

// changedMeanwhile tells a failed "test" of a JSON patch, which is an invalid one to the API server, from other refusals: asked
// anew, the same refusal comes again.
func changedMeanwhile(err error) bool { return apierrors.IsConflict(err) || apierrors.IsInvalid(err) }

// patchedPods lists the pods that have the patch, newest first.
func (o patcher) patchedPods(ctx context.Context, w workload, container string) ([]corev1.Pod, error) {
	selector, err := metav1.LabelSelectorAsSelector(w.selector)
	if err != nil {
		return nil, fmt.Errorf("read the selector of %s: %w", w, err)
	}
	pods, err := o.Client.CoreV1().Pods(w.meta.GetNamespace()).List(ctx, metav1.ListOptions{LabelSelector: selector.String()})
	if err != nil {
		return nil, lacking(fmt.Errorf("list pods of %s: %w", w, err), w.meta.GetNamespace(), Rule("list", "pods"))
	}
	list := slices.DeleteFunc(pods.Items, func(p corev1.Pod) bool {
		_, ok := podspec.Container(&p, container)
		return !ok || p.DeletionTimestamp != nil || finished(&p)
	})
	slices.SortFunc(list, func(a, b corev1.Pod) int {
		return cmp.Or(b.CreationTimestamp.Compare(a.CreationTimestamp.Time), strings.Compare(a.Name, b.Name))
	})
	return list, nil
}

// newPods looks at the pods that have the patch: an error for what waiting will not mend, else what some of them wait for.
func (o patcher) newPods(ctx context.Context, w workload, container string) (string, error) {
	pods, err := o.patchedPods(ctx, w, container)
	if err != nil {
		return "", err
	}
	for i := range pods {
		p := &pods[i]
		if err := checkShared(&p.Spec); err != nil {
			return "", fmt.Errorf("roll out pod/%s: %w", p.Name, err)
		}
		for _, list := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses} {
			for _, st := range list {
				if st.State.Waiting == nil {
					continue
				}
				if err := fatal(Session{Namespace: p.Namespace, Pod: p.Name, Container: st.Name}, st.State.Waiting); err != nil {
					return "", err
				}
			}
		}
		if reason := unschedulable(p); reason != "" {
			return fmt.Sprintf("; pod/%s can't be scheduled: %s", p.Name, reason), nil
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

var errNoPatchedPod = errors.New("none of its pods has the patch and runs")

func (o patcher) newestPatched(ctx context.Context, w workload, container string) (*corev1.Pod, error) {
	pods, err := o.patchedPods(ctx, w, container)
	if err != nil {
		return nil, err
	}
	for i := range pods {
		if running(&pods[i], container) {
			return &pods[i], checkShared(&pods[i].Spec)
		}
	}
	return nil, fmt.Errorf("use %s: %w", w, errNoPatchedPod)
}
