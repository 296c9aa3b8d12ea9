// SPDX-License-Identifier: Apache-2.0

package patch

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/rbac"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// RestoreTime bounds the removal of a patch, which nothing in the cluster does. A second Ctrl-C ends the wait.
const RestoreTime = 10 * time.Second

// tryTime bounds one attempt: a lost answer is requested again.
const tryTime = 3 * time.Second

// Close restores the template, also after ctx has ended, and waits for the pods while ctx lasts. It leaves a patch that is to stay
// and that has been of use.
func (s Sent) Close(ctx context.Context, c cluster.Cluster, used bool) error {
	o, p := workloads{c}, s.Workload
	again := fmt.Sprintf("kubectl shareproc clean -n %s %s", s.Namespace, p)
	if s.leave && used {
		o.Report.Say("%s stays patched; to restore it: %s (after %s, the next clean, --copy or --patch also does)", p, again, cluster.FormatDuration(o.TTL))
		return nil
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), RestoreTime)
	defer cancel()
	back, err := Restore(bounded, c, s.Namespace, p, s.mark)
	switch {
	case err != nil:
		return hint.With(err, again)
	case !back:
		return nil
	case ctx.Err() != nil:
		o.Report.Say("its pods are restarting; not waiting for them")
		return nil
	}
	return o.awaitRollout(ctx, s.Namespace, p, nil)
}

// Restore removes a patch and no other change. It reports whether there was one. Close, clean and the sweep use it.
func Restore(ctx context.Context, c cluster.Cluster, namespace string, name target.Workload, patch podspec.PatchMark) (bool, error) {
	ticker := time.NewTicker(cluster.PollInterval)
	defer ticker.Stop()
	for try := 1; ; try++ {
		back, err := workloads{c}.tryRestore(ctx, namespace, name, patch)
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
	w, err := o.get(ctx, namespace, name)
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

// Hold keeps a patch from expiring while a command of its session runs: another client restores the template of an expired
// one, and so restarts the pod in use. A session that is lost renews nothing.
func (s Sent) Hold(ctx context.Context, c cluster.Cluster) {
	ticker := time.NewTicker(max(c.TTL/3, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		// If it fails there is time for one more before the patch expires.
		_ = s.Renew(ctx, c)
	}
}

// Renew lets it expire a whole TTL from now.
func (s Sent) Renew(ctx context.Context, c cluster.Cluster) error {
	o := workloads{c}
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	w, err := o.get(ctx, s.Namespace, s.Workload)
	if err != nil {
		return err
	}
	ops := podspec.Renew(w.meta, s.mark.Container, o.Time().Add(o.TTL))
	if len(ops) == 0 {
		return nil
	}
	_, err = o.change(ctx, w, ops, false)
	return err
}

// Found is a patch that is in the cluster.
type Found struct {
	target.Workload
	Namespace string
	Mark      podspec.PatchMark
	// Image and Security are those of the helper.
	Image    string
	Security *corev1.SecurityContext
}

// List finds the patched workloads of a namespace ("" for all).
func List(ctx context.Context, c cluster.Cluster, namespace string) ([]Found, error) {
	var all []Found
	options := metav1.ListOptions{LabelSelector: podspec.LabelPatched}
	for _, kind := range target.WorkloadKinds() {
		list, err := workloads{c}.resourceOf(kind, namespace).List(ctx, options)
		if err != nil {
			return all, rbac.Advise(fmt.Errorf("list %ss: %w", kind, err), namespace, rbac.Rule("list", kind+"s"+appsGroup))
		}
		for i := range list.Items {
			if w, err := workloadOf(kind, &list.Items[i]); err == nil {
				all = append(all, found(w)...)
			}
		}
	}
	return all, nil
}

// Find finds the patch of one workload.
func Find(ctx context.Context, c cluster.Cluster, namespace string, name target.Workload) ([]Found, error) {
	w, err := workloads{c}.get(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	return found(w), nil
}

// found is the patch of a workload, if it has one.
func found(w workload) []Found {
	mark, ok := podspec.MarkOf(w.meta, w.template)
	if !ok {
		return nil
	}
	f := Found{Workload: w.Workload, Namespace: w.meta.GetNamespace(), Mark: mark}
	for i := range w.template.Spec.Containers {
		if c := &w.template.Spec.Containers[i]; c.Name == mark.Container {
			f.Image, f.Security = c.Image, c.SecurityContext
		}
	}
	return []Found{f}
}
