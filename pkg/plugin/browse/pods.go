// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/pick"
)

// mostPods is how many pods are asked for.
const mostPods = 2000

func podsOf(ctx context.Context, b *browser, namespace string) ([]corev1.Pod, error) {
	client, err := b.deps.Client()
	if err != nil {
		return nil, err
	}
	list, err := client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{Limit: mostPods})
	if err != nil {
		return nil, fmt.Errorf("list pods in namespace %s: %w", namespace, err)
	}
	return list.Items, nil
}

// namespacesOf names all that there are.
func namespacesOf(ctx context.Context, b *browser) ([]string, error) {
	client, err := b.deps.Client()
	if err != nil {
		return nil, err
	}
	list, err := client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{Limit: mostPods})
	if err != nil {
		return nil, fmt.Errorf("list namespaces: %w", err)
	}
	var names []string
	for i := range list.Items {
		names = append(names, list.Items[i].Name)
	}
	return names, nil
}

// pods lists the pods of a namespace, those in trouble first.
func (b *browser) pods(ctx context.Context, namespace string) ([]pick.Row, error) {
	items, err := podsOf(ctx, b, namespace)
	return pick.Rows(items, b.deps.Now()), err
}

// replica opens another pod of the workload that made a first one: one that runs, and is ready if any is.
func (b *browser) replica(ctx context.Context, of spot) (opened, error) {
	items, err := podsOf(ctx, b, of.namespace)
	if err != nil {
		return opened{}, err
	}
	other := of
	other.pid = 0
	if i := slices.IndexFunc(items, func(p corev1.Pod) bool { return p.Name == of.pod }); i >= 0 {
		if owner := metav1.GetControllerOf(&items[i]); owner != nil {
			other.pod = otherOf(items, of.pod, owner.UID)
		}
	}
	if other.pod == of.pod || other.pod == "" {
		return opened{}, errors.New("no other pod of its workload runs: have one on the other side (tab, then P)")
	}
	return b.visit(ctx, other)
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
