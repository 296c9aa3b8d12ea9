// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/place"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/pick"
)

// mostNamespaces is how many are asked for.
const mostNamespaces = 2000

// Namespaces names all that there are.
func (b *Backend) Namespaces(ctx context.Context) ([]string, error) {
	client, err := b.deps.Client()
	if err != nil {
		return nil, err
	}
	list, err := client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{Limit: mostNamespaces})
	if err != nil {
		return nil, fmt.Errorf("list namespaces: %w", err)
	}
	var names []string
	for i := range list.Items {
		names = append(names, list.Items[i].Name)
	}
	return names, nil
}

// Pods lists the pods of a namespace, those in trouble first.
func (b *Backend) Pods(ctx context.Context, namespace string) ([]pick.Row, error) {
	list, err := pick.Pods(ctx, b.deps, namespace)
	if err != nil {
		return nil, err
	}
	return pick.Rows(list.Items, b.deps.Now()), nil
}

// Replica opens another pod of the workload that made a first one: one that runs, and is ready if any is.
func (b *Backend) Replica(ctx context.Context, of place.Spot) (place.Opened, error) {
	list, err := pick.Pods(ctx, b.deps, of.Namespace)
	if err != nil {
		return place.Opened{}, err
	}
	items := list.Items
	other := of
	other.PID = 0
	if i := slices.IndexFunc(items, func(p corev1.Pod) bool { return p.Name == of.Pod }); i >= 0 {
		if owner := metav1.GetControllerOf(&items[i]); owner != nil {
			other.Pod = otherOf(items, of.Pod, owner.UID)
		}
	}
	if other.Pod == of.Pod || other.Pod == "" {
		return place.Opened{}, errors.New("no other pod of its workload runs: have one on the other side (tab, then P)")
	}
	return b.Visit(ctx, other)
}

// otherOf names a pod that an owner has made, other than one.
func otherOf(pods []corev1.Pod, not string, owner types.UID) (name string) {
	for i := range pods {
		p := &pods[i]
		by := metav1.GetControllerOf(p)
		if by == nil || by.UID != owner || p.Name == not || p.DeletionTimestamp != nil || p.Status.Phase != corev1.PodRunning {
			continue
		}
		ready := slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue })
		if ready {
			return p.Name
		}
		name = p.Name
	}
	return name
}
