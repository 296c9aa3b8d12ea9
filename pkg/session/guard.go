// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
)

// guardEvery is how often the pod is read beside a stream. A command that is quicker costs no request.
const guardEvery = 5 * time.Second

// Guard returns a context that ends, with the reason as its cause, when the session's container or pod
// does: a stream into a pod that goes away can hang for ever where containers share their process
// namespace (kubernetes/kubernetes#89233). The caller cancels it.
func (o *Opener) Guard(ctx context.Context, s Session) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	crash.Go(ctx, func() {
		ticker := time.NewTicker(guardEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			if err := o.alive(ctx, s); err != nil {
				cancel(err)
				return
			}
		}
	})
	return ctx, func() { cancel(context.Canceled) }
}

// endTime is how long the API server may take to learn that a container has ended.
const endTime = 2 * time.Second

// Ended tells, for a stream that failed, whether it did because the session's container or its pod has ended, with an
// error that says so; nil where that is not so, or can't be learned in two seconds.
func (o *Opener) Ended(ctx context.Context, s Session) error {
	ctx, cancel := context.WithTimeout(ctx, endTime)
	defer cancel()
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		if err := o.alive(ctx, s); err != nil {
			return hint.With(err, fmt.Sprintf("the same command again; kubectl get pod -n %s %s, for what became of it", s.Namespace, s.Pod))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// alive returns an error when it is certain that the session's container has ended. An API server
// that does not answer is no such certainty.
func (o *Opener) alive(ctx context.Context, s Session) error {
	pod, err := o.Client.CoreV1().Pods(s.Namespace).Get(ctx, s.Pod, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return fmt.Errorf("session ended: pod/%s is gone", s.Pod)
	case err != nil:
		return nil
	case pod.Status.Phase == corev1.PodSucceeded, pod.Status.Phase == corev1.PodFailed:
		return fmt.Errorf("session ended: pod/%s has finished: %s", s.Pod, pod.Status.Reason)
	}
	if st, ok := podspec.Status(pod, s.Container); ok && st.State.Terminated != nil {
		return fmt.Errorf("session ended: container %s of pod/%s has ended (the process namespace goes with its first process)", s.Container, s.Pod)
	}
	return nil
}
