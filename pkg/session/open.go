// SPDX-License-Identifier: Apache-2.0

package session

import (
	"cmp"
	"context"
	"slices"
	"strings"

	authv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/lifecycle"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/rbac"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// Open finds or creates what a request asks for, and returns when commands can run in it. Reusing a helper costs no
// request, except for a shell, which could be attached to instead. After an error, what was created is undone or reported.
func Open(ctx context.Context, d Deps, t target.Target, request Request) (*Session, error) {
	plan, err := Choose(t, request, rbac.Permissions{})
	if err == nil && (plan.Mode != Reuse || request.Shell) {
		plan, err = authorize(ctx, d, t, plan)
	}
	if err != nil {
		return nil, err
	}
	if plan.Mode == Persist {
		d.announceShell(t)
	}
	s, err := execute(ctx, d, t, plan)
	return d.opened(ctx, &s, t, request, err)
}

// announceShell lists the shells that are already running, and warns who can read what is typed.
func (d Deps) announceShell(t target.Target) {
	for _, name := range Shells(t.Pod) {
		there := Session{Namespace: t.Pod.Namespace, Pod: t.Pod.Name, Container: name}
		d.Report.Say("a shell is already running in pod/%s; to reattach: %s", t.Pod.Name, there.AttachCommand())
	}
	d.warnLogged("of the helper")
}

func (d Deps) warnLogged(of string) {
	d.Report.Say("warning: the output of this shell, including what you type, is recorded in the log %s (kubectl logs)", of)
}

// opened completes a session, or closes it after an error.
func (d Deps) opened(ctx context.Context, s *Session, t target.Target, request Request, err error) (*Session, error) {
	d.bind(s, t)
	s.request = request
	if err == nil {
		s.exec, err = d.Exec(at(s), request.Bulk)
	}
	if err != nil {
		if s.New && s.Keep > 0 {
			d.Report.Say("left helper %s in pod/%s: ephemeral containers cannot be removed; it %s", s.Container, s.Pod, s.ShellExit())
		}
		s.CloseInto(ctx, &err)
		return nil, err
	}
	return s, nil
}

// bind sets the target of a session; t.Pod is nil if there is none.
func (d Deps) bind(s *Session, t target.Target) {
	s.deps, s.times = d, lifecycle.DefaultTimes()
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

// look checks what a container of the pod can see of the target.
func look(ctx context.Context, d Deps, t target.Target, s Session) (visibility, error) {
	if d.look != nil {
		return d.look(ctx, s)
	}
	d.bind(&s, t)
	var err error
	if s.exec, err = d.Exec(at(&s), false); err != nil {
		return visibility{}, err
	}
	return visibilityOf(ctx, &s)
}

// authorize chooses again with the permissions of the user. Reusing a helper is not checked beforehand: the exec
// request shows it.
func authorize(ctx context.Context, o Deps, t target.Target, plan Plan) (Plan, error) {
	ns, rules := t.Pod.Namespace, plan.Mode.Requirements()
	if plan.Mode == Reuse {
		exec := rbac.Rule("create", "pods/exec")
		may, err := rbac.Ask(ctx, o.Client, ns, t.Pod.Name, []authv1.ResourceAttributes{exec})
		if err != nil || !may.Lack(exec) {
			return plan, err
		}
		rules = Ephemeral.Requirements()
	}
	if plan.request.Shell {
		rules = append(rules, rbac.Rule("create", "pods/attach"))
	}
	pod := t.Pod.Name
	if plan.Mode == Copy {
		pod = "" // the name of the copy is not known yet
	}
	may, err := rbac.Ask(ctx, o.Client, ns, pod, rules)
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

// execute returns when commands can run. The session must be closed after an error too.
func execute(ctx context.Context, o Deps, t target.Target, plan Plan) (s Session, err error) {
	defer crash.Into(&err) // what is made must be closed after a panic too
	if t.Pod.Spec.HostPID && plan.Mode != Reuse && plan.request.Override.Empty() {
		o.Report.Say("pod/%s shares the process namespace of its node: all its processes are visible", t.Pod.Name)
	}
	switch plan.Mode {
	case Reuse:
		s := reuse(t, plan, plan.Helper)
		if o.Reason != "" {
			o.Report.Say("helper %s is already running in pod/%s: --reason is not recorded", plan.Helper, t.Pod.Name)
		}
		o.warnForeign(t.Pod, plan.Helper)
		if t.Pod.Spec.RuntimeClassName == nil {
			return s, nil
		}
		return s, verifyShared(ctx, o, t, s) // a runtime class that isolates containers was chosen on purpose
	case Copy:
		return copyOpener{o}.openCopy(ctx, t, plan)
	case Persist:
		return helperOpener{o}.openPersistent(ctx, t, plan)
	default:
		return helperOpener{o}.openHelper(ctx, t, plan)
	}
}

// warnForeign names a helper that this program would not have added: whoever added it chose what runs in it, and it sees
// every command line and file that goes through it.
func (d Deps) warnForeign(pod *corev1.Pod, helper string) {
	for i := range pod.Spec.EphemeralContainers {
		c := &pod.Spec.EphemeralContainers[i]
		var differs []string
		if d.Image != "" && c.Image != d.Image && !slices.Contains(d.Images, c.Image) {
			differs = append(differs, "image "+c.Image)
		}
		if !podspec.Unchanged(c) {
			differs = append(differs, "a command, environment or mounts that this version does not use")
		}
		if c.Name == helper && len(differs) > 0 {
			d.Report.Warn("using helper %s with %s, added by %s", helper, strings.Join(differs, " and "), cmp.Or(podspec.MadeBy(c), podspec.UnknownUser))
		}
	}
}

// reuse returns a session in a running container.
func reuse(t target.Target, plan Plan, container string) Session {
	return Session{Namespace: t.Pod.Namespace, Pod: t.Pod.Name, Container: container, View: plan.View, Running: true}
}
