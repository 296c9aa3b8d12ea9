// SPDX-License-Identifier: Apache-2.0

package session

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// Mode is how a session comes to see the target's processes.
type Mode string

// The ways, least intrusive first.
const (
	Reuse     Mode = "reuse"
	Ephemeral Mode = "ephemeral"
	Persist   Mode = "persist"
	Copy      Mode = "copy"
	// Patch is that of PlanPatch; Choose takes it for nobody.
	Patch Mode = "patch"
)

// Request is what the user asked for.
type Request struct {
	// Copy asks for a copy of the pod instead of a helper in it.
	Copy bool
	// Persist asks for a helper whose own process is a shell, to attach to.
	Persist bool
	// Shell says that a shell in a terminal is all that is wanted, which can be attached to where exec is not allowed.
	Shell bool
	// Hold asks for a copy in which the target container's own process is replaced by one that waits.
	Hold bool
	// Edits are what else is wanted otherwise in a copy.
	Edits podspec.Edits
	// Image limits reuse to helpers of that image; "" takes any.
	Image string
	// Access is what the command must be able to do in a helper.
	Access podspec.Access
	// Override is the security context that the user wants, whatever the need.
	Override podspec.Override
	// ExcludeHelper names a helper that was found not to do, and TargetUser whom it met instead of whom the API names.
	ExcludeHelper string
	TargetUser    *podspec.TargetUser
	// AnyProcess says that what was asked for may be a process of another container than the target: a helper that is
	// made for such a TargetUser is no better for the target.
	AnyProcess bool
}

// Plan is what Open will do.
type Plan struct {
	Mode Mode
	// Helper is the running container to use; only with Reuse.
	Helper string
	// Fallback is a running container that has more rights than the target whose files are wanted: it is used where no
	// helper that matches the target can be had.
	Fallback string
	View     View
	// TargetUser is whom a new helper is made for, and Candidates the security contexts to try for it.
	TargetUser podspec.TargetUser
	Candidates []podspec.Candidate

	request Request
	// ofNode tells that the process namespace is the node's.
	ofNode bool
	// notes are what the user has to know of the choice.
	notes []string
}

// Choose is the whole policy, in order: what the user asked for; a running helper of ours that does; an ephemeral
// helper, in the pod's process namespace where it shares one and else in the target container's. Whoever works on files
// gets a helper with no more rights than the target, whatever else runs. A way that restarts or
// duplicates the user's workload is only taken when asked for. In a pod that is being deleted a helper can be used, but
// none be added. What is known of permissions decides between modes that do: who may attach and not exec
// gets a shell that is attached to. The error says why there is nothing to look at, what is wrong with what was asked
// for, or which permissions are missing.
func Choose(t target.Target, want Request, may Permissions) (Plan, error) {
	if len(may.denied) == 0 {
		return choose(t, want)
	}
	exec, attach, add := Rule("create", "pods/exec"), Rule("create", "pods/attach"), Rule("patch", "pods/ephemeralcontainers")
	var notes []string
	if want.Shell && !want.Persist && may.lack(exec) && !may.lack(attach) {
		want.Persist = true
		notes = append(notes, "you may attach in pods here, and not exec: --persist is used")
	}
	plan, err := choose(t, want)
	plan.notes = notes
	if err != nil {
		return plan, err
	}
	if plan.Mode == Ephemeral && plan.Fallback != "" && may.lack(add) {
		plan.notes = append(plan.notes, plan.withFallback("you may not add another helper to pod/"+t.Pod.Name))
		plan = plan.using(plan.Fallback)
	}
	return plan, may.check(t.Pod.Namespace, plan.Mode.Requirements())
}

// withFallback says that a helper with more rights than the target is used, and why.
func (p *Plan) withFallback(why string) string {
	return fmt.Sprintf("%s; helper %s, which has more rights than the target, reads and writes its files", why, p.Fallback)
}

// choose chooses without regard to permissions.
func choose(t target.Target, want Request) (Plan, error) {
	plan := Plan{View: View{Container: t.Container}, TargetUser: podspec.TargetUserOf(t.Pod, t.Container), request: want, ofNode: t.Pod.Spec.HostPID}
	if t.Shared() || want.Copy {
		plan.View = View{}
	}
	if want.TargetUser != nil {
		plan.TargetUser = *want.TargetUser
	}
	if want.Copy {
		plan.Mode = Copy
		if want.Access != podspec.Chroot {
			plan.request.Access = podspec.ReadAll
		}
		plan.request.Edits.EnvOf = t.Container
		if err := t.CheckCopyable(); err != nil {
			return plan, err
		}
		if err := plan.request.Edits.Check(t.Pod); err != nil {
			return plan, hint.With(err, "one of: "+strings.Join(target.Containers(t.Pod), ", "))
		}
		return plan, plan.setCandidates()
	}
	check := t.CheckRunning
	if t.Terminating() {
		check = t.CheckContainer
	}
	if err := check(); err != nil {
		return plan, err
	}
	if err := plan.setCandidates(); err != nil {
		return plan, err
	}
	if want.Persist {
		plan.Mode = Persist
		return plan, t.CheckRunning()
	}
	if name, ok := plan.find(t); ok {
		plan.Mode, plan.Helper = Reuse, name
		return plan, nil
	}
	plan.Mode = Ephemeral
	err := t.CheckRunning()
	if err != nil && plan.Fallback != "" {
		return plan.using(plan.Fallback), nil
	}
	return plan, err
}

// using is the plan to use a container that runs already.
func (p Plan) using(container string) Plan {
	p.Mode, p.Helper = Reuse, container
	return p
}

// possible are the security contexts for a need. In the process namespace of the node nothing of ours may trace processes
// unasked.
func (p *Plan) possible(access podspec.Access) []podspec.Candidate {
	all := podspec.Candidates(p.TargetUser, access)
	if p.ofNode {
		return podspec.WithoutTracing(all)
	}
	return all
}

// setCandidates sets the candidates.
func (p *Plan) setCandidates() error {
	if p.request.Override.Empty() {
		p.Candidates = p.possible(p.request.Access)
		return nil
	}
	c, err := p.request.Override.Candidate(p.TargetUser)
	p.Candidates = []podspec.Candidate{c}
	return err
}

// find looks for a running container of ours that sees the target and does what is wanted: the shell of a copy, or a
// helper in the same process namespace. One that opens everything wins, then the newest. For files that is another one:
// see findMatch.
func (p *Plan) find(t target.Target) (string, bool) {
	if p.request.Access == podspec.ReadRoot && p.request.Override.Empty() {
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
		if podspec.Meets(c.SecurityContext, p.TargetUser, podspec.ReadAll) {
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
	if shell, ok := runningShell(t); ok && podspec.Matches(shell.SecurityContext, p.TargetUser) {
		match = shell.Name
	} else if ok {
		every = shell.Name
	}
	for _, c := range newestFirst(t.Pod) {
		switch {
		case !p.usable(t, &c):
		case podspec.Matches(c.SecurityContext, p.TargetUser):
			match = cmp.Or(match, c.Name)
		case podspec.MadeForFiles(&c, t.Container):
			return c.Name, true
		case podspec.Meets(c.SecurityContext, p.TargetUser, podspec.ReadAll):
			every = cmp.Or(every, c.Name)
		default:
			other = cmp.Or(other, c.Name)
		}
	}
	p.Fallback = cmp.Or(every, other)
	if match == "" && len(podspec.Matching(p.TargetUser)) == 0 {
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
	return podspec.Waits(c) && p.sees(t, c) && c.Name != p.request.ExcludeHelper && p.does(t, c)
}

// does tells whether a helper of ours has what is wanted, or the best of it that the cluster admitted.
func (p *Plan) does(t target.Target, c *corev1.EphemeralContainer) bool {
	want := p.request
	switch {
	case want.Image != "" && want.Image != c.Image:
		return false
	case !want.Override.Empty():
		return podspec.EqualSecurityContext(c.SecurityContext, p.Candidates[0].Security)
	default:
		return podspec.MadeFor(c, t.Container, want.Access) || podspec.Meets(c.SecurityContext, p.TargetUser, want.Access)
	}
}

// equalHelper finds a helper that has this security context already, or that somebody is starting with it: another one would
// see nothing more. One that runs comes first.
func (p *Plan) equalHelper(t target.Target, made podspec.Made, besides []string) (string, bool) {
	starting := ""
	for _, c := range newestFirst(t.Pod) {
		equal := podspec.Waits(&c) && c.Image == made.Image && podspec.EqualSecurityContext(c.SecurityContext, made.Security)
		if !equal || slices.Contains(besides, c.Name) || !t.Shared() && c.TargetContainerName != t.Container {
			continue
		}
		st, ok := podspec.Status(t.Pod, c.Name)
		switch {
		case ok && st.State.Running != nil:
			return c.Name, true
		case ok && (st.State.Terminated != nil || st.State.Waiting != nil && fatal(Session{}, st.State.Waiting) != nil):
		default:
			starting = cmp.Or(starting, c.Name)
		}
	}
	return starting, starting != ""
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
