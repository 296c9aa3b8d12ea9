// SPDX-License-Identifier: Apache-2.0

package target

import (
	"context"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes"
)

// cronJobKind is apart from the others: it keeps jobs, and those keep the pods.
const cronJobKind = "cronjob"

// workload is the object that was named instead of a pod, with what selects its pods.
type workload struct {
	// name is its kind and name ("deployment/web"); "" where pods were asked for by their labels.
	name string
	// of follows "pods" in a sentence (" of deployment/web").
	of       string
	selector labels.Selector
	// owner controls its pods; nil where the selector alone decides, as it does for a Service, and for a
	// Deployment, whose pods belong to its ReplicaSets.
	owner metav1.Object
	// state is why it may have no pods ("0 replicas wanted"); "" if unknown.
	state string
	// scaled is true if it was scaled to zero.
	scaled bool
}

func deployment(ctx context.Context, client kubernetes.Interface, namespace, name string) (workload, error) {
	d, err := client.AppsV1().Deployments(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return workload{}, err
	}
	selector, err := metav1.LabelSelectorAsSelector(d.Spec.Selector)
	return workload{selector: selector, state: wanted(d.Spec.Replicas), scaled: none(d.Spec.Replicas)}, err
}

func statefulSet(ctx context.Context, client kubernetes.Interface, namespace, name string) (workload, error) {
	s, err := client.AppsV1().StatefulSets(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return workload{}, err
	}
	selector, err := metav1.LabelSelectorAsSelector(s.Spec.Selector)
	return workload{selector: selector, owner: s, state: wanted(s.Spec.Replicas), scaled: none(s.Spec.Replicas)}, err
}

func replicaSet(ctx context.Context, client kubernetes.Interface, namespace, name string) (workload, error) {
	r, err := client.AppsV1().ReplicaSets(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return workload{}, err
	}
	selector, err := metav1.LabelSelectorAsSelector(r.Spec.Selector)
	return workload{selector: selector, owner: r, state: wanted(r.Spec.Replicas)}, err
}

func replicationController(ctx context.Context, client kubernetes.Interface, namespace, name string) (workload, error) {
	r, err := client.CoreV1().ReplicationControllers(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return workload{}, err
	}
	return workload{
		selector: bare(r.Spec.Selector), owner: r,
		state: wanted(r.Spec.Replicas), scaled: none(r.Spec.Replicas),
	}, nil
}

func daemonSet(ctx context.Context, client kubernetes.Interface, namespace, name string) (workload, error) {
	d, err := client.AppsV1().DaemonSets(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return workload{}, err
	}
	selector, err := metav1.LabelSelectorAsSelector(d.Spec.Selector)
	return workload{selector: selector, owner: d, state: "wanted on " + count(int(d.Status.DesiredNumberScheduled), "node")}, err
}

func job(ctx context.Context, client kubernetes.Interface, namespace, name string) (workload, error) {
	j, err := client.BatchV1().Jobs(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return workload{}, err
	}
	return ofJob(j)
}

func ofJob(j *batchv1.Job) (workload, error) {
	selector, err := metav1.LabelSelectorAsSelector(j.Spec.Selector)
	w := workload{selector: selector, owner: j}
	switch {
	case j.Spec.Suspend != nil && *j.Spec.Suspend:
		w.state = "it is suspended"
	case j.Status.CompletionTime != nil:
		w.state = "it has completed"
	}
	return w, err
}

// cronJob has no selector: what it controls is jobs.
func cronJob(ctx context.Context, client kubernetes.Interface, namespace, name string) (workload, error) {
	c, err := client.BatchV1().CronJobs(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return workload{}, err
	}
	w := workload{owner: c, state: fmt.Sprintf("its schedule is %q", c.Spec.Schedule)}
	if c.Spec.Suspend != nil && *c.Spec.Suspend {
		w.state = "it is suspended"
	}
	return w, nil
}

// service selects nothing where it has no selector, as with endpoints that somebody keeps by hand.
func service(ctx context.Context, client kubernetes.Interface, namespace, name string) (workload, error) {
	s, err := client.CoreV1().Services(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return workload{}, err
	}
	w := workload{selector: bare(s.Spec.Selector)}
	if len(s.Spec.Selector) == 0 {
		w.state = "it has no selector"
	}
	return w, nil
}

// bare makes a selector of a map. An empty one selects nothing, unlike an empty label selector.
func bare(set map[string]string) labels.Selector {
	if len(set) == 0 {
		return labels.Nothing()
	}
	return labels.SelectorFromSet(set)
}

// wanted reads a number of replicas as the API does: left out, it is one.
func wanted(replicas *int32) string {
	if replicas == nil {
		return "1 replica wanted"
	}
	return count(int(*replicas), "replica") + " wanted"
}

func none(replicas *int32) bool { return replicas != nil && *replicas == 0 }

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
