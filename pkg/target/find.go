// SPDX-License-Identifier: Apache-2.0

package target

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

// The mark of what this tool makes, as pkg/podspec writes it.
const (
	labelManagedBy = "app.kubernetes.io/managed-by"
	managedBy      = "kubectl-shareproc"
)

// finder asks one namespace of one cluster.
type finder struct {
	client    kubernetes.Interface
	namespace string
}

func (f finder) pod(ctx context.Context, name string) (*corev1.Pod, error) {
	pod, err := f.client.CoreV1().Pods(f.namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, f.notFound(ctx, name)
	}
	if err != nil {
		return nil, f.refused(fmt.Errorf("get pod/%s: %w", name, err), "", "pods", "get")
	}
	return pod, nil
}

func (f finder) workload(ctx context.Context, k kind, name string) (workload, error) {
	w, err := k.get(ctx, f.client, f.namespace, name)
	if apierrors.IsNotFound(err) {
		return workload{}, hint.With(fmt.Errorf("%s %q not found in namespace %q", k.name, name, f.namespace),
			fmt.Sprintf("run kubectl get %s -n %s, or use -n for another namespace", k.plural, f.namespace))
	}
	if err != nil {
		return workload{}, f.refused(fmt.Errorf("get %s/%s: %w", k.name, name, err), k.group, k.plural, "get")
	}
	w.name = k.name + "/" + name
	w.of = " of " + w.name
	if k.name == cronJobKind {
		return f.newestJob(ctx, w)
	}
	return w, nil
}

// newestJob turns a cron job into the job that it started last.
func (f finder) newestJob(ctx context.Context, cron workload) (workload, error) {
	list, err := f.client.BatchV1().Jobs(f.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return workload{}, f.refused(fmt.Errorf("list jobs%s: %w", cron.of, err), "batch", "jobs", "list")
	}
	jobs := slices.DeleteFunc(list.Items, func(j batchv1.Job) bool { return !metav1.IsControlledBy(&j, cron.owner) })
	if len(jobs) == 0 {
		return workload{}, hint.With(fmt.Errorf("no pods%s found: it has no jobs (%s)", cron.of, cron.state),
			fmt.Sprintf("to run it now: kubectl create job -n %s NAME --from=%s", f.namespace, cron.name))
	}
	newest := slices.MinFunc(jobs, func(a, b batchv1.Job) int { return newestFirst(&a, &b) })
	w, err := ofJob(&newest)
	if err != nil {
		return workload{}, fmt.Errorf("read the selector of job/%s: %w", newest.Name, err)
	}
	w.name = "job/" + newest.Name
	w.of = " of " + w.name + cron.of
	return w, nil
}

// pods lists the workload's pods, newest first, without the copies that this tool made of them: a copy
// is only meant where the selector asks for our mark.
func (f finder) pods(ctx context.Context, w workload) ([]corev1.Pod, error) {
	if _, some := w.selector.Requirements(); !some {
		return nil, nil // to the API server, its text would be that of a selector of everything
	}
	list, err := f.client.CoreV1().Pods(f.namespace).List(ctx, metav1.ListOptions{LabelSelector: w.selector.String()})
	if err != nil {
		return nil, f.refused(fmt.Errorf("list pods%s: %w", w.of, err), "", "pods", "list")
	}
	copies := w.name == "" && mentions(w.selector, labelManagedBy)
	pods := slices.DeleteFunc(list.Items, func(p corev1.Pod) bool {
		strange := w.owner != nil && !metav1.IsControlledBy(&p, w.owner)
		return strange || (!copies && p.Labels[labelManagedBy] == managedBy)
	})
	slices.SortFunc(pods, func(a, b corev1.Pod) int { return newestFirst(&a, &b) })
	return pods, nil
}

func mentions(selector labels.Selector, key string) bool {
	requirements, _ := selector.Requirements()
	return slices.ContainsFunc(requirements, func(r labels.Requirement) bool { return r.Key() == key })
}

// newestFirst orders by age, and by name where the age is the same: the API server's clock ticks in seconds.
func newestFirst(a, b metav1.Object) int {
	return cmp.Or(b.GetCreationTimestamp().Compare(a.GetCreationTimestamp().Time), strings.Compare(a.GetName(), b.GetName()))
}

// refused adds to an API error that says "forbidden" the rule that would allow the request.
func (f finder) refused(err error, group, resource, verb string) error {
	if !apierrors.IsForbidden(err) {
		return err
	}
	return hint.With(err, fmt.Sprintf("ask an admin to add these rules to your Role in namespace %s:\n- apiGroups: [%q]\n  resources: [%q]\n  verbs: [%q]",
		f.namespace, group, resource, verb))
}
