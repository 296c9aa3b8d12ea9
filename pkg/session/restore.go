// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/rbac"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// appsGroup follows the resource of a rule on workloads.
const appsGroup = ".apps"

// Patched is the workload whose template a session changed.
type Patched struct {
	target.Workload
	// mark is what the session sent, whatever becomes of the marks in the cluster.
	mark  podspec.PatchMark
	leave bool
}

// restoreTime bounds the removal of a patch, which nothing in the cluster does. A second Ctrl-C ends the wait.
const restoreTime = 10 * time.Second

// tryTime bounds one attempt: a lost answer is requested again.
const tryTime = 3 * time.Second

// closePatch restores the template, also after ctx has ended, and waits for the pods while ctx lasts.
func (o workloads) closePatch(ctx context.Context, s Session) error {
	p := s.Patched
	again := fmt.Sprintf("kubectl shareproc clean -n %s %s", s.Namespace, p)
	if p.leave && s.Running {
		o.Report.Say("%s stays patched; to restore it: %s (after %s, the next clean, --copy or --patch also does)", p, again, cluster.FormatDuration(o.TTL))
		return nil
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), restoreTime)
	defer cancel()
	back, err := o.restore(bounded, s.Namespace, p.Workload, p.mark)
	switch {
	case err != nil:
		return hint.With(err, again)
	case !back:
		return nil
	case ctx.Err() != nil:
		o.Report.Say("its pods are restarting; not waiting for them")
		return nil
	}
	return o.awaitRollout(ctx, s.Namespace, p.Workload, nil)
}

// restore removes a patch and no other change. It reports whether there was one. Close, clean and the sweep use it.
func (o workloads) restore(ctx context.Context, namespace string, name target.Workload, patch podspec.PatchMark) (bool, error) {
	ticker := time.NewTicker(cluster.PollInterval)
	defer ticker.Stop()
	for try := 1; ; try++ {
		back, err := o.tryRestore(ctx, namespace, name, patch)
		timedOut := errors.Is(err, context.DeadlineExceeded)
		switch {
		case err == nil:
			return back, nil
		case timedOut || passing(err):
			// The server may be reachable again soon, and nothing else restores the template.
		case !changedMeanwhile(err) || try >= tries:
			return false, err
		}
		select {
		case <-ctx.Done():
			return false, err
		case <-ticker.C:
		}
	}
}

func (o workloads) tryRestore(ctx context.Context, namespace string, name target.Workload, patch podspec.PatchMark) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	w, err := o.workload(ctx, namespace, name)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	ops := podspec.Unpatch(w.meta, w.template, patch)
	if len(ops) == 0 {
		return false, nil
	}
	after, err := o.change(ctx, w, ops, false)
	if err != nil {
		return false, err
	}
	if left := podspec.Unpatch(after.meta, after.template, patch); len(left) > 0 {
		return false, fmt.Errorf("restore %s: the patch is still there", name)
	}
	if !patch.Marked(w.meta) {
		o.Report.Say("the mark of the patch on %s was removed or changed: what the patch added was removed without it", name)
	}
	if podspec.SumOf(after.template) == patch.Sum {
		o.Report.Say("%s restored", name)
	} else {
		o.Report.Say("%s restored; other changes made since then are kept", name)
	}
	return true, nil
}

// hold keeps a patch from expiring while a command of its session runs: another client restores the template of an expired
// one, and so restarts the pod in use. A session that is lost renews nothing.
func (o workloads) hold(ctx context.Context, namespace string, p Patched) {
	ticker := time.NewTicker(max(o.TTL/3, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		// If it fails there is time for one more before the patch expires.
		_ = renew(ctx, o, namespace, p)
	}
}

func renew(ctx context.Context, o workloads, namespace string, p Patched) error {
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	w, err := o.workload(ctx, namespace, p.Workload)
	if err != nil {
		return err
	}
	ops := podspec.Renew(w.meta, p.mark.Container, o.Time().Add(o.TTL))
	if len(ops) == 0 {
		return nil
	}
	_, err = o.change(ctx, w, ops, false)
	return err
}

// unreachable reports whether the request did not reach the server.
func unreachable(err error) bool {
	_, network := errors.AsType[*net.OpError](err)
	_, request := errors.AsType[*url.Error](err)
	return network || request
}

// patches lists the patched workloads of a namespace ("" for all). Without permission it says so: there may be some.
func (o workloads) patches(ctx context.Context, namespace string) []Entry {
	var list []Entry
	err := o.eachPatched(ctx, namespace, func(w workload) {
		if e, ok := patchEntry(w, o.Time()); ok {
			list = append(list, e)
		}
	})
	if err != nil && ctx.Err() == nil {
		o.Report.Say("patched workloads are not listed: %v", err)
	}
	return list
}

// listPatch returns the patch of one workload.
func (o workloads) listPatch(ctx context.Context, in Scope) ([]Entry, error) {
	w, err := o.workload(ctx, in.Namespace, in.Workload)
	if err != nil {
		return nil, err
	}
	if e, ok := patchEntry(w, o.Time()); ok {
		return []Entry{e}, nil
	}
	return nil, nil
}

// eachPatched finds the patched workloads of a namespace ("" for all).
func (o workloads) eachPatched(ctx context.Context, namespace string, do func(workload)) error {
	options := metav1.ListOptions{LabelSelector: podspec.LabelPatched}
	for _, kind := range target.WorkloadKinds() {
		list, err := o.resourceOf(kind, namespace).List(ctx, options)
		if err != nil {
			return rbac.Advise(fmt.Errorf("list %ss: %w", kind, err), namespace, rbac.Rule("list", kind+"s"+appsGroup))
		}
		for i := range list.Items {
			if w, err := workloadOf(kind, &list.Items[i]); err == nil {
				do(w)
			}
		}
	}
	return nil
}

// patchEntry describes a patched workload.
func patchEntry(w workload, now time.Time) (Entry, bool) {
	mark, ok := podspec.MarkOf(w.meta, w.template)
	if !ok {
		return Entry{}, false
	}
	e := Entry{
		Kind: KindPatch, Namespace: w.meta.GetNamespace(), Workload: w.Workload, Container: mark.Container, By: mark.By, Reason: mark.Reason,
		Since: mark.At, Ends: mark.Expires, State: StateRunning, mark: mark,
	}
	for i := range w.template.Spec.Containers {
		if c := &w.template.Spec.Containers[i]; c.Name == mark.Container {
			e.Image, e.Security = c.Image, c.SecurityContext
		}
	}
	if !mark.Expires.IsZero() && now.After(mark.Expires) {
		e.State = StateExpired
	}
	return e, true
}
