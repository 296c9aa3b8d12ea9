// SPDX-License-Identifier: Apache-2.0

package session

import (
	"cmp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// Way is how a session comes to see the target's processes.
type Way string

// The ways, least intrusive first.
const (
	Reuse     Way = "reuse"
	Ephemeral Way = "ephemeral"
	Persist   Way = "persist"
	Copy      Way = "copy"
)

// Wanted is what the user asked for.
type Wanted struct {
	// Copy asks for a copy of the pod instead of a helper in it.
	Copy bool
	// Persist asks for a helper whose own process is a shell, to attach to.
	Persist bool
	// Hold asks for a copy in which the target container's own process is replaced by one that waits.
	Hold bool
	// Edits are what else is wanted otherwise in a copy.
	Edits podspec.Edits
	// Image limits reuse to helpers of that image; "" takes any.
	Image string
	// Need is what the command must be able to do in a helper.
	Need podspec.Need
	// Override is the security context that the user wants, whatever the need.
	Override podspec.Override
	// Except names a helper that was found not to do, and Subject whom it met instead of whom the API names.
	Except  string
	Subject *podspec.Subject
	// AnyProcess says that what was asked for may be a process of another container than the target: a helper that is
	// made for such a Subject is no better for the target.
	AnyProcess bool
}

// Plan is what Open will do.
type Plan struct {
	Way Way
	// Helper is the running container to use; only with Reuse.
	Helper string
	// Fallback is a running container that has more rights than the target whose files are wanted: it is used where no
	// helper that matches the target can be had.
	Fallback string
	View     View
	// Subject is whom a new helper is made for, and Ladder the security contexts to try for it.
	Subject podspec.Subject
	Ladder  []podspec.Candidate

	wanted Wanted
}

// Choose is the whole policy, in order: what the user asked for; a running helper of ours that does; an ephemeral
// helper, in the pod's process namespace where it shares one and else in the target container's. Whoever works on files
// gets a helper with no more rights than the target, whatever else runs. A way that restarts or
// duplicates the user's workload is only taken when asked for. In a pod that is being deleted a helper can be used, but
// none be added. The error says why there is nothing to look at, or what is
// wrong with what was asked for.
func Choose(t target.Target, want Wanted) (Plan, error) {
	plan := Plan{View: View{Container: t.Container}, Subject: podspec.SubjectOf(t.Pod, t.Container), wanted: want}
	if t.Shared() || want.Copy {
		plan.View = View{}
	}
	if want.Subject != nil {
		plan.Subject = *want.Subject
	}
	if want.Copy {
		plan.Way = Copy
		if want.Need != podspec.EnterRoot {
			plan.wanted.Need = podspec.OpenEvery
		}
		plan.wanted.Edits.EnvOf = t.Container
		if err := t.CheckCopyable(); err != nil {
			return plan, err
		}
		if err := plan.wanted.Edits.Check(t.Pod); err != nil {
			return plan, hint.With(err, "one of: "+strings.Join(target.Containers(t.Pod), ", "))
		}
		return plan, plan.climb()
	}
	check := t.CheckRunning
	if t.Terminating() {
		check = t.CheckContainer
	}
	if err := check(); err != nil {
		return plan, err
	}
	if err := plan.climb(); err != nil {
		return plan, err
	}
	if want.Persist {
		plan.Way = Persist
		return plan, t.CheckRunning()
	}
	if name, ok := plan.find(t); ok {
		plan.Way, plan.Helper = Reuse, name
		return plan, nil
	}
	plan.Way = Ephemeral
	err := t.CheckRunning()
	if err != nil && plan.Fallback != "" {
		return plan.using(plan.Fallback), nil
	}
	return plan, err
}

// using is the plan to use a container that runs already.
func (p Plan) using(container string) Plan {
	p.Way, p.Helper = Reuse, container
	return p
}

// climb sets the ladder.
func (p *Plan) climb() error {
	if p.wanted.Override.Empty() {
		p.Ladder = podspec.Ladder(p.Subject, p.wanted.Need)
		return nil
	}
	c, err := p.wanted.Override.Candidate(p.Subject)
	p.Ladder = []podspec.Candidate{c}
	return err
}

// find looks for a running container of ours that sees the target and does what is wanted: the shell of a copy, or a
// helper in the same process namespace. One that opens everything wins, then the newest. For files that is another one:
// see findMatch.
func (p *Plan) find(t target.Target) (string, bool) {
	if p.wanted.Need == podspec.OpenRoot && p.wanted.Override.Empty() {
		return p.findMatch(t)
	}
	if shell, ok := runningShell(t); ok {
		return shell.Name, true
	}
	found := ""
	for _, c := range newestFirst(t.Pod) {
		if !p.usable(t, &c) {
			continue
		}
		if podspec.Meets(c.SecurityContext, p.Subject, podspec.OpenEvery) {
			return c.Name, true
		}
		found = cmp.Or(found, c.Name)
	}
	return found, found != ""
}

// findMatch looks for one that has no more rights than the target. One that was made for the target's files all the same
// wins: the match did not do then. What else runs is the fallback, and all there is where nothing can match.
func (p *Plan) findMatch(t target.Target) (string, bool) {
	var match, every, other string
	if shell, ok := runningShell(t); ok && podspec.Matches(shell.SecurityContext, p.Subject) {
		match = shell.Name
	} else if ok {
		every = shell.Name
	}
	for _, c := range newestFirst(t.Pod) {
		switch {
		case !p.usable(t, &c):
		case podspec.Matches(c.SecurityContext, p.Subject):
			match = cmp.Or(match, c.Name)
		case podspec.MadeForFiles(&c, t.Container):
			return c.Name, true
		case podspec.Meets(c.SecurityContext, p.Subject, podspec.OpenEvery):
			every = cmp.Or(every, c.Name)
		default:
			other = cmp.Or(other, c.Name)
		}
	}
	p.Fallback = cmp.Or(every, other)
	if match == "" && len(podspec.Matching(p.Subject)) == 0 {
		match = p.Fallback
	}
	return match, match != ""
}

// newestFirst lists the pod's ephemeral containers by their start. Their place in the spec says nothing: a patch may put
// a new one first.
func newestFirst(pod *corev1.Pod) []corev1.EphemeralContainer {
	started := func(c corev1.EphemeralContainer) time.Time {
		if st, ok := podspec.Status(pod, c.Name); ok && st.State.Running != nil {
			return st.State.Running.StartedAt.Time
		}
		return time.Time{}
	}
	list := slices.Clone(pod.Spec.EphemeralContainers)
	slices.SortStableFunc(list, func(a, b corev1.EphemeralContainer) int { return started(b).Compare(started(a)) })
	return list
}

// sees tells whether an ephemeral container runs in the process namespace that the plan is about.
func (p *Plan) sees(t target.Target, c *corev1.EphemeralContainer) bool {
	return (t.Shared() || c.TargetContainerName == t.Container) && running(t.Pod, c.Name)
}

// usable tells whether an ephemeral container is a helper of ours that sees the target and does what is wanted.
func (p *Plan) usable(t target.Target, c *corev1.EphemeralContainer) bool {
	return podspec.Waits(c) && p.sees(t, c) && c.Name != p.wanted.Except && p.does(t, c)
}

// does tells whether a helper of ours has what is wanted, or the best of it that the cluster admitted.
func (p *Plan) does(t target.Target, c *corev1.EphemeralContainer) bool {
	want := p.wanted
	switch {
	case want.Image != "" && want.Image != c.Image:
		return false
	case !want.Override.Empty():
		return podspec.Twins(c.SecurityContext, p.Ladder[0].Security)
	default:
		return podspec.MadeFor(c, t.Container, want.Need) || podspec.Meets(c.SecurityContext, p.Subject, want.Need)
	}
}

// twin finds a running helper that has this security context already: another one would see nothing more.
func (p *Plan) twin(t target.Target, image string, security *corev1.SecurityContext) (string, bool) {
	for _, c := range newestFirst(t.Pod) {
		if podspec.Waits(&c) && p.sees(t, &c) && c.Image == image && podspec.Twins(c.SecurityContext, security) {
			return c.Name, true
		}
	}
	return "", false
}

// runningShell finds the shell of a copy, or of a pod whose workload is patched.
func runningShell(t target.Target) (*corev1.Container, bool) {
	name := shellOf(&t.Pod.Spec)
	if name == "" || !t.Shared() || t.Pod.Labels[podspec.LabelManagedBy] != podspec.ManagedBy || !running(t.Pod, name) {
		return nil, false
	}
	return podspec.Container(t.Pod, name)
}

func shellOf(spec *corev1.PodSpec) string {
	if n := len(spec.Containers); n > 0 && spec.Containers[n-1].Stdin && spec.Containers[n-1].TTY {
		return spec.Containers[n-1].Name
	}
	return ""
}

func running(pod *corev1.Pod, container string) bool {
	st, ok := podspec.Status(pod, container)
	return ok && st.State.Running != nil
}
