// SPDX-License-Identifier: Apache-2.0

package patch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/admission"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/rbac"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// appsGroup follows the resource of a rule on workloads.
const appsGroup = ".apps"

// workload is a Deployment, StatefulSet or DaemonSet, as the API server last described it.
type workload struct {
	target.Workload
	meta     metav1.Object
	template *corev1.PodTemplateSpec
	selector *metav1.LabelSelector
	// pods is the desired number of pods.
	pods int32
	// fixed is why a change of the template would not reach the pods; "" if it would.
	fixed string
	// how is the order in which pods are replaced.
	how string

	fields workloadFields
}

// workloadFields are the fields that matter here; a field that a kind lacks is zero.
type workloadFields struct {
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		Replicas       *int32                 `json:"replicas"`
		Paused         bool                   `json:"paused"`
		Selector       *metav1.LabelSelector  `json:"selector"`
		Template       corev1.PodTemplateSpec `json:"template"`
		Strategy       updateStrategy         `json:"strategy"`
		UpdateStrategy updateStrategy         `json:"updateStrategy"`
	} `json:"spec"`
	Status struct {
		ObservedGeneration     int64                        `json:"observedGeneration"`
		Replicas               int32                        `json:"replicas"`
		ReadyReplicas          int32                        `json:"readyReplicas"`
		UpdatedReplicas        int32                        `json:"updatedReplicas"`
		AvailableReplicas      int32                        `json:"availableReplicas"`
		CurrentRevision        string                       `json:"currentRevision"`
		UpdateRevision         string                       `json:"updateRevision"`
		DesiredNumberScheduled int32                        `json:"desiredNumberScheduled"`
		UpdatedNumberScheduled int32                        `json:"updatedNumberScheduled"`
		NumberAvailable        int32                        `json:"numberAvailable"`
		Conditions             []appsv1.DeploymentCondition `json:"conditions"`
	} `json:"status"`
}

type updateStrategy struct {
	Type          string `json:"type"`
	RollingUpdate *struct {
		Partition *int32 `json:"partition"`
	} `json:"rollingUpdate"`
}

// partition is the number of pods of a StatefulSet that an update leaves unchanged.
func (u updateStrategy) partition() int32 {
	if u.RollingUpdate == nil || u.RollingUpdate.Partition == nil {
		return 0
	}
	return *u.RollingUpdate.Partition
}

// missing is a "not found" error that names the namespace.
type missing struct {
	error
	text string
}

func (m missing) Error() string { return m.text }
func (m missing) Unwrap() error { return m.error }

// workloads reads and changes Deployments, StatefulSets and DaemonSets.
type workloads struct{ cluster.Cluster }

// resourceOf returns the client for workloads of a kind.
func (o workloads) resourceOf(kind, namespace string) dynamic.ResourceInterface {
	plural := target.Workload{Kind: kind}.Plural()
	return o.Dynamic.Resource(appsv1.SchemeGroupVersion.WithResource(plural)).Namespace(namespace)
}

// get reads one workload.
func (o workloads) get(ctx context.Context, namespace string, w target.Workload) (workload, error) {
	object, err := o.resourceOf(w.Kind, namespace).Get(ctx, w.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return workload{}, hint.With(missing{err, fmt.Sprintf("%s %q not found in namespace %q", w.Kind, w.Name, namespace)},
			fmt.Sprintf("run kubectl get %s -n %s, or use -n for another namespace", w.Plural(), namespace))
	}
	if err != nil {
		return workload{}, rbac.Advise(fmt.Errorf("get %s: %w", w, err), namespace, rbac.Rule("get", w.Plural()+appsGroup))
	}
	return workloadOf(w.Kind, object)
}

// change sends a JSON patch; a dry run if dry.
func (o workloads) change(ctx context.Context, w workload, ops []podspec.Op, dry bool) (workload, error) {
	body, err := json.Marshal(ops)
	if err != nil {
		return workload{}, err
	}
	options := metav1.PatchOptions{FieldManager: podspec.FieldManager}
	if dry {
		options.DryRun = admission.DryRun()
	}
	ns := w.meta.GetNamespace()
	object, err := o.resourceOf(w.Kind, ns).Patch(ctx, w.Name, types.JSONPatchType, body, options)
	if err != nil {
		return workload{}, rbac.Advise(fmt.Errorf("patch %s: %w", w, err), ns, rbac.Rule("patch", w.Plural()+appsGroup))
	}
	return workloadOf(w.Kind, object)
}

func workloadOf(kind string, object *unstructured.Unstructured) (workload, error) {
	w := workload{Workload: target.Workload{Kind: kind, Name: object.GetName()}, meta: object, how: "rolling"}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &w.fields); err != nil {
		return w, fmt.Errorf("read %s: %w", w, err)
	}
	spec := &w.fields.Spec
	w.template, w.selector, w.pods = &spec.Template, spec.Selector, orOne(spec.Replicas)
	switch kind {
	case "deployment":
		if spec.Strategy.Type == string(appsv1.RecreateDeploymentStrategyType) {
			w.how = "all at once: strategy Recreate"
		}
		if spec.Paused {
			w.fixed = "it is paused"
		}
		return w, nil
	case "statefulset":
		w.how = "one at a time"
		if kept := spec.UpdateStrategy.partition(); kept > 0 {
			if w.pods = max(w.pods-kept, 0); w.pods == 0 {
				w.fixed = "the partition of its update strategy excludes every pod"
			}
		}
	default:
		w.pods = w.fields.Status.DesiredNumberScheduled
	}
	if spec.UpdateStrategy.Type == string(appsv1.OnDeleteStatefulSetStrategyType) {
		w.fixed = "it replaces pods only when they are deleted (strategy OnDelete)"
	}
	return w, nil
}

func orOne(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}

// rollout reports the progress of the last change, like kubectl rollout status (k8s.io/kubectl/pkg/polymorphichelpers).
func (w workload) rollout() (done bool, state string, err error) {
	if w.fields.Generation > w.fields.Status.ObservedGeneration {
		return false, "the controller has not observed the change yet", nil
	}
	switch w.Kind {
	case "deployment":
		return w.deploymentRollout()
	case "statefulset":
		return w.statefulSetRollout()
	}
	s := &w.fields.Status
	switch {
	case s.UpdatedNumberScheduled < s.DesiredNumberScheduled:
		return false, fmt.Sprintf("new pods: %d of %d", s.UpdatedNumberScheduled, s.DesiredNumberScheduled), nil
	case s.NumberAvailable < s.DesiredNumberScheduled:
		return false, fmt.Sprintf("available: %d of %d new pods", s.NumberAvailable, s.DesiredNumberScheduled), nil
	}
	return true, "", nil
}

func (w workload) deploymentRollout() (bool, string, error) {
	s, wanted := &w.fields.Status, orOne(w.fields.Spec.Replicas)
	for _, c := range s.Conditions {
		switch {
		case c.Type == appsv1.DeploymentProgressing && c.Reason == "ProgressDeadlineExceeded",
			c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue:
			return false, "", fmt.Errorf("roll out %s: %s: %s", w, c.Reason, c.Message)
		}
	}
	switch {
	case s.UpdatedReplicas < wanted:
		return false, fmt.Sprintf("new pods: %d of %d", s.UpdatedReplicas, wanted), nil
	case s.Replicas > s.UpdatedReplicas:
		return false, fmt.Sprintf("old pods pending termination: %d", s.Replicas-s.UpdatedReplicas), nil
	case s.AvailableReplicas < s.UpdatedReplicas:
		return false, fmt.Sprintf("available: %d of %d new pods", s.AvailableReplicas, s.UpdatedReplicas), nil
	}
	return true, "", nil
}

func (w workload) statefulSetRollout() (bool, string, error) {
	s, wanted, kept := &w.fields.Status, orOne(w.fields.Spec.Replicas), w.fields.Spec.UpdateStrategy.partition()
	switch {
	case s.ReadyReplicas < wanted:
		return false, fmt.Sprintf("ready: %d of %d pods", s.ReadyReplicas, wanted), nil
	case kept > 0 && s.UpdatedReplicas < wanted-kept:
		return false, fmt.Sprintf("new pods: %d of %d", s.UpdatedReplicas, wanted-kept), nil
	case kept == 0 && s.UpdateRevision != s.CurrentRevision:
		return false, fmt.Sprintf("new pods: %d of %d", s.UpdatedReplicas, wanted), nil
	}
	return true, "", nil
}

// awaitRollout waits until the last change has reached the pods. It fails at once for an error that waiting does not
// fix, or after o.Timeout without progress. look may be nil, and reports problems of pods.
func (o workloads) awaitRollout(ctx context.Context, namespace string, name target.Workload, look func(context.Context) (string, error)) error {
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
			return hint.With(fmt.Errorf("roll out %s: no progress for %s: %s", name, cluster.FormatDuration(o.Timeout), last),
				fmt.Sprintf("run kubectl describe -n %s %s, describe its pods, or use a longer --timeout", namespace, name))
		}
		if state != "" && state != said {
			o.Report.Say("waiting for %s: %s", name, state)
			said = state
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// progress checks a rollout once.
func (o workloads) progress(ctx context.Context, namespace string, name target.Workload, look func(context.Context) (string, error)) (bool, string, error) {
	w, err := o.get(ctx, namespace, name)
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

// passing reports whether an error may go away: the network or an overloaded server, not a real answer.
func passing(err error) bool {
	var status apierrors.APIStatus
	return unreachable(err) || errors.As(err, &status) && (apierrors.IsServerTimeout(err) || apierrors.IsTooManyRequests(err) || apierrors.IsTimeout(err) || apierrors.IsServiceUnavailable(err))
}

// unreachable reports whether the request did not reach the server.
func unreachable(err error) bool {
	_, network := errors.AsType[*net.OpError](err)
	_, request := errors.AsType[*url.Error](err)
	return network || request
}
