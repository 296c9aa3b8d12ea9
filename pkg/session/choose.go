// SPDX-License-Identifier: Apache-2.0

package session

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	authv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/lifecycle"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/rbac"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// Mode is how a session gets to see the processes of the target.
type Mode string

// The modes, least intrusive first.
const (
	Reuse     Mode = "reuse"
	Ephemeral Mode = "ephemeral"
	Persist   Mode = "persist"
	Copy      Mode = "copy"
	// Patch is used by PlanPatch; Choose never selects it.
	Patch Mode = "patch"
)

// Requirements are the requests that a mode makes. Open checks them first, and doctor reports them. A patch also gets
// and patches its workload.
func (m Mode) Requirements() []authv1.ResourceAttributes {
	get, exec := rbac.Rule("get", "pods"), rbac.Rule("create", "pods/exec")
	switch m {
	case Reuse:
		return []authv1.ResourceAttributes{get, exec}
	case Persist:
		return []authv1.ResourceAttributes{get, rbac.Rule("patch", "pods/ephemeralcontainers"), rbac.Rule("create", "pods/attach")}
	case Copy:
		return []authv1.ResourceAttributes{get, rbac.Rule("create", "pods"), rbac.Rule("delete", "pods"), exec}
	case Patch:
		return []authv1.ResourceAttributes{rbac.Rule("list", "pods"), get, exec}
	default:
		return []authv1.ResourceAttributes{get, rbac.Rule("patch", "pods/ephemeralcontainers"), exec}
	}
}

// Request is what the user asked for.
type Request struct {
	// Copy asks for a copy of the pod instead of a helper in it.
	Copy bool
	// Persist asks for a helper that runs a shell as its own process, to attach to.
	Persist bool
	// Shell is true for a shell in a terminal, which attach can provide if exec is not allowed.
	Shell bool
	// Hold asks for a copy in which the process of the target container is replaced with one that waits.
	Hold bool
	// Edits are further changes to a copy.
	Edits podspec.Edits
	// Image limits reuse to helpers of that image; "" takes any.
	Image string
	// Access is what the command must be able to do in a helper.
	Access podspec.Access
	// Override is the security context that the user chose, regardless of Access.
	Override podspec.Override
	// ExcludeHelper is a helper that lacked access. TargetUser overrides the user that the API reports.
	ExcludeHelper string
	TargetUser    *podspec.TargetUser
	// AnyProcess is true if the process may be in a container other than the target: a helper made for its user is then
	// not better for the target.
	AnyProcess bool
	// Bulk is true for a command that moves many bytes.
	Bulk bool
}

// Plan is what Open will do.
type Plan struct {
	Mode Mode
	// Helper is the running container to use; only with Reuse.
	Helper string
	// Fallback is a running container with more privileges than the target, used for files if no matching helper can be
	// added.
	Fallback string
	View     View
	// TargetUser is the user that a new helper is made for, and Candidates are the security contexts to try.
	TargetUser podspec.TargetUser
	Candidates []podspec.Candidate

	request Request
	// added is when Open adds the helper; zero in a patch that is only shown, which somebody may apply at any time.
	added time.Time
	// notes are printed before the plan is carried out.
	notes []string
}

// Choose selects a mode, in this order: what the user asked for, a running helper that is sufficient, a new ephemeral
// helper. For files it prefers a helper with no more privileges than the target. It copies or patches only on request, and
// adds no helper to a pod that is being deleted. With attach but without exec permission, a shell becomes persistent.
func Choose(t target.Target, want Request, may rbac.Permissions) (Plan, error) {
	exec, attach, add := rbac.Rule("create", "pods/exec"), rbac.Rule("create", "pods/attach"), rbac.Rule("patch", "pods/ephemeralcontainers")
	var notes []string
	if want.Shell && !want.Persist && may.Lack(exec) && !may.Lack(attach) {
		want.Persist = true
		notes = append(notes, "you can attach to pods here but not exec: using --persist")
	}
	plan, err := choose(t, want)
	plan.notes = notes
	if err != nil {
		return plan, err
	}
	if plan.Mode == Ephemeral && plan.Fallback != "" && may.Lack(add) {
		plan.notes = append(plan.notes, plan.describeFallback("you lack permission to add another helper to pod/"+t.Pod.Name))
		plan = plan.reusing(plan.Fallback)
	}
	return plan, may.Check(t.Pod.Namespace, plan.Mode.Requirements())
}

// describeFallback warns that a helper with more privileges than the target is used, and why.
func (p *Plan) describeFallback(why string) string {
	return fmt.Sprintf("%s; using helper %s for its files, which has more privileges than the target", why, p.Fallback)
}

// choose ignores permissions.
func choose(t target.Target, want Request) (Plan, error) {
	plan := Plan{View: View{Container: t.Container}, TargetUser: podspec.TargetUserOf(t.Pod, t.Container), request: want}
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
			return plan, hint.With(err, "use one of: "+strings.Join(target.Containers(t.Pod), ", "))
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
		return plan.reusing(plan.Fallback), nil
	}
	return plan, err
}

// reusing returns the plan to use a container that is already running.
func (p Plan) reusing(container string) Plan {
	p.Mode, p.Helper = Reuse, container
	return p
}

// setCandidates sets Candidates from the override or the access.
func (p *Plan) setCandidates() error {
	if p.request.Override.Empty() {
		p.Candidates = podspec.Candidates(p.TargetUser, p.request.Access)
		return nil
	}
	c, err := p.request.Override.Candidate(p.TargetUser)
	p.Candidates = []podspec.Candidate{c}
	return err
}

// find returns a running helper, or the shell of a copy, that is sufficient: one that can open everything first, then
// the newest. For files, see findMatch.
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

// findMatch returns a running helper with no more privileges than the target, or one that was made for its files.
// Others become the fallback, and are all there is if no security context can match.
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

// newestFirst lists the ephemeral containers of a pod by start time. Their order in the spec means nothing: a patch may
// put a new one first.
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

// sees reports whether an ephemeral container runs in the process namespace of the plan.
func (p *Plan) sees(t target.Target, c *corev1.EphemeralContainer) bool {
	return (t.Shared() || c.TargetContainerName == t.Container) && podspec.Running(t.Pod, c.Name)
}

// usable reports whether an ephemeral container is a helper that sees the target and is sufficient.
func (p *Plan) usable(t target.Target, c *corev1.EphemeralContainer) bool {
	return podspec.Waits(c) && p.sees(t, c) && c.Name != p.request.ExcludeHelper && p.suffices(t, c)
}

// suffices reports whether a helper has the access that is requested, or the best that the cluster admitted.
func (p *Plan) suffices(t target.Target, c *corev1.EphemeralContainer) bool {
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

// equalHelper returns a running or starting helper with this security context: another one would not see more.
func (p *Plan) equalHelper(t target.Target, made podspec.Made, besides []string) (string, bool) {
	starting := ""
	for _, c := range newestFirst(t.Pod) {
		if slices.Contains(besides, c.Name) || !equalTo(t, made, &c) {
			continue
		}
		st, ok := podspec.Status(t.Pod, c.Name)
		switch {
		case ok && st.State.Running != nil:
			return c.Name, true
		case ok && (st.State.Terminated != nil || st.State.Waiting != nil && lifecycle.Fatal(attach.Container{}, st.State.Waiting) != nil):
		default:
			starting = cmp.Or(starting, c.Name)
		}
	}
	return starting, starting != ""
}

// equalTo reports whether c is a helper that sees the target, made as admission makes another one.
func equalTo(t target.Target, made podspec.Made, c *corev1.EphemeralContainer) bool {
	return podspec.Waits(c) && c.Image == made.Image && podspec.EqualSecurityContext(c.SecurityContext, made.Security) &&
		(t.Shared() || c.TargetContainerName == t.Container)
}

// runningShell returns the shell of a copy, or of a pod whose workload is patched.
func runningShell(t target.Target) (*corev1.Container, bool) {
	name := podspec.ShellOf(&t.Pod.Spec)
	if name == "" || !t.Shared() || t.Pod.Labels[podspec.LabelManagedBy] != podspec.ManagedBy || !podspec.Running(t.Pod, name) {
		return nil, false
	}
	return podspec.Container(t.Pod, name)
}

// Helpers lists the running helpers that see the target.
func (p *Plan) Helpers(t target.Target) []string {
	var names []string
	for _, c := range t.Pod.Spec.EphemeralContainers {
		if podspec.Waits(&c) && p.sees(t, &c) {
			names = append(names, c.Name)
		}
	}
	return names
}
