// SPDX-License-Identifier: Apache-2.0

// Package doctor answers "would it work?": which modes of a session the cluster allows for a user, what is missing, and the
// Role that grants it. It asks for reviews and dry runs only.
package doctor

import (
	"context"
	"slices"

	authv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// Diagnosis is what is allowed in a namespace and what is missing, for every way, without any change of it.
type Diagnosis struct {
	Namespace string `json:"namespace"`
	// User is who asks, as the cluster knows them; "" where it does not say.
	User string `json:"user,omitempty"`
	// For is the way that was asked about. It works where there are no problems.
	For      Purpose   `json:"for"`
	Works    bool      `json:"works"`
	Problems []Problem `json:"problems,omitempty"`
	// Ways are all of them, the one asked about included.
	Ways        []ModeReport `json:"ways"`
	Permissions []Permission `json:"permissions"`
	Server      Server       `json:"server"`
	// Target is nil where no pod was named, or where it could not be read.
	Target *TargetReport `json:"target,omitempty"`
	// Workload is what makes the pod, whose template a patch would change; "" where there is none.
	Workload string      `json:"workload,omitempty"`
	Policy   []Admission `json:"policy,omitempty"`
	// Missing grants what is needed and not allowed; nil where nothing is.
	Missing *Grant `json:"missing,omitempty"`

	ref  target.Ref
	want session.Request
	// replaced tells that the pod's name is one that its successor will not have: a Role that names it would be of no use.
	replaced bool
	// helpers are those that run already and would be used, by way.
	helpers map[Purpose]string
}

// examiner asks the cluster.
type examiner struct{ session.Deps }

// Problem is a reason why it would not work, and what to do about it.
type Problem struct {
	Text string `json:"text"`
	Try  string `json:"try,omitempty"`
}

// TargetReport is what is known of the target of a diagnosis.
type TargetReport struct {
	Pod       string `json:"pod"`
	Container string `json:"container"`
	// UID and GID are those of the container's first process. UserFrom says who tells: the pod's status, its spec, or
	// nobody ("unknown"), and then they are a guess.
	UID      int64  `json:"uid"`
	GID      int64  `json:"gid"`
	UserFrom string `json:"userFrom"`
	Running  bool   `json:"running"`
	// Static is true for the API's picture of a pod that the kubelet reads from a file.
	Static bool `json:"static"`
	// Processes are those that a helper would see: the "container"'s, the "pod"'s or the "node"'s.
	Processes string `json:"processes"`
	// Helpers of ours run already and see the container. Helper is the one that would be used again.
	Helpers []string `json:"helpers,omitempty"`
	Helper  string   `json:"helper,omitempty"`
	// Blocked says why no helper, or no copy, can be made.
	Blocked string `json:"blocked,omitempty"`
}

// Diagnose finds out whether a way would work for the pod that ref means, or for any pod of the namespace where
// ref is empty. It asks the API server for reviews and dry runs only. The error is one that leaves nothing to diagnose: the
// server is away, or there is no such pod.
func Diagnose(ctx context.Context, deps session.Deps, namespace string, ref target.Ref, way Purpose, want session.Request) (Diagnosis, error) {
	e := examiner{deps}
	d := Diagnosis{Namespace: namespace, For: way, ref: ref, want: want, helpers: map[Purpose]string{}}
	var requests []authv1.ResourceAttributes
	if d.named() {
		var err error
		if requests, err = ref.Requests(); err != nil {
			return d, err
		}
	}
	d.Permissions = permissions(d.For, requests)
	d.Permissions = named(d.Permissions, d.For, ref)
	workload, notOne := target.ParseWorkload(ref.Arg)
	if notOne == nil {
		d.Permissions = forWorkload(d.Permissions, d.For, workload)
	}
	t, unread, err := e.inquire(ctx, &d)
	if err != nil {
		return d, err
	}
	found := map[Purpose]obstacle{}
	switch {
	case apierrors.IsForbidden(unread):
		for _, w := range diagnosed() {
			found[w] = obstacle{unread: unread}
		}
	case unread != nil && way == ForPatch && notOne == nil:
		// A template can be patched where none of its pods is of any use.
		for _, w := range diagnosed() {
			found[w] = obstacle{blocked: unread}
		}
		found[ForPatch] = e.examinePatch(ctx, &d, target.Target{})
	case unread != nil:
		return d, unread
	case !d.named():
		d.Policy = e.podTrials(namespace, want.Override)
	default:
		// A policy may go by the image.
		node, _ := bounded(ctx, func(ctx context.Context) (*corev1.Node, error) { return session.NodeOf(ctx, e.Client, t.Pod), nil })
		e.Deps = e.OnNode(node)
		found = e.examine(ctx, &d, t, node)
	}
	asked := crash.NewGroup(ctx)
	if t.Pod != nil {
		d.replaced = replaced(t.Pod)
		asked.Go(func() { d.Server.Node = e.node(ctx, t.Pod.Spec.NodeName) })
	}
	attempt(ctx, d.Policy, d.Permissions)
	asked.Wait()
	if ctx.Err() != nil {
		return d, context.Cause(ctx)
	}
	d.judge(found)
	return d, nil
}

// replaced tells a pod whose successor has another name.
func replaced(pod *corev1.Pod) bool {
	owner := metav1.GetControllerOf(pod)
	return pod.GenerateName != "" && (owner == nil || owner.Kind != "StatefulSet")
}

func (d *Diagnosis) named() bool { return d.ref.Arg != "" || d.ref.Selector != "" }

// inquire asks what does not depend on the pod, and for the pod. Unread is why there is none.
func (e examiner) inquire(ctx context.Context, d *Diagnosis) (t target.Target, unread, err error) {
	var away error
	asked := crash.NewGroup(ctx)
	asked.Go(func() { away = e.review(ctx, d.Namespace, d.Permissions) })
	asked.Go(func() { d.Server = serverOf(ctx, e.Deps) })
	asked.Go(func() {
		// Without an answer the user has no name, and the Role no RoleBinding.
		d.User, _ = bounded(ctx, func(ctx context.Context) (string, error) { return session.Who(ctx, e.Client), nil })
	})
	if d.named() {
		asked.Go(func() {
			t, unread = bounded(ctx, func(ctx context.Context) (target.Target, error) {
				return target.Resolve(ctx, e.Client, d.Namespace, d.ref, e.Report.Say)
			})
		})
	}
	asked.Wait()
	switch {
	case ctx.Err() != nil:
		return t, nil, context.Cause(ctx)
	case away != nil:
		return t, nil, away
	default:
		return t, unread, nil
	}
}

func describe(t target.Target) *TargetReport {
	user, known := podspec.UserOf(t.Pod, t.Container)
	s := &TargetReport{
		Pod: t.Pod.Name, Container: t.Container, UID: user.UID, GID: user.GID, UserFrom: "unknown",
		Static:    t.Pod.Annotations[corev1.MirrorPodAnnotationKey] != "",
		Processes: "container",
	}
	st := t.Status()
	s.Running = st != nil && st.State.Running != nil
	switch {
	case st != nil && st.User != nil && st.User.Linux != nil:
		s.UserFrom = "status"
	case known:
		s.UserFrom = "spec"
	}
	switch {
	case t.Pod.Spec.HostPID:
		s.Processes = "node"
	case t.Shared():
		s.Processes = "pod"
	}
	return s
}

// Needed grants all that is needed, whatever of it is allowed already.
func (d *Diagnosis) Needed() Grant {
	return grantOf(d, slices.DeleteFunc(slices.Clone(d.Permissions), func(p Permission) bool { return !p.Needed }))
}

// Err is why it would not work, in one line; nil where it would.
func (d *Diagnosis) Err() error {
	if d.Works {
		return nil
	}
	return d.failure()
}
