// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/patch"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/rbac"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// End stops, deletes or restores every entry of the list and calls done for each, one at a time. It skips helpers that are
// running a command unless force is set. The error joins those of all entries.
func (o Manager) End(ctx context.Context, list []Entry, force bool, done func(Entry)) error {
	var errs []error
	var helpers []termination
	for _, e := range list {
		switch {
		case e.State == StateEnding:
			o.Report.Say("%s is already being deleted", e)
			continue
		case e.stuck:
			o.Report.Say("%s never started (%s): ephemeral containers cannot be removed, so its entry stays until the pod is deleted", e, e.State)
			continue
		case e.Kind == KindHelper:
			helpers = append(helpers, termination{Entry: e})
			continue
		}
		deleted, err := o.undo(ctx, e)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if deleted {
			done(e)
		}
		errs = append(errs, err)
	}
	atOnce(ctx, helpers, func(t *termination) { o.terminate(ctx, t, force) })
	errs = append(errs, o.await(ctx, helpers, done))
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.Join(errs...)
}

// undo deletes a copy or removes a patch. It reports whether there was one.
func (o Manager) undo(ctx context.Context, e Entry) (bool, error) {
	if e.Kind == KindPatch {
		ctx, cancel := context.WithTimeout(ctx, patch.RestoreTime)
		defer cancel()
		return patch.Restore(ctx, o.Cluster, e.Namespace, e.Workload, e.mark)
	}
	return DeleteCopy(ctx, o.Cluster, e.Namespace, e.Pod, e.podUID)
}

// Sweep deletes the user's own finished copies in a namespace ("" for all), and restores every template whose patch has
// expired, regardless of who made it: nothing else in the cluster does.
func (o Manager) Sweep(ctx context.Context, namespace string) ([]Entry, error) {
	var list []Entry
	err := o.eachPod(ctx, namespace, podspec.LabelManagedBy+"="+podspec.ManagedBy, func(pod *corev1.Pod) {
		if podspec.IsCopy(pod) && target.Finished(pod) && pod.DeletionTimestamp == nil {
			list = append(list, copyEntry(pod))
		}
	})
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, err
	case len(list) > 0:
		if list, _, err = o.Mine(ctx, list); err != nil {
			return nil, err
		}
	}
	quiet := o.Cluster
	quiet.Report = silent{} // List reports what it cannot read
	for _, e := range patches(ctx, quiet, namespace) {
		if e.State == StateExpired {
			list = append(list, e)
		}
	}
	var swept []Entry
	err = o.End(ctx, list, false, func(e Entry) { swept = append(swept, e) })
	return swept, err
}

// silent reports nothing.
type silent struct{}

func (silent) Say(string, ...any)  {}
func (silent) Warn(string, ...any) {}
func (silent) Waiting(string)      {}

// sweepTime bounds the cleanup that a session does for earlier ones.
const sweepTime = 3 * time.Second

// SweepInBackground sweeps while something else starts. It ignores errors, which clean reports. The channel is closed
// when it is done.
func SweepInBackground(ctx context.Context, o cluster.Cluster, namespace string) <-chan struct{} {
	done := make(chan struct{})
	quiet := Manager{o}
	quiet.Report = silent{}
	crash.Go(ctx, func() {
		defer close(done)
		ctx, cancel := context.WithTimeout(ctx, sweepTime)
		defer cancel()
		swept, _ := quiet.Sweep(ctx, namespace)
		for _, e := range swept {
			o.Report.Say("cleaned up after an earlier session: %s", e)
		}
	})
	return done
}

// DeleteCopy deletes a copy, but no other pod of the same name. It reports whether there was one.
func DeleteCopy(ctx context.Context, o cluster.Cluster, namespace, name string, uid types.UID) (bool, error) {
	options := metav1.DeleteOptions{}
	if uid != "" {
		options.Preconditions = metav1.NewUIDPreconditions(string(uid))
	}
	err := o.Client.CoreV1().Pods(namespace).Delete(ctx, name, options)
	switch {
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
		return false, nil
	case err != nil:
		return false, rbac.Advise(fmt.Errorf("delete pod/%s: %w", name, err), namespace, rbac.Rule("delete", "pods"))
	}
	return true, nil
}

// settleLimit is how long the API may take to report that a helper that did not answer has exited.
const settleLimit = 10 * time.Second

// termination is a helper that was sent a request to exit.
type termination struct {
	Entry
	// refused is why it does not exit, and doubt why it may not: a stream into a container that exits can fail in any
	// way.
	refused, doubt error
}

// terminate asks a helper to exit.
func (o Manager) terminate(ctx context.Context, t *termination, force bool) {
	want := wantEnd
	if force {
		want = wantForce
	}
	if t.State == StateStarting {
		t.refused = hint.With(fmt.Errorf("stop %s: it has not started yet", t), "run it again once the helper is running")
		return
	}
	_, err := o.ask(ctx, t.Entry, want)
	code, exited := errors.AsType[interface {
		error
		ExitCode() int
	}](err)
	switch {
	case err == nil:
	case apierrors.IsForbidden(err):
		t.refused = rbac.Advise(fmt.Errorf("stop %s: %w", t, err), t.Namespace, rbac.Rule("create", "pods/exec"))
	case !exited:
		t.doubt = fmt.Errorf("stop %s: %w", t, err)
	case code.ExitCode() == exitInUse:
		t.refused = hint.With(fmt.Errorf("stop %s: it is running a command (helper added by %s)", t, cmp.Or(t.By, podspec.UnknownUser)),
			"run it again once the command has exited, or add --force to stop both")
	case code.ExitCode() == exitNoProcess:
		t.doubt = hint.With(fmt.Errorf("stop %s: cannot identify its own process", t), "wait until it exits: it does so when it is idle")
	case code.ExitCode() == exitNoKill:
		t.refused = fmt.Errorf("stop %s: its own process cannot be signaled from inside", t)
	}
}

// await calls done for each helper that the API reports as exited. It polls several in turn, so that the rate limit of
// the client does not delay one of them.
func (o Manager) await(ctx context.Context, helpers []termination, done func(Entry)) error {
	ticker := time.NewTicker(cluster.PollInterval)
	defer ticker.Stop()
	begin := time.Now()
	var errs []error
	for {
		helpers = slices.DeleteFunc(helpers, func(t termination) bool {
			over, err := t.refused == nil, t.refused
			if over {
				over, err = o.over(ctx, t, time.Since(begin))
			}
			if over {
				done(t.Entry)
			}
			errs = append(errs, err)
			return over || err != nil
		})
		if len(helpers) == 0 {
			return errors.Join(errs...)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// over reports whether a helper has exited, or returns why waiting longer is useless.
func (o Manager) over(ctx context.Context, t termination, waited time.Duration) (bool, error) {
	pod, err := o.Client.CoreV1().Pods(t.Namespace).Get(ctx, t.Pod, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return true, nil
	case apierrors.IsForbidden(err):
		return false, rbac.Advise(fmt.Errorf("wait for %s to exit: %w", t, err), t.Namespace, rbac.Rule("get", "pods"))
	case err == nil:
		st, ok := podspec.Status(pod, t.Container)
		if pod.UID != t.podUID || target.Finished(pod) || ok && st.State.Terminated != nil {
			return true, nil
		}
	}
	switch {
	case t.doubt != nil && waited > settleLimit:
		return false, t.doubt
	case waited > o.Timeout:
		return false, hint.With(fmt.Errorf("wait for %s to exit: still running after %s", t, cluster.FormatDuration(o.Timeout)),
			fmt.Sprintf("run kubectl describe pod -n %s %s, or use a longer --timeout", t.Namespace, t.Pod))
	}
	return false, nil
}
