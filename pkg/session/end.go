// SPDX-License-Identifier: Apache-2.0

package session

import (
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
)

// End ends every entry of the list, and calls done for each that has ended, one after the other. Helpers in which a
// command runs are only ended with force. One that can't be ended keeps no other from it: the error has all of them. When
// ctx ends, so does the waiting.
func (o Manager) End(ctx context.Context, list []Entry, force bool, done func(Entry)) error {
	var errs []error
	var helpers []termination
	for _, e := range list {
		switch {
		case e.State == StateEnding:
			o.Report.Say("%s is being deleted already", e)
			continue
		case e.stuck:
			o.Report.Say("%s never started (%s): an ephemeral container can't be removed, its entry goes with the pod", e, e.State)
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

// undo ends a copy or a patch. It tells whether there was one.
func (o Manager) undo(ctx context.Context, e Entry) (bool, error) {
	if e.Kind == KindPatch {
		ctx, cancel := context.WithTimeout(ctx, unpatchTime)
		defer cancel()
		return workloads(o).restore(ctx, e.Namespace, e.Workload, e.Container)
	}
	return deleteCopy(ctx, o.Deps, e.Namespace, e.Pod, e.podUID)
}

// Sweep ends what is over in a namespace ("" for all): it deletes the copies that the user made and in which nothing runs any
// more (the cluster ends a copy whose client died, and keeps the pod), and puts back the templates whose patch has expired,
// whoever made it: nothing else in the cluster does.
func (o Manager) Sweep(ctx context.Context, namespace string) ([]Entry, error) {
	var list []Entry
	err := o.eachPod(ctx, namespace, podspec.LabelManagedBy+"="+podspec.ManagedBy, func(pod *corev1.Pod) {
		if isCopy(pod) && finished(pod) && pod.DeletionTimestamp == nil {
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
	quiet := workloads(o)
	quiet.Report = silent{} // List tells what can't be looked for
	for _, e := range quiet.patches(ctx, namespace) {
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

// sweepTime bounds what a session does for those before it.
const sweepTime = 3 * time.Second

// sweepAside sweeps while something new starts; what can't be swept is clean's to tell. The channel is closed when it is done.
func sweepAside(ctx context.Context, o Deps, namespace string) <-chan struct{} {
	done := make(chan struct{})
	quiet := Manager{o}
	quiet.Report = silent{}
	crash.Go(ctx, func() {
		defer close(done)
		ctx, cancel := context.WithTimeout(ctx, sweepTime)
		defer cancel()
		swept, _ := quiet.Sweep(ctx, namespace)
		for _, e := range swept {
			o.Report.Say("ended what was left: %s", e)
		}
	})
	return done
}

// deleteCopy deletes a copy, and no other pod of its name. It tells whether there was one.
func deleteCopy(ctx context.Context, o Deps, namespace, name string, uid types.UID) (bool, error) {
	options := metav1.DeleteOptions{}
	if uid != "" {
		options.Preconditions = metav1.NewUIDPreconditions(string(uid))
	}
	err := o.Client.CoreV1().Pods(namespace).Delete(ctx, name, options)
	switch {
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
		return false, nil
	case err != nil:
		return false, lacking(fmt.Errorf("delete pod/%s: %w", name, err), namespace, Rule("delete", "pods"))
	}
	return true, nil
}

// settleLimit is how long a helper that did not answer well may take to turn out to have ended: the API tells it later.
const settleLimit = 5 * time.Second

// termination is a helper that was told to end.
type termination struct {
	Entry
	// refused is why it does not end. doubt is why it may not: a stream into a container that ends can fail in any way.
	refused, doubt error
}

// terminate tells a helper to end.
func (o Manager) terminate(ctx context.Context, t *termination, force bool) {
	want := wantEnd
	if force {
		want = wantForce
	}
	if t.State == StateStarting {
		t.refused = hint.With(fmt.Errorf("end %s: it has not started yet", t), "the same command again, once it runs")
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
		t.refused = lacking(fmt.Errorf("end %s: %w", t, err), t.Namespace, Rule("create", "pods/exec"))
	case !exited:
		t.doubt = fmt.Errorf("end %s: %w", t, err)
	case code.ExitCode() == exitInUse:
		whose := "of somebody unknown"
		if t.By != "" {
			whose = "of " + t.By
		}
		t.refused = hint.With(fmt.Errorf("end %s: a command runs in it; the helper is %s", t, whose),
			"the same command again once that has ended, or --force, which ends it too")
	case code.ExitCode() == exitNoProcess:
		t.doubt = hint.With(fmt.Errorf("end %s: its own process can't be told from others", t), "nothing: it ends by itself when it is idle")
	case code.ExitCode() == exitNoKill:
		t.refused = fmt.Errorf("end %s: its own process can't be signalled from inside", t)
	}
}

// await calls done for each helper that the API says has ended. Several are looked at in turn, so that the client's own
// limit of requests never holds up one of them for long.
func (o Manager) await(ctx context.Context, helpers []termination, done func(Entry)) error {
	ticker := time.NewTicker(pollInterval)
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

// over tells whether a helper has ended, or returns why it is no use to wait any longer.
func (o Manager) over(ctx context.Context, t termination, waited time.Duration) (bool, error) {
	pod, err := o.Client.CoreV1().Pods(t.Namespace).Get(ctx, t.Pod, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return true, nil
	case apierrors.IsForbidden(err):
		return false, lacking(fmt.Errorf("wait for the end of %s: %w", t, err), t.Namespace, Rule("get", "pods"))
	case err == nil:
		st, ok := podspec.Status(pod, t.Container)
		if pod.UID != t.podUID || finished(pod) || ok && st.State.Terminated != nil {
			return true, nil
		}
	}
	switch {
	case t.doubt != nil && waited > settleLimit:
		return false, t.doubt
	case waited > o.Timeout:
		return false, hint.With(fmt.Errorf("wait for the end of %s: not after %s", t, brief(o.Timeout)),
			fmt.Sprintf("kubectl describe pod -n %s %s, or a longer --timeout", t.Namespace, t.Pod))
	}
	return false, nil
}
