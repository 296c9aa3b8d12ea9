// SPDX-License-Identifier: Apache-2.0

package completion

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// completeTarget completes a pod or, behind a kind and with --patch, a workload whose template can be patched.
func completeTarget(deps *cli.Deps, cmd *cobra.Command, word string) []cobra.Completion {
	if namespace := target.ParseWord(word + "x").Namespace; namespace != "" && cli.OneNamespace(cmd, word) == nil {
		var out []cobra.Completion
		for _, name := range completeTarget(cli.Within(deps, namespace), cmd, strings.TrimPrefix(word, namespace+"/")) {
			out = append(out, namespace+"/"+name)
		}
		return out
	}
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
	client, err := deps.Dynamic()
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
func readiness(ctx context.Context, client dynamic.Interface, ns, kind string) (map[string]string, error) {
	resource := appsv1.SchemeGroupVersion.WithResource(target.Workload{Kind: kind}.Plural())
	list, err := client.Resource(resource).Namespace(ns).List(ctx, metav1.ListOptions{Limit: maxPods})
	if err != nil {
		return nil, err
	}
	is, want := "readyReplicas", "replicas"
	if kind == "daemonset" {
		is, want = "numberReady", "desiredNumberScheduled"
	}
	ready := map[string]string{}
	for i := range list.Items {
		number := func(name string) int64 {
			n, _, _ := unstructured.NestedInt64(list.Items[i].Object, "status", name) // 0 where it is not there
			return n
		}
		ready[list.Items[i].GetName()] = fmt.Sprintf("%d of %d ready", number(is), number(want))
	}
	return ready, nil
}
