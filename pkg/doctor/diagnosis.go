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
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/rbac"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// Diagnosis is what is allowed in a namespace and what is missing, for every mode.
type Diagnosis struct {
	Namespace string `json:"namespace"`
	// User is the username that the cluster knows; "" if it does not report it.
	User string `json:"user,omitempty"`
	// For is the mode that was asked about. It works if there are no problems.
	For      Purpose   `json:"mode"`
	Works    bool      `json:"works"`
	Problems []Problem `json:"problems,omitempty"`
	// Modes are all modes.
	Modes       []ModeReport `json:"modes"`
	Permissions []Permission `json:"permissions"`
	Server      Server       `json:"server"`
	// Target is nil if no pod was named, or if it could not be read.
	Target *TargetReport `json:"target,omitempty"`
	// Workload is the controller whose template a patch would change; "" if there is none.
	Workload string      `json:"workload,omitempty"`
	Policy   []Admission `json:"admission,omitempty"`
	// Missing grants what is needed but not allowed; nil if nothing is missing.
	Missing *Grant `json:"missing,omitempty"`

	ref  target.Ref
	want session.Request
	// replaced is true if a successor of the pod has another name: a Role that names the pod would be useless.
	replaced bool
	// helpers are the running helpers that would be reused, by mode.
	helpers map[Purpose]string
}

// examiner queries the cluster.
type examiner struct{ session.Deps }

// Problem is why a mode does not work, and what to do about it.
type Problem struct {
	Text string `json:"message"`
	Try  string `json:"hint,omitempty"`
}

// TargetReport describes the target.
type TargetReport struct {
	Pod       string `json:"pod"`
	Container string `json:"container"`
	// UID and GID are those of the first process. UserSource is their source: "status" or "spec" of the pod, or "unknown"
	// for a guess.
	UID        int64  `json:"uid"`
	GID        int64  `json:"gid"`
	UserSource string `json:"userSource"`
	Running    bool   `json:"running"`
	// Static is true for the mirror of a static pod.
	Static bool `json:"static"`
	// Processes are those that a helper would see: of the "container", the "pod" or the "node".
	Processes string `json:"processes"`
	// Helpers are the running helpers that see the container. Helper is the one that would be reused.
	Helpers []string `json:"helpers,omitempty"`
	Helper  string   `json:"helper,omitempty"`
	// Blocked is why no helper, or no copy, can be made.
	Blocked string `json:"blockedReason,omitempty"`
}

// Diagnose checks whether a mode would work for the pod of ref, or for any pod of the namespace if ref is empty. It
// sends only reviews and dry runs. The error means that nothing can be checked: no server, or no such pod.
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
	found := map[Purpose]blocker{}
	switch {
	case apierrors.IsForbidden(unread):
		for _, w := range diagnosed() {
			found[w] = blocker{unread: unread}
		}
	case unread != nil && way == ForPatch && notOne == nil:
		// A template can be patched even if none of its pods is usable.
		for _, w := range diagnosed() {
			found[w] = blocker{blocked: unread}
		}
		found[ForPatch] = e.examinePatch(ctx, &d, target.Target{})
	case unread != nil:
		return d, unread
	case !d.named():
		d.Policy = e.podTrials(namespace, want.Override)
	default:
		// A policy may depend on the image.
		node, _ := bounded(ctx, func(ctx context.Context) (*corev1.Node, error) { return target.NodeOf(ctx, e.Client, t.Pod), nil })
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
	d.evaluate(found)
	return d, nil
}

// replaced reports whether the successor of a pod has another name.
func replaced(pod *corev1.Pod) bool {
	owner := metav1.GetControllerOf(pod)
	return pod.GenerateName != "" && (owner == nil || owner.Kind != "StatefulSet")
}

func (d *Diagnosis) named() bool { return d.ref.Arg != "" || d.ref.Selector != "" }

// inquire asks what does not depend on the pod, and reads the pod. unread is why that failed.
func (e examiner) inquire(ctx context.Context, d *Diagnosis) (t target.Target, unread, err error) {
	var away error
	asked := crash.NewGroup(ctx)
	asked.Go(func() { away = e.review(ctx, d.Namespace, d.Permissions) })
	asked.Go(func() { d.Server = serverOf(ctx, e.Deps) })
	asked.Go(func() {
		// Without a username the Role has no RoleBinding.
		d.User, _ = bounded(ctx, func(ctx context.Context) (string, error) { return rbac.Who(ctx, e.Client), nil })
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
		Pod: t.Pod.Name, Container: t.Container, UID: user.UID, GID: user.GID, UserSource: "unknown",
		Static:    t.Pod.Annotations[corev1.MirrorPodAnnotationKey] != "",
		Processes: "container",
	}
	st := t.Status()
	s.Running = st != nil && st.State.Running != nil
	switch {
	case st != nil && st.User != nil && st.User.Linux != nil:
		s.UserSource = "status"
	case known:
		s.UserSource = "spec"
	}
	switch {
	case t.Pod.Spec.HostPID:
		s.Processes = "node"
	case t.Shared():
		s.Processes = "pod"
	}
	return s
}

// Needed grants everything that is needed, also what is already allowed.
func (d *Diagnosis) Needed() Grant {
	return grantOf(d, slices.DeleteFunc(slices.Clone(d.Permissions), func(p Permission) bool { return !p.Needed }))
}

// Err is why it will not work, in one line; nil if it will.
func (d *Diagnosis) Err() error {
	if d.Works {
		return nil
	}
	return d.failure()
}
