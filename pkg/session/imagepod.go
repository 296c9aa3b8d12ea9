// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/admission"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/inventory"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/lifecycle"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/rbac"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// imageOpener makes pods that have another pod's image as a volume.
type imageOpener struct{ Deps }

// errNoImages is the error of a server that does not know volumes which are images, or does not allow them.
var errNoImages = errors.New("this server has no image volumes (on by default since Kubernetes 1.35)")

// OpenImage opens a session in a pod of its own, on the same node, that has the image of beside's target at
// podspec.ImageDir. Close deletes the pod.
func OpenImage(ctx context.Context, d Deps, beside *Session) (*Session, error) {
	t := beside.Target
	may, err := rbac.Ask(ctx, d.Client, t.Pod.Namespace, "", Copy.Requirements())
	if err == nil {
		err = may.Check(t.Pod.Namespace, Copy.Requirements())
	}
	if err != nil {
		return nil, err
	}
	s, made, err := imageOpener{d}.open(ctx, t, imageCandidates(beside))
	if err != nil && ctx.Err() == nil {
		err = hint.With(err, fmt.Sprintf("run kubectl shareproc debug %s --copy --hold -n %s in another terminal, and compare with the pod that it names", t.Pod.Name, t.Pod.Namespace))
	}
	return d.opened(ctx, &s, made, Request{Copy: true}, err)
}

// ImageProcess is the process in whose root the image is, at podspec.ImageDir.
func ImageProcess(ctx context.Context, s *Session) (int, error) {
	list, err := s.Processes(ctx)
	if err != nil {
		return 0, err
	}
	list = slices.DeleteFunc(list, func(p Process) bool { return !p.Helper })
	if len(list) == 0 {
		return 0, fmt.Errorf("find the shell of pod/%s: %w", s.Pod, remote.ErrNoProcess)
	}
	first := slices.MinFunc(list, func(a, b Process) int { return int(a.StartTicks) - int(b.StartTicks) })
	return first.PID, nil
}

// imageCandidates begins with what the session's own helper has, so that of the image no more and no less can be read than
// of the target. Nothing there needs to be traced.
func imageCandidates(beside *Session) []podspec.Candidate {
	t := beside.Target
	own := podspec.MadeIn(t.Pod, beside.Container, podspec.Made{}).Security
	var all []podspec.Candidate
	if own != nil && own.RunAsUser != nil && own.RunAsGroup != nil {
		all = append(all, podspec.Candidate{Name: podspec.Describe(podspec.Untraced(own)), Security: own})
	}
	all = append(all, podspec.Candidates(podspec.TargetUserOf(t.Pod, t.Container), podspec.ReadRoot)...)
	var different []podspec.Candidate
	for _, c := range all {
		c.Security = podspec.Untraced(c.Security)
		if !slices.ContainsFunc(different, func(other podspec.Candidate) bool { return podspec.EqualSecurityContext(other.Security, c.Security) }) {
			different = append(different, c)
		}
	}
	return different
}

func (o imageOpener) pod(t target.Target, name, by string, c podspec.Candidate) (*corev1.Pod, string) {
	return podspec.Copy{
		Name: name, Image: o.Image, PullPolicy: o.PullPolicy, Security: c.Security, Resources: c.Resources, TTL: o.TTL, By: by, Reason: o.Reason,
	}.OfImage(t.Pod, t.Container)
}

func (o imageOpener) attempt(t target.Target) admission.Attempt {
	return admission.Attempt{
		Copy: true, Namespace: t.Pod.Namespace, Pod: t.Pod.Name, What: "create a pod with the image of container " + t.Container,
		Container: podspec.ShellContainer, Spec: &t.Pod.Spec,
	}
}

// try asks in a dry run. A server drops what it does not know, and refuses what is then empty.
func (o imageOpener) try(ctx context.Context, pod *corev1.Pod) (*corev1.Pod, error) {
	made, err := admission.CreateDry(ctx, o.Client, pod)
	aboutVolume := func(c metav1.StatusCause) bool { return strings.HasPrefix(c.Field, "spec.volumes[0]") }
	if err == nil && !podspec.HasImage(made) || err != nil && slices.ContainsFunc(admission.Invalid(err), aboutVolume) {
		return made, errNoImages
	}
	return made, err
}

func (o imageOpener) open(ctx context.Context, t target.Target, candidates []podspec.Candidate) (s Session, made target.Target, err error) {
	defer crash.Into(&err) // what is made must be closed after a panic too
	ns := t.Pod.Namespace
	deps, err := prepare(ctx, o.Deps, t.Pod)
	if err != nil {
		return Session{}, made, err
	}
	o.Deps = deps
	s = Session{Namespace: ns, Pod: podspec.CopyName(t.Pod.Name)}
	found, err := o.attempt(t).Admitted(o.Cluster, candidates, func(c podspec.Candidate) (*corev1.Pod, error) {
		pod, _ := o.pod(t, s.Pod, "", c)
		return o.try(ctx, pod)
	})
	if err != nil {
		return s, made, err
	}
	pod, shell := o.pod(t, s.Pod, rbac.Who(ctx, o.Client), found.Candidate)
	if ctx.Err() != nil {
		return s, made, context.Cause(ctx)
	}
	s.Container, s.New, s.Copy = shell, true, true
	created, err := o.Client.CoreV1().Pods(ns).Create(ctx, pod, metav1.CreateOptions{})
	if err != nil {
		return s, made, o.attempt(t).Explain(err)
	}
	s.podUID = string(created.UID)
	o.announce(t, &s)
	found.SayChanges(o.Cluster, podspec.MadeIn(created, shell, found.Made))
	if !podspec.HasImage(created) {
		return s, made, fmt.Errorf("create pod/%s: %w", s.Pod, errNoImages)
	}
	tidied := inventory.SweepInBackground(ctx, o.Cluster, ns)
	last, err := lifecycle.Wait(ctx, o.Cluster, lifecycle.Starting{Container: at(&s)})
	<-tidied
	s.Running = err == nil
	return s, target.Target{Pod: last, Container: shell}, err
}

func (o imageOpener) announce(t target.Target, s *Session) {
	o.Report.Say("created pod/%s with the image of container %s; deleted on exit", s.Pod, t.Container)
	if reference, exact := podspec.ImageOf(t.Pod, t.Container); !exact {
		o.Report.Say("note: no digest is known: compared with what %s is now", reference)
	}
}
