// SPDX-License-Identifier: Apache-2.0

package target

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

// Workload names what makes pods of a template and replaces them when the template changes.
type Workload struct{ Kind, Name string }

// String names it as kubectl does.
func (w Workload) String() string { return w.Kind + "/" + w.Name }

// Plural is the kind as authorization rules name it. All of them are of API group apps.
func (w Workload) Plural() string { return w.Kind + "s" }

// WorkloadKinds are those whose pods are replaced when their template changes.
func WorkloadKinds() []string { return []string{"deployment", "statefulset", "daemonset"} }

// ParseWorkload takes TYPE/NAME of such a kind, in the forms of kubectl's command line.
func ParseWorkload(arg string) (Workload, error) {
	q, err := parseArg(arg)
	if err == nil && !slices.Contains(WorkloadKinds(), q.kind.name) {
		err = hint.With(fmt.Errorf("%q is not a deployment, statefulset or daemonset", arg), "use deploy/NAME, sts/NAME or ds/NAME")
	}
	return Workload{q.kind.name, q.name}, err
}

// ResolveWorkload finds the workload that ref means: the one named, or the one whose pod is named. A pod costs one request,
// and one more where a ReplicaSet stands between the two.
func ResolveWorkload(ctx context.Context, client kubernetes.Interface, namespace string, ref Ref) (Workload, error) {
	q, err := ref.parse()
	switch {
	case err != nil:
		return Workload{}, err
	case q.selector != nil:
		return Workload{}, hint.With(fmt.Errorf("labels %q do not name a workload to patch", ref.Selector), "use deploy/NAME, sts/NAME or ds/NAME")
	case q.kind.get != nil:
		return ParseWorkload(ref.Arg)
	}
	f := finder{client: client, namespace: namespace}
	pod, err := f.pod(ctx, q.name)
	if err != nil {
		return Workload{}, err
	}
	owner := metav1.GetControllerOf(pod)
	if owner != nil && owner.Kind == "ReplicaSet" {
		set, err := client.AppsV1().ReplicaSets(namespace).Get(ctx, owner.Name, metav1.GetOptions{})
		if err != nil {
			return Workload{}, f.refused(fmt.Errorf("get replicaset/%s, which owns pod/%s: %w", owner.Name, pod.Name, err), "apps", "replicasets", "get")
		}
		owner = metav1.GetControllerOf(set)
	}
	if owner != nil {
		if k, ok := kindNamed(owner.Kind); ok && slices.Contains(WorkloadKinds(), k.name) {
			return Workload{k.name, owner.Name}, nil
		}
	}
	what := "it has no controller (Deployment, StatefulSet or DaemonSet)"
	if owner != nil {
		what = fmt.Sprintf("it is controlled by %s %s, whose pods are not replaced when its template changes", owner.Kind, owner.Name)
	}
	return Workload{}, hint.With(fmt.Errorf("pod/%s has no workload to patch: %s", pod.Name, what), fmt.Sprintf("kubectl shareproc debug %s --copy", pod.Name))
}

// InTemplate picks the container of a workload's template, as Resolve does of a pod's. The pod is one that the template would
// make, and there is none of that name.
func InTemplate(namespace, name string, template *corev1.PodTemplateSpec, container string) (Target, error) {
	return pick(&corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace, Labels: template.Labels, Annotations: template.Annotations},
		Spec:       *template.Spec.DeepCopy(),
	}, container)
}
