// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/inventory"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/patch"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/rbac"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// OpenPatch patches a template, waits until every pod has the patch, and returns a session in the newest one.
func OpenPatch(ctx context.Context, d Deps, p patch.Plan) (*Session, error) {
	s, t, err := openPatch(ctx, d, p)
	return d.opened(ctx, &s, t, Request{Access: p.Request.Access, Override: p.Request.Override}, err)
}

// openPatch returns a session that must be closed, also after an error.
func openPatch(ctx context.Context, d Deps, p patch.Plan) (s Session, t target.Target, err error) {
	defer crash.Into(&err) // a change must be reverted after a panic too
	ns, name := p.Request.Namespace, podspec.NewName()
	s = Session{Namespace: ns}
	required := append(p.Requirements(), Patch.Requirements()...)
	may, err := rbac.Ask(ctx, d.Client, ns, "", required)
	if err == nil {
		err = may.Check(ns, required)
	}
	if err != nil {
		return s, p.Target, err
	}
	found, err := p.Admitted(ctx, d.Cluster, name)
	if err != nil {
		return s, p.Target, err
	}
	by := rbac.Who(ctx, d.Client)
	if ctx.Err() != nil {
		return s, p.Target, context.Cause(ctx)
	}
	s.Patched, s.Container, s.New = p.Begin(name), name, true
	// Expired patches are removed before ours is added, whose TTL may be short.
	tidied := inventory.SweepInBackground(ctx, d.Cluster, ns)
	var pod *corev1.Pod
	if err = s.Patched.Send(ctx, d.Cluster, p, by, found); err == nil {
		pod, err = s.Patched.Pod(ctx, d.Cluster)
	}
	<-tidied
	if err != nil {
		return s, p.Target, err
	}
	s.Pod, s.podUID, s.Running = pod.Name, string(pod.UID), true
	d.Report.Say("using pod/%s of %s", pod.Name, p.Request.Workload)
	t = target.Target{Pod: pod, Container: p.Target.Container}
	return s, t, verifyShared(ctx, d, t, s)
}
