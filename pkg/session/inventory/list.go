// SPDX-License-Identifier: Apache-2.0

// Package inventory answers "what of ours is in the cluster, and how is it ended?": helpers, copies and patches, of any user and
// any session, as the cluster knows them. It opens nothing.
package inventory

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/patch"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/rbac"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// page is the number of pods per list request, as in kubectl.
const page = 500

// Scope limits a list of entries.
type Scope struct {
	// Namespace is "" for all namespaces.
	Namespace string
	// Pod, if set, limits it to that pod and its copies, and Container to a helper in that pod.
	Pod, Container string
	// Workload, if set, limits it to the patch of that workload.
	Workload target.Workload
}

// Manager lists, queries and ends what sessions left.
type Manager struct{ cluster.Cluster }

// List returns all helpers that have not exited, all copies and all patched workloads; LookAt adds what only helpers
// know.
func (o Manager) List(ctx context.Context, in Scope) ([]Entry, error) {
	var list []Entry
	var err error
	switch {
	case in.Workload.Name != "":
		var found []patch.Found
		found, err = patch.Find(ctx, o.Cluster, in.Namespace, in.Workload)
		list = patchEntries(found, o.Time())
	case in.Pod != "":
		list, err = o.listOf(ctx, in)
	default:
		err = o.eachPod(ctx, in.Namespace, "", func(pod *corev1.Pod) { list = append(list, entriesOf(pod)...) })
		if err == nil {
			list = append(list, patches(ctx, o.Cluster, in.Namespace)...)
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	slices.SortStableFunc(list, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Pod, b.Pod), cmp.Compare(a.Workload.String(), b.Workload.String()), a.Since.Compare(b.Since))
	})
	return list, err
}

// listOf returns the entries of one pod, which may be deleted while a copy of it exists. Without permission to list
// pods it returns the pod alone.
func (o Manager) listOf(ctx context.Context, in Scope) ([]Entry, error) {
	var list []Entry
	pod, err := o.Client.CoreV1().Pods(in.Namespace).Get(ctx, in.Pod, metav1.GetOptions{})
	gone := apierrors.IsNotFound(err)
	switch {
	case err == nil:
		list = entriesOf(pod)
	case !gone:
		return nil, rbac.Advise(fmt.Errorf("get pod/%s: %w", in.Pod, err), in.Namespace, rbac.Rule("get", "pods"))
	}
	if in.Container != "" {
		return slices.DeleteFunc(list, func(e Entry) bool { return e.Kind != KindHelper || e.Container != in.Container }), nil
	}
	err = o.eachPod(ctx, in.Namespace, podspec.LabelManagedBy+"="+podspec.ManagedBy, func(pod *corev1.Pod) {
		if podspec.IsCopy(pod) && pod.Annotations[podspec.AnnotationCopyOf] == in.Pod {
			list = append(list, entriesOf(pod)...)
		}
	})
	if apierrors.IsForbidden(err) && !gone {
		o.Report.Say("copies of pod/%s are not listed: you lack permission to list pods in namespace %s", in.Pod, in.Namespace)
		err = nil
	}
	if err == nil && gone && len(list) == 0 {
		return nil, hint.With(fmt.Errorf("pod %q not found in namespace %q, nor a copy of it", in.Pod, in.Namespace),
			"kubectl shareproc sessions -n "+in.Namespace)
	}
	return list, err
}

// eachPod reads a namespace page by page, so that a large cluster does not fill the memory.
func (o Manager) eachPod(ctx context.Context, namespace, labels string, do func(*corev1.Pod)) error {
	options := metav1.ListOptions{LabelSelector: labels, Limit: page}
	for {
		pods, err := o.Client.CoreV1().Pods(namespace).List(ctx, options)
		if err != nil {
			return rbac.Advise(fmt.Errorf("list pods: %w", err), namespace, rbac.Rule("list", "pods"))
		}
		for i := range pods.Items {
			do(&pods.Items[i])
		}
		if options.Continue = pods.Continue; options.Continue == "" {
			return nil
		}
	}
}

// patches lists the patched workloads of a namespace ("" for all). Without permission it says so: there may be some.
func patches(ctx context.Context, c cluster.Cluster, namespace string) []Entry {
	found, err := patch.List(ctx, c, namespace)
	if err != nil && ctx.Err() == nil {
		c.Report.Say("patched workloads are not listed: %v", err)
	}
	return patchEntries(found, c.Time())
}
