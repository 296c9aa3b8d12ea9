// SPDX-License-Identifier: Apache-2.0

// Package target answers "whom?": from what the user typed to a pod and one of its containers, and
// whether there is anything in it to look at. It only reads; it starts nothing and chooses no way in.
package target

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

// Target is a container of a pod, as the API server last described it.
type Target struct {
	Pod       *corev1.Pod
	Container string
}

// defaultContainer is kubectl's own annotation for the container that is meant when none is named.
const defaultContainer = "kubectl.kubernetes.io/default-container"

// ParseName takes the forms in which a pod is named on kubectl's command line ("nginx", "pod/nginx",
// "pods/nginx", "po/nginx") and returns the pod's name.
func ParseName(arg string) (string, error) {
	kind, name, found := strings.Cut(arg, "/")
	if !found {
		kind, name = "pod", arg
	}
	switch strings.ToLower(kind) {
	case "pod", "pods", "po":
	default:
		return "", hint.With(fmt.Errorf("resolve %q: only pods can be named, not %q", arg, kind),
			"kubectl get pods, then name one of them")
	}
	if problems := validation.IsDNS1123Subdomain(name); len(problems) > 0 {
		return "", fmt.Errorf("resolve %q: not the name of a pod: %s", arg, problems[0])
	}
	return name, nil
}

// Resolve gets the pod that arg names, with one request, and picks the container: the one named, else
// the one that the pod's default-container annotation names, else the first. It does not look whether
// the container runs.
func Resolve(ctx context.Context, client kubernetes.Interface, namespace, arg, container string) (Target, error) {
	name, err := ParseName(arg)
	if err != nil {
		return Target{}, err
	}
	pod, err := client.CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return Target{}, hint.With(fmt.Errorf("get pod/%s: there is no such pod in namespace %s", name, namespace),
			fmt.Sprintf("kubectl get pods -n %s, or name another namespace with -n", namespace))
	case err != nil:
		return Target{}, fmt.Errorf("get pod/%s: %w", name, err)
	}
	return pick(pod, container)
}

func pick(pod *corev1.Pod, container string) (Target, error) {
	names := Containers(pod)
	if container == "" {
		container = defaultOf(pod)
	}
	if !contains(names, container) {
		return Target{}, hint.With(fmt.Errorf("find container %s: pod/%s has none of that name", container, pod.Name),
			"-c with one of: "+strings.Join(names, ", "))
	}
	return Target{Pod: pod, Container: container}, nil
}

// defaultOf is the container that is meant when none is named. An annotation that names none of the
// pod's is taken for a leftover.
func defaultOf(pod *corev1.Pod) string {
	if name := pod.Annotations[defaultContainer]; contains(Containers(pod), name) {
		return name
	}
	return pod.Spec.Containers[0].Name
}

// Containers lists the names that -c can take: containers first, then init containers.
func Containers(pod *corev1.Pod) []string {
	var names []string
	for _, list := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		for i := range list {
			names = append(names, list[i].Name)
		}
	}
	return names
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}
