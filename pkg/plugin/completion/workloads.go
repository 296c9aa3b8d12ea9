// SPDX-License-Identifier: Apache-2.0

package completion

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// completeTarget completes a pod or, behind a kind and with --patch, a workload whose template can be patched.
func completeTarget(deps *cli.Deps, cmd *cobra.Command, word string) []cobra.Completion {
	kind, _, typed := strings.Cut(word, "/")
	if typed {
		if w, err := target.ParseWorkload(kind + "/x"); err == nil {
			return workloads(cmd.Context(), deps, word, map[string]string{kind: w.Kind})
		}
	}
	if patch, err := cmd.Flags().GetBool("patch"); err == nil && patch && !typed {
		return workloads(cmd.Context(), deps, word, map[string]string{"deploy": "deployment", "sts": "statefulset", "ds": "daemonset"})
	}
	return Pods(cmd.Context(), deps, word)
}

// workloads lists those of some kinds, by the prefixes that they are to have, with how many of their pods are ready.
func workloads(ctx context.Context, deps *cli.Deps, word string, kinds map[string]string) []cobra.Completion {
	client, err := deps.Client()
	if err != nil {
		return nil
	}
	ns, err := cli.Namespace(deps)
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	var out []cobra.Completion
	for prefix, kind := range kinds {
		ready, err := readiness(ctx, client, ns, kind)
		if err != nil {
			continue // another kind may be allowed
		}
		for name, state := range ready {
			if name = prefix + "/" + name; strings.HasPrefix(name, word) {
				out = append(out, cobra.CompletionWithDesc(name, state))
			}
		}
	}
	slices.Sort(out)
	return out
}

// readiness is how many pods of each workload of a kind are ready, by its name.
func readiness(ctx context.Context, client kubernetes.Interface, ns, kind string) (map[string]string, error) {
	options, ready := metav1.ListOptions{Limit: mostPods}, map[string]string{}
	add := func(name string, is, want int32) { ready[name] = fmt.Sprintf("%d of %d ready", is, want) }
	switch apps := client.AppsV1(); kind {
	case "deployment":
		list, err := apps.Deployments(ns).List(ctx, options)
		if err != nil {
			return nil, err
		}
		for i := range list.Items {
			add(list.Items[i].Name, list.Items[i].Status.ReadyReplicas, list.Items[i].Status.Replicas)
		}
	case "statefulset":
		list, err := apps.StatefulSets(ns).List(ctx, options)
		if err != nil {
			return nil, err
		}
		for i := range list.Items {
			add(list.Items[i].Name, list.Items[i].Status.ReadyReplicas, list.Items[i].Status.Replicas)
		}
	default:
		list, err := apps.DaemonSets(ns).List(ctx, options)
		if err != nil {
			return nil, err
		}
		for i := range list.Items {
			add(list.Items[i].Name, list.Items[i].Status.NumberReady, list.Items[i].Status.DesiredNumberScheduled)
		}
	}
	return ready, nil
}
