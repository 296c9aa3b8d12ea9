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
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// appsGroup follows the resource of a rule on workloads.
const appsGroup = ".apps"

// Patched is the workload whose template a session has changed.
type Patched struct {
	target.Workload
	container string
	leave     bool
}

// unpatchTime bounds the undoing of a patch, whose end nothing in the cluster sees to. Whoever can't wait presses Ctrl-C again.
const unpatchTime = 10 * time.Second

// tryTime bounds one try of it: an answer that was lost is asked for again.
const tryTime = 3 * time.Second

// closePatch puts the template back, also after ctx has ended, and waits for its pods as long as ctx lasts.
func (o workloads) closePatch(ctx context.Context, s Session) error {
	p := s.Patched
	again := fmt.Sprintf("kubectl shareproc clean -n %s %s", s.Namespace, p)
	if p.leave && s.Running {
		o.Report.Say("left %s patched; %s puts it back, and after %s whatever next looks for what was left", p, again, brief(o.TTL))
		return nil
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), unpatchTime)
	defer cancel()
	back, err := o.restore(bounded, s.Namespace, p.Workload, p.container)
	switch {
	case err != nil:
		return hint.With(err, again)
	case !back:
		return nil
	case ctx.Err() != nil:
		o.Report.Say("its pods restart now; nobody waits for them")
		return nil
	}
	return o.awaitRollout(ctx, s.Namespace, p.Workload, nil)
}

// restore undoes a patch, that of the container named or any, and nothing that others did. It tells whether there was one.
// Session's end, clean and the sweep all come here.
func (o workloads) restore(ctx context.Context, namespace string, name target.Workload, container string) (bool, error) {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for try := 1; ; try++ {
		back, err := o.tryRestore(ctx, namespace, name, container)
		timedOut := errors.Is(err, context.DeadlineExceeded)
		switch {
		case err == nil:
			return back, nil
		case timedOut || passing(err):
			// What can't be reached now may be in a moment, and nobody else undoes it.
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

func (o workloads) tryRestore(ctx context.Context, namespace string, name target.Workload, container string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	w, err := o.workload(ctx, namespace, name)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	mark, ok := podspec.MarkOf(w.meta)
	ops := podspec.Unpatch(w.meta, w.template)
	if len(ops) == 0 || container != "" && ok && mark.Container != container {
		return false, nil
	}
	after, err := o.change(ctx, w, ops, false)
	if err != nil {
		return false, err
	}
	if left := podspec.Unpatch(after.meta, after.template); len(left) > 0 {
		return false, fmt.Errorf("put back %s: the patch is still there", name)
	}
	if podspec.SumOf(after.template) == mark.Sum {
		o.Report.Say("put back %s: its template is as it was before", name)
	} else {
		o.Report.Say("put back %s: the patch is out of its template; what else was changed meanwhile stays", name)
	}
	return true, nil
}

// unreachable tells that the server could not be asked.
func unreachable(err error) bool {
	_, network := errors.AsType[*net.OpError](err)
	_, request := errors.AsType[*url.Error](err)
	return network || request
}

// patches lists the patched workloads of a namespace ("" for all). Who may not list workloads is told so in one line: what
// can't be seen may be there.
func (o workloads) patches(ctx context.Context, namespace string) []Entry {
	var list []Entry
	err := o.eachPatched(ctx, namespace, func(w workload) {
		if e, ok := patchEntry(w, o.now()); ok {
			list = append(list, e)
		}
	})
	if err != nil && ctx.Err() == nil {
		o.Report.Say("patched workloads are not looked for: %v", err)
	}
	return list
}

// listPatch looks for the patch of one workload.
func (o workloads) listPatch(ctx context.Context, in Scope) ([]Entry, error) {
	w, err := o.workload(ctx, in.Namespace, in.Workload)
	if err != nil {
		return nil, err
	}
	if e, ok := patchEntry(w, o.now()); ok {
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
			return lacking(fmt.Errorf("list %ss: %w", kind, err), namespace, Rule("list", kind+"s"+appsGroup))
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
	mark, ok := podspec.MarkOf(w.meta)
	if !ok {
		return Entry{}, false
	}
	e := Entry{
		Kind: KindPatch, Namespace: w.meta.GetNamespace(), Workload: w.Workload, Container: mark.Container, By: mark.By,
		Since: mark.At, Ends: mark.Expires, State: StateRunning,
	}
	for i := range w.template.Spec.Containers {
		if c := &w.template.Spec.Containers[i]; c.Name == mark.Container {
			e.Image, e.Security = c.Image, c.SecurityContext
		}
	}
	if now.After(mark.Expires) {
		e.State = StateExpired
	}
	return e, true
}
