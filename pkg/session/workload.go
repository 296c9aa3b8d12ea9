// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// workload is a Deployment, StatefulSet or DaemonSet, as the API server last described it.
type workload struct {
	target.Workload
	meta     metav1.Object
	template *corev1.PodTemplateSpec
	selector *metav1.LabelSelector
	// pods is how many it wants.
	pods int32
	// fixed says why a change of the template would not reach its pods; "" where it would.
	fixed string
	// how says in which way its pods are replaced.
	how string
	// rollout tells how far the last change has got.
	rollout func() (done bool, state string, err error)
}

// missing is the API server's "not found" in words that say where.
type missing struct {
	error
	text string
}

func (m missing) Error() string { return m.text }
func (m missing) Unwrap() error { return m.error }

// workload reads one.
func (o *Opener) workload(ctx context.Context, namespace string, w target.Workload) (workload, error) {
	var object runtime.Object
	var err error
	apps := o.Client.AppsV1()
	switch w.Kind {
	case "deployment":
		object, err = apps.Deployments(namespace).Get(ctx, w.Name, metav1.GetOptions{})
	case "statefulset":
		object, err = apps.StatefulSets(namespace).Get(ctx, w.Name, metav1.GetOptions{})
	default:
		object, err = apps.DaemonSets(namespace).Get(ctx, w.Name, metav1.GetOptions{})
	}
	if apierrors.IsNotFound(err) {
		return workload{}, hint.With(missing{err, fmt.Sprintf("get %s: there is no such %s in namespace %s", w, w.Kind, namespace)},
			fmt.Sprintf("kubectl get %s -n %s, or name another namespace with -n", w.Plural(), namespace))
	}
	if err != nil {
		return workload{}, lacking(fmt.Errorf("get %s: %w", w, err), namespace, rule{"get", w.Plural() + appsGroup, ""})
	}
	return workloadOf(object)
}

// change sends operations to a workload. With dry nothing is changed.
func (o *Opener) change(ctx context.Context, w workload, ops []podspec.Op, dry bool) (workload, error) {
	body, err := json.Marshal(ops)
	if err != nil {
		return workload{}, err
	}
	options := metav1.PatchOptions{FieldManager: podspec.FieldManager}
	if dry {
		options.DryRun = dryRun
	}
	var object runtime.Object
	apps, ns, name := o.Client.AppsV1(), w.meta.GetNamespace(), w.Name
	switch w.Kind {
	case "deployment":
		object, err = apps.Deployments(ns).Patch(ctx, name, types.JSONPatchType, body, options)
	case "statefulset":
		object, err = apps.StatefulSets(ns).Patch(ctx, name, types.JSONPatchType, body, options)
	default:
		object, err = apps.DaemonSets(ns).Patch(ctx, name, types.JSONPatchType, body, options)
	}
	if err != nil {
		return workload{}, lacking(fmt.Errorf("patch %s: %w", w, err), ns, rule{"patch", w.Plural() + appsGroup, ""})
	}
	return workloadOf(object)
}

var errNoWorkload = errors.New("not a workload")

func workloadOf(object runtime.Object) (workload, error) {
	switch x := object.(type) {
	case *appsv1.Deployment:
		return ofDeployment(x), nil
	case *appsv1.StatefulSet:
		return ofStatefulSet(x), nil
	case *appsv1.DaemonSet:
		return ofDaemonSet(x), nil
	}
	return workload{}, errNoWorkload
}

func ofDeployment(d *appsv1.Deployment) workload {
	w := workload{
		Workload: target.Workload{Kind: "deployment", Name: d.Name}, meta: d, template: &d.Spec.Template, selector: d.Spec.Selector,
		pods: orOne(d.Spec.Replicas), how: "some at a time",
		rollout: func() (bool, string, error) { return deploymentRollout(d) },
	}
	if d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType {
		w.how = "all at once (strategy Recreate)"
	}
	if d.Spec.Paused {
		w.fixed = "it is paused"
	}
	return w
}

func ofStatefulSet(s *appsv1.StatefulSet) workload {
	w := workload{
		Workload: target.Workload{Kind: "statefulset", Name: s.Name}, meta: s, template: &s.Spec.Template, selector: s.Spec.Selector,
		pods: orOne(s.Spec.Replicas), how: "one after the other",
		rollout: func() (bool, string, error) { return statefulSetRollout(s) },
	}
	switch update := s.Spec.UpdateStrategy; {
	case update.Type == appsv1.OnDeleteStatefulSetStrategyType:
		w.fixed = "it replaces pods only when they are deleted (OnDelete)"
	case partitionOf(s) > 0:
		w.pods = max(w.pods-partitionOf(s), 0)
		if w.pods == 0 {
			w.fixed = "its update strategy's partition keeps every pod as it is"
		}
	}
	return w
}

func ofDaemonSet(d *appsv1.DaemonSet) workload {
	w := workload{
		Workload: target.Workload{Kind: "daemonset", Name: d.Name}, meta: d, template: &d.Spec.Template, selector: d.Spec.Selector,
		pods: d.Status.DesiredNumberScheduled, how: "some at a time",
		rollout: func() (bool, string, error) { return daemonSetRollout(d) },
	}
	if d.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType {
		w.fixed = "it replaces pods only when they are deleted (OnDelete)"
	}
	return w
}

func orOne(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}

func partitionOf(s *appsv1.StatefulSet) int32 {
	if r := s.Spec.UpdateStrategy.RollingUpdate; r != nil && r.Partition != nil {
		return *r.Partition
	}
	return 0
}

// deploymentRollout, and the two below, go by the rules of kubectl rollout status (k8s.io/kubectl/pkg/polymorphichelpers).
func deploymentRollout(d *appsv1.Deployment) (bool, string, error) {
	s := &d.Status
	if d.Generation > s.ObservedGeneration {
		return false, "the change has not been seen yet", nil
	}
	for _, c := range s.Conditions {
		switch {
		case c.Type == appsv1.DeploymentProgressing && c.Reason == "ProgressDeadlineExceeded":
			return false, "", fmt.Errorf("roll out deployment/%s: %s: %s", d.Name, c.Reason, c.Message)
		case c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue:
			return false, "", fmt.Errorf("roll out deployment/%s: %s: %s", d.Name, c.Reason, c.Message)
		}
	}
	wanted := orOne(d.Spec.Replicas)
	switch {
	case s.UpdatedReplicas < wanted:
		return false, fmt.Sprintf("new pods: %d of %d", s.UpdatedReplicas, wanted), nil
	case s.Replicas > s.UpdatedReplicas:
		return false, fmt.Sprintf("old pods that are still there: %d", s.Replicas-s.UpdatedReplicas), nil
	case s.AvailableReplicas < s.UpdatedReplicas:
		return false, fmt.Sprintf("available: %d of %d new pods", s.AvailableReplicas, s.UpdatedReplicas), nil
	}
	return true, "", nil
}

func statefulSetRollout(s *appsv1.StatefulSet) (bool, string, error) {
	wanted, st := orOne(s.Spec.Replicas), &s.Status
	switch p := partitionOf(s); {
	case s.Generation > st.ObservedGeneration:
		return false, "the change has not been seen yet", nil
	case st.ReadyReplicas < wanted:
		return false, fmt.Sprintf("ready: %d of %d pods", st.ReadyReplicas, wanted), nil
	case p > 0 && st.UpdatedReplicas < wanted-p:
		return false, fmt.Sprintf("new pods: %d of %d", st.UpdatedReplicas, wanted-p), nil
	case p == 0 && st.UpdateRevision != st.CurrentRevision:
		return false, fmt.Sprintf("new pods: %d of %d", st.UpdatedReplicas, wanted), nil
	}
	return true, "", nil
}

func daemonSetRollout(d *appsv1.DaemonSet) (bool, string, error) {
	s := &d.Status
	switch {
	case d.Generation > s.ObservedGeneration:
		return false, "the change has not been seen yet", nil
	case s.UpdatedNumberScheduled < s.DesiredNumberScheduled:
		return false, fmt.Sprintf("new pods: %d of %d", s.UpdatedNumberScheduled, s.DesiredNumberScheduled), nil
	case s.NumberAvailable < s.DesiredNumberScheduled:
		return false, fmt.Sprintf("available: %d of %d new pods", s.NumberAvailable, s.DesiredNumberScheduled), nil
	}
	return true, "", nil
}

// awaitRollout waits until a workload's last change has reached its pods. It fails at once for what time will not mend,
// and when nothing has moved for o.Timeout. look is asked each time whether something is wrong; it may be nil.
func (o *Opener) awaitRollout(ctx context.Context, namespace string, name target.Workload, look func(context.Context) (string, error)) error {
	ticker := time.NewTicker(rolloutLook)
	defer ticker.Stop()
	last, moved, said := "", time.Now(), ""
	for {
		done, state, err := o.progress(ctx, namespace, name, look)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && !passing(err):
			return err
		case done && err == nil:
			return nil
		case state != last:
			last, moved = state, time.Now()
		case time.Since(moved) > o.Timeout:
			return hint.With(fmt.Errorf("roll out %s: nothing has moved for %s: %s", name, brief(o.Timeout), last),
				fmt.Sprintf("kubectl describe -n %s %s and its pods, or a longer --timeout", namespace, name))
		}
		if state != "" && state != said {
			o.Say("waiting for %s: %s", name, state)
			said = state
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// progress is one look at a rollout.
func (o *Opener) progress(ctx context.Context, namespace string, name target.Workload, look func(context.Context) (string, error)) (bool, string, error) {
	w, err := o.workload(ctx, namespace, name)
	if err != nil {
		return false, "", err
	}
	done, state, err := w.rollout()
	if look == nil || err != nil || done {
		return done, state, err
	}
	more, err := look(ctx)
	return false, state + more, err
}

// rolloutLook is how often a workload is read while it replaces its pods.
const rolloutLook = 500 * time.Millisecond

// passing tells an error of the way to the server from one of its answers.
func passing(err error) bool {
	var status apierrors.APIStatus
	return unreachable(err) || errors.As(err, &status) && (apierrors.IsServerTimeout(err) || apierrors.IsTooManyRequests(err) || apierrors.IsTimeout(err) || apierrors.IsServiceUnavailable(err))
}
