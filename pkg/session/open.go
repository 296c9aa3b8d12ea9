// SPDX-License-Identifier: Apache-2.0

package session

import (
	"cmp"
	"context"
	"slices"
	"strings"

	authv1 "k8s.io/api/authorization/v1"
	utilrand "k8s.io/apimachinery/pkg/util/rand"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// Open finds or makes what a request asks for, and returns when commands can be run in it. A helper that already runs costs
// no request, unless a shell is wanted that could be attached to as well. The error carries the cluster's own words where
// it can't be, or the cause when ctx ends; what was made for nothing is undone then, or the user told that it stays.
func Open(ctx context.Context, d Deps, t target.Target, request Request) (*Session, error) {
	plan, err := Choose(t, request, Permissions{})
	if err == nil && (plan.Mode != Reuse || request.Shell) {
		plan, err = authorize(ctx, d, t, plan)
	}
	if err != nil {
		return nil, err
	}
	if plan.Mode == Persist {
		d.beforeShell(t)
	}
	s, err := carryOut(ctx, d, t, plan)
	return d.opened(ctx, &s, t, request, err)
}

// beforeShell says what is there already, and who else can read what is about to be typed.
func (d Deps) beforeShell(t target.Target) {
	for _, name := range Shells(t.Pod) {
		there := Session{Namespace: t.Pod.Namespace, Pod: t.Pod.Name, Container: name}
		d.Report.Say("a shell runs in pod/%s already: %s goes back to it", t.Pod.Name, there.AttachCommand())
	}
	d.sayLogged("of the helper")
}

func (d Deps) sayLogged(of string) {
	d.Report.Say("what this shell shows, and so what is typed into it, is kept in the log %s (kubectl logs), as of every attach session", of)
}

// opened makes a session complete, or closes it.
func (d Deps) opened(ctx context.Context, s *Session, t target.Target, request Request, err error) (*Session, error) {
	d.bind(s, t)
	s.request = request
	if err == nil {
		s.exec, err = d.Exec(at(s))
	}
	if err != nil {
		if s.New && s.Keep > 0 {
			d.Report.Say("left in pod/%s: helper %s; an ephemeral container can't be removed, it %s", s.Pod, s.Container, s.ShellEnding())
		}
		s.CloseInto(ctx, &err)
		return nil, err
	}
	return s, nil
}

// bind makes a session one of a target, which has no pod where none was made.
func (d Deps) bind(s *Session, t target.Target) {
	s.deps, s.exitTime, s.endTime, s.guardEvery = d, exitTime, endTime, guardEvery
	if t.Pod == nil {
		return
	}
	if s.Target.Pod == nil {
		s.Target = t
	}
	if s.targetID == "" {
		s.targetID = t.ContainerID()
	}
	if s.podUID == "" && s.Pod == t.Pod.Name {
		s.podUID = string(t.Pod.UID)
	}
}

func at(s *Session) attach.Container {
	return attach.Container{Namespace: s.Namespace, Pod: s.Pod, Name: s.Container}
}

// look tells what a session in a container of t's pod sees of the target.
func look(ctx context.Context, d Deps, t target.Target, s Session) (Sight, error) {
	if d.look != nil {
		return d.look(ctx, s)
	}
	d.bind(&s, t)
	var err error
	if s.exec, err = d.Exec(at(&s)); err != nil {
		return Sight{}, err
	}
	return sightOf(ctx, &s)
}

// authorize chooses again, with what the user is allowed to do. To use a helper that runs needs no question: its exec tells.
func authorize(ctx context.Context, o Deps, t target.Target, plan Plan) (Plan, error) {
	ns, rules := t.Pod.Namespace, plan.Mode.Requirements()
	if plan.Mode == Reuse {
		exec := Rule("create", "pods/exec")
		may, err := AskPermissions(ctx, o.Client, ns, t.Pod.Name, []authv1.ResourceAttributes{exec})
		if err != nil || !may.lack(exec) {
			return plan, err
		}
		rules = Ephemeral.Requirements()
	}
	if plan.request.Shell {
		rules = append(rules, Rule("create", "pods/attach"))
	}
	pod := t.Pod.Name
	if plan.Mode == Copy {
		pod = "" // the copy's name is a new one
	}
	may, err := AskPermissions(ctx, o.Client, ns, pod, rules)
	if err != nil {
		return plan, err
	}
	if plan, err = Choose(t, plan.request, may); err != nil {
		return plan, err
	}
	for _, note := range plan.notes {
		o.Report.Say("%s", note)
	}
	return plan, nil
}

// carryOut returns when commands can be run. The session has to be closed after an error too.
func carryOut(ctx context.Context, o Deps, t target.Target, plan Plan) (s Session, err error) {
	defer crash.Into(&err) // what is made must be closed after a panic too
	if t.Pod.Spec.HostPID && plan.Mode != Reuse && plan.request.Override.Empty() {
		o.Report.Say("pod/%s is in the process namespace of its node, so all processes of the node are seen; --profile general traces them too", t.Pod.Name)
	}
	switch plan.Mode {
	case Reuse:
		s := reuse(t, plan, plan.Helper)
		sayOtherImage(o, t, plan.Helper)
		if t.Pod.Spec.RuntimeClassName == nil {
			return s, nil
		}
		return s, verifyShared(ctx, o, t, s) // one that keeps containers apart is somebody's choice
	case Copy:
		return copyOpener{o}.openCopy(ctx, t, plan)
	case Persist:
		return helperOpener{o}.openPersistent(ctx, t, plan)
	default:
		return helperOpener{o}.openHelper(ctx, t, plan)
	}
}

// sayOtherImage names a helper whose image is none that a new one would have: who may add helpers chooses what runs in them.
func sayOtherImage(o Deps, t target.Target, helper string) {
	for _, c := range t.Pod.Spec.EphemeralContainers {
		if c.Name == helper && o.Image != "" && c.Image != o.Image && !slices.Contains(o.Images, c.Image) {
			o.Report.Say("using helper %s, whose image is %s; it was added by %s", helper, c.Image,
				cmp.Or(podspec.MadeBy(&c), "somebody unknown"))
		}
	}
}

// reuse is the session in a container that runs already.
func reuse(t target.Target, plan Plan, container string) Session {
	return Session{Namespace: t.Pod.Namespace, Pod: t.Pod.Name, Container: container, View: plan.View, Running: true}
}

// suffix is what makes a name our own: five characters, as in names that the API server generates.
func suffix() string { return utilrand.String(5) }

// NameFor is a name for a copy of pod: short enough to be a host name.
func NameFor(pod string) string {
	const room = 63 - len("-shareproc-") - 5
	if len(pod) > room {
		pod = strings.TrimRight(pod[:room], "-.")
	}
	return pod + "-shareproc-" + suffix()
}
