// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/admission"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/inventory"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/lifecycle"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/rbac"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// closeTime bounds the cleanup of a session whose own context has ended: after Ctrl-C the user waits for it.
const closeTime = 1500 * time.Millisecond

// copyOpener makes copies of pods.
type copyOpener struct{ Deps }

// copyOf builds the copy of the target's pod with the security context of c for its shell, and returns the shell's name.
func (o copyOpener) copyOf(t target.Target, plan Plan, name, by string, c podspec.Candidate) (*corev1.Pod, string) {
	return o.copying(t, plan, name, by, c).Of(t.Pod)
}

func (o copyOpener) copying(t target.Target, plan Plan, name, by string, c podspec.Candidate) podspec.Copy {
	made := podspec.Copy{
		Name: name, Image: o.Image, PullPolicy: o.PullPolicy, Security: c.Security, Resources: c.Resources, TTL: o.TTL, By: by, Reason: o.Reason, Edits: plan.request.Edits,
	}
	if plan.request.Hold {
		made.Hold = t.Container
	}
	return made
}

// PlanCopy returns the pod that Open would create. With ask, a dry run decides the security context of the shell;
// otherwise it is the first candidate.
func PlanCopy(ctx context.Context, o Deps, t target.Target, plan Plan, ask bool) (*corev1.Pod, error) {
	name := podspec.CopyName(t.Pod.Name)
	if !ask {
		pod, _ := (copyOpener{o}).copyOf(t, plan, name, "", plan.Candidates[0])
		return pod, nil
	}
	found, err := (copyOpener{o}).admittedCopy(ctx, t, plan, name)
	pod, _ := (copyOpener{o}).copyOf(t, plan, name, rbac.Who(ctx, o.Client), found.Candidate)
	return pod, err
}

func (o copyOpener) attempt(t target.Target, plan Plan, name string) admission.Attempt {
	_, shell := o.copyOf(t, plan, name, "", podspec.Candidate{})
	return admission.Attempt{
		Copy: true, Namespace: t.Pod.Namespace, Pod: t.Pod.Name, What: "copy pod/" + t.Pod.Name,
		Container: shell, Spec: &t.Pod.Spec, Annotated: plan.request.Edits.KeepAnnotations,
	}
}

func (o copyOpener) admittedCopy(ctx context.Context, t target.Target, plan Plan, name string) (admission.Offer, error) {
	return o.attempt(t, plan, name).Admitted(o.Cluster, plan.Candidates, func(c podspec.Candidate) (*corev1.Pod, error) {
		pod, _ := o.copyOf(t, plan, name, "", c)
		return admission.CreateDry(ctx, o.Client, pod)
	})
}

func (o copyOpener) openCopy(ctx context.Context, t target.Target, plan Plan) (s Session, err error) {
	defer crash.Into(&err) // what is made must be closed after a panic too
	ns := t.Pod.Namespace
	deps, err := prepare(ctx, o.Deps, t.Pod)
	if err != nil {
		return Session{}, err
	}
	o.Deps = deps
	// The name is chosen here and not by the server, so that a create whose answer was lost can still be undone.
	s = Session{Namespace: ns, Pod: podspec.CopyName(t.Pod.Name)}
	found, err := o.admittedCopy(ctx, t, plan, s.Pod)
	if err != nil {
		return s, err
	}
	pod, shell := o.copyOf(t, plan, s.Pod, rbac.Who(ctx, o.Client), found.Candidate)
	if err := o.warnAboutCopy(ctx, o.copying(t, plan, s.Pod, "", found.Candidate), t.Pod); err != nil {
		return s, err
	}
	if ctx.Err() != nil {
		return s, context.Cause(ctx)
	}
	s.Container, s.New, s.Copy = shell, true, true
	if plan.request.Hold {
		s.Container, s.Tools = t.Container, podspec.ToolsDir
	}
	created, err := o.Client.CoreV1().Pods(ns).Create(ctx, pod, metav1.CreateOptions{})
	if err != nil {
		return s, o.attempt(t, plan, s.Pod).Explain(err)
	}
	s.podUID = string(created.UID)
	o.Report.Say("created pod/%s, a copy of pod/%s; deleted on exit", s.Pod, t.Pod.Name)
	found.SayChanges(o.Cluster, podspec.MadeIn(created, shell, found.Made))
	if err := admission.CheckShared(&created.Spec); err != nil {
		return s, fmt.Errorf("create pod/%s: %w", s.Pod, err)
	}
	tidied := inventory.SweepInBackground(ctx, o.Cluster, ns)
	_, err = lifecycle.Wait(ctx, o.Cluster, lifecycle.Starting{Container: at(&s)})
	<-tidied
	s.Running = err == nil
	if err != nil || plan.request.Hold {
		return s, err // a held container runs the shell itself, whatever it shares
	}
	return s, verifyShared(ctx, o.Deps, t, s)
}

// TryCopy checks in a dry run whether a copy is admitted, and how its shell is changed.
func TryCopy(ctx context.Context, d Deps, t target.Target, plan Plan, c podspec.Candidate) (podspec.Made, error) {
	o, name := copyOpener{d}, podspec.CopyName(t.Pod.Name)
	a := o.attempt(t, plan, name)
	return a.Try(d.Image, c, func(c podspec.Candidate) (*corev1.Pod, error) {
		pod, _ := o.copyOf(t, plan, name, "", c)
		return admission.CreateDry(ctx, d.Client, pod)
	})
}

// CheckCopy returns an error if a copy could never start because a claim is for one pod only.
func CheckCopy(ctx context.Context, client kubernetes.Interface, pod *corev1.Pod) error {
	return checkReadWriteOncePod(pod, claimsOf(ctx, client, pod))
}

// warnAboutCopy reports what a copy does twice, what it shares with the original, and what a shared process namespace
// changes. The error says why the copy could never start.
func (o copyOpener) warnAboutCopy(ctx context.Context, c podspec.Copy, pod *corev1.Pod) error {
	claims := claimsOf(ctx, o.Client, pod)
	modes := map[string]string{}
	for name, claim := range claims {
		modes[name] = shortModes(claim.Spec.AccessModes)
	}
	if err := checkReadWriteOncePod(pod, claims); err != nil {
		return err
	}
	for _, line := range append(c.DuplicateWork(pod, modes), podspec.Sharing(&pod.Spec)...) {
		o.Report.Say("%s", line)
	}
	return nil
}

// checkReadWriteOncePod returns an error if a copy could never start because a claim is for one pod only.
func checkReadWriteOncePod(pod *corev1.Pod, claims map[string]*corev1.PersistentVolumeClaim) error {
	if pod.Spec.NodeName == "" || target.Finished(pod) {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		if slices.Contains(claims[name].Spec.AccessModes, corev1.ReadWriteOncePod) {
			return hint.With(fmt.Errorf("copy pod/%s: claim %s is ReadWriteOncePod and in use by this pod", pod.Name, name),
				fmt.Sprintf("run kubectl shareproc debug %s without --copy, or copy the pod after it has completed", pod.Name))
		}
	}
	return nil
}

// claimsOf reads the claims of a pod that the user is allowed to get.
func claimsOf(ctx context.Context, client kubernetes.Interface, pod *corev1.Pod) map[string]*corev1.PersistentVolumeClaim {
	found := map[string]*corev1.PersistentVolumeClaim{}
	for i := range pod.Spec.Volumes {
		ref := pod.Spec.Volumes[i].PersistentVolumeClaim
		if ref == nil || found[ref.ClaimName] != nil {
			continue
		}
		if claim, err := client.CoreV1().PersistentVolumeClaims(pod.Namespace).Get(ctx, ref.ClaimName, metav1.GetOptions{}); err == nil {
			found[ref.ClaimName] = claim
		}
	}
	return found
}

// shortModes abbreviates access modes like kubectl get pvc.
func shortModes(modes []corev1.PersistentVolumeAccessMode) string {
	short := map[corev1.PersistentVolumeAccessMode]string{
		corev1.ReadWriteOnce: "RWO", corev1.ReadOnlyMany: "ROX", corev1.ReadWriteMany: "RWX", corev1.ReadWriteOncePod: "RWOP",
	}
	var words []string
	for _, m := range modes {
		words = append(words, short[m])
	}
	return strings.Join(words, ",")
}
