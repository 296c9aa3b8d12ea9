// SPDX-License-Identifier: Apache-2.0

package patch

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/admission"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/lifecycle"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/rbac"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// Sent is a patch that may be in the cluster, even if the server's answer was lost.
type Sent struct {
	target.Workload
	Namespace string
	// mark is what was sent, whatever becomes of the marks in the cluster.
	mark podspec.PatchMark
	// leave is true if Close leaves the patch.
	leave bool
	// changed is the workload as the server returned it.
	changed workload
}

// Begin returns what undoes the patch. Whoever has it sends the patch, and closes it.
func (p Plan) Begin(container string) *Sent {
	return &Sent{Workload: p.Request.Workload, Namespace: p.Request.Namespace, mark: podspec.PatchMark{Container: container}, leave: p.Request.KeepPatched}
}

// tries is how often a patch is rebuilt because the workload changed in between.
const tries = 5

// Send patches the template as it was admitted.
func (s *Sent) Send(ctx context.Context, c cluster.Cluster, p Plan, by string, found admission.Offer) (err error) {
	o := workloads{c}
	if s.changed, err = s.apply(ctx, o, p, o.patchOf(s.mark.Container, by, found.Candidate)); err != nil {
		return err
	}
	c.Report.Say("patched %s: shared process namespace, and container %s added", s, s.mark.Container)
	found.SayChanges(c, found.Made)
	return nil
}

// apply records what it changes. Of two patches at the same time the server refuses one, which then finds the marks of the other.
func (s *Sent) apply(ctx context.Context, o workloads, p Plan, patch podspec.Patch) (workload, error) {
	w := p.workload
	for try := 1; ; try++ {
		ops, err := patch.Of(w.meta, w.template)
		if err != nil {
			return w, err
		}
		s.mark = patch.Mark(w.template)
		changed, err := o.change(ctx, w, ops, false)
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
		if w, err = o.get(ctx, p.Request.Namespace, p.Request.Workload); err != nil {
			return w, err
		}
		if err := patchable(w, p.Request.Force); err != nil {
			return w, err
		}
	}
}

// changedMeanwhile reports whether the workload has changed since it was read. A failed "test" operation of a JSON
// patch is an invalid request to the API server; a real one would be refused again.
func changedMeanwhile(err error) bool { return apierrors.IsConflict(err) || apierrors.IsInvalid(err) }

// Pod waits until every pod has the patch, and returns the newest one.
func (s *Sent) Pod(ctx context.Context, c cluster.Cluster) (*corev1.Pod, error) {
	err := workloads{c}.awaitRollout(ctx, s.Namespace, s.Workload, func(ctx context.Context) (string, error) { return s.awaited(ctx, c) })
	if err != nil {
		return nil, err
	}
	pods, err := s.pods(ctx, c)
	if err != nil {
		return nil, err
	}
	for i := range pods {
		if podspec.Running(&pods[i], s.mark.Container) {
			return &pods[i], admission.CheckShared(&pods[i].Spec)
		}
	}
	return nil, fmt.Errorf("use %s: no running pod has the patch", s)
}

// pods lists the pods with the patch, newest first.
func (s *Sent) pods(ctx context.Context, c cluster.Cluster) ([]corev1.Pod, error) {
	selector, err := metav1.LabelSelectorAsSelector(s.changed.selector)
	if err != nil {
		return nil, fmt.Errorf("read the selector of %s: %w", s, err)
	}
	pods, err := c.Client.CoreV1().Pods(s.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector.String()})
	if err != nil {
		return nil, rbac.Advise(fmt.Errorf("list pods of %s: %w", s, err), s.Namespace, rbac.Rule("list", "pods"))
	}
	list := slices.DeleteFunc(pods.Items, func(p corev1.Pod) bool {
		_, ok := podspec.Container(&p, s.mark.Container)
		return !ok || p.DeletionTimestamp != nil || target.Finished(&p)
	})
	slices.SortFunc(list, func(a, b corev1.Pod) int {
		return cmp.Or(b.CreationTimestamp.Compare(a.CreationTimestamp.Time), strings.Compare(a.Name, b.Name))
	})
	return list, nil
}

// awaited checks the pods with the patch: it returns an error that waiting does not fix, or else what they wait for.
func (s *Sent) awaited(ctx context.Context, c cluster.Cluster) (string, error) {
	pods, err := s.pods(ctx, c)
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
