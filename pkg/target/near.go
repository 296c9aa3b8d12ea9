// SPDX-License-Identifier: Apache-2.0

package target

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

const (
	// maxListed is how many pods are looked through for the one that was meant.
	maxListed = 500
	// maxNear is how many of them are named.
	maxNear = 3
)

// NotFoundError says that a namespace has no pod of a name.
type NotFoundError struct {
	Name, Namespace string
	// Near are what may have been meant, the nearest first, as Ref.Arg takes it.
	Near []string
	// Pods are the names of the namespace's pods; none where they may not be listed.
	Pods []string
}

func (e *NotFoundError) Error() string {
	text := fmt.Sprintf("pod %q not found in namespace %q", e.Name, e.Namespace)
	if len(e.Near) == 0 {
		return text
	}
	last := len(e.Near) - 1
	near := e.Near[last]
	if last > 0 {
		near = strings.Join(e.Near[:last], ", ") + " or " + near
	}
	return text + ": did you mean " + near + "?"
}

// notFound lists the pods, once, for those that may have been meant.
func (f finder) notFound(ctx context.Context, name string) error {
	missing := &NotFoundError{Name: name, Namespace: f.namespace}
	list, err := f.client.CoreV1().Pods(f.namespace).List(ctx, metav1.ListOptions{Limit: maxListed})
	if err == nil {
		for i := range list.Items {
			missing.Pods = append(missing.Pods, list.Items[i].Name)
		}
		missing.Near = near(list.Items, name)
	}
	try := "run kubectl get pods -n " + f.namespace + ", or use -n for another namespace"
	if !isPattern(name) && len(missing.Near) == 0 {
		try = fmt.Sprintf("run kubectl get pods -n %s, use deploy/%s if it is a Deployment, or use -n for another namespace", f.namespace, name)
	}
	return hint.With(missing, try)
}

// isPattern reports whether a name is one for a shell to expand.
func isPattern(name string) bool {
	_, err := path.Match(name, "")
	return err == nil && strings.ContainsAny(name, "*?[") && !strings.ContainsAny(name, `\/`)
}

// near are the pods whose names match, begin like or are nearly the name, or what keeps pods and has that very name.
func near(pods []corev1.Pod, name string) []string {
	ranks := map[string]int{}
	for i := range pods {
		pod := &pods[i]
		if pod.Labels[labelManagedBy] == managedBy {
			continue
		}
		matches, _ := path.Match(name, pod.Name) // a bad pattern matches nothing
		switch keeper := keeperOf(pod); {
		case strings.HasSuffix(keeper, "/"+name):
			ranks[keeper] = 1
		case matches && isPattern(name):
			ranks[pod.Name] = 2
		case strings.HasPrefix(pod.Name, name):
			ranks[pod.Name] = 2
		case hint.Near(name, pod.Name):
			ranks[pod.Name] = 3
		}
	}
	names := make([]string, 0, len(ranks))
	for name := range ranks {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(ranks[a]-ranks[b], strings.Compare(a, b)) })
	return names[:min(len(names), maxNear)]
}

// keeperOf is the workload that keeps a pod, as TYPE/NAME, or "".
func keeperOf(pod *corev1.Pod) string {
	owner := metav1.GetControllerOf(pod)
	if owner == nil {
		return ""
	}
	if hash := pod.Labels[appsv1.DefaultDeploymentUniqueLabelKey]; owner.Kind == "ReplicaSet" && hash != "" {
		return "deploy/" + strings.TrimSuffix(owner.Name, "-"+hash)
	}
	k, ok := kindNamed(owner.Kind)
	if !ok {
		return ""
	}
	return cmp.Or(k.short, k.name) + "/" + owner.Name
}
