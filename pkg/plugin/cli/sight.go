// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// Looker tells what sessions see of a target.
func Looker(deps *Deps, o *session.Opener, t target.Target) func(context.Context, session.Session) (session.Sight, error) {
	return func(ctx context.Context, s session.Session) (session.Sight, error) {
		wire, err := deps.Exec(s)
		if err != nil {
			return session.Sight{}, err
		}
		return (&Session{Target: t, Opener: o, Session: s, Wire: wire}).look(ctx)
	}
}

// look tells what the session sees of its target container, with one command.
func (r *Session) look(ctx context.Context) (session.Sight, error) {
	all, err := r.Processes(ctx)
	if err != nil {
		return session.Sight{}, err
	}
	var own []Process
	for _, p := range all {
		// A zombie has neither files nor memory, for anybody.
		if p.Container == r.Target.Container && p.State != "Z" {
			own = append(own, p)
		}
	}
	return r.sight(all, own), nil
}

// sight puts into words what is seen of all processes and of the container's own.
func (r *Session) sight(all, own []Process) session.Sight {
	s := session.Sight{Subject: podspec.SubjectOf(r.Target.Pod, r.Target.Container)}
	// Where processes are shared there are the target's, or the first one of the pod or the node.
	s.Alone = !slices.ContainsFunc(all, func(p Process) bool { return !p.Helper })
	if len(own) == 0 {
		s.Text = "it sees no process of container " + r.Target.Container
		return s
	}
	first, denied, undumpable := own[0], []Process(nil), true
	for _, p := range own {
		undumpable = undumpable && p.Undumpable
		if p.StartTicks < first.StartTicks {
			first = p
		}
		if !p.RootReadable {
			denied = append(denied, p)
		}
	}
	s.Denied = len(denied) == len(own)
	s.Subject = s.Subject.Met(podspec.User{UID: int64(first.EUID), GID: int64(first.EGID)}, undumpable)
	switch {
	case len(denied) == 0:
		s.Text = "it sees processes and files"
	case !s.Denied:
		s.Text = "it sees processes and files; environment, memory maps and open files of " + why(denied) + ", not"
	default:
		s.Text = "it sees processes; files not: " + why(denied)
	}
	return s
}

// why names processes that are denied, and the reason that they have in common.
func why(denied []Process) string {
	const most = 5
	pids, undumpable := make([]string, 0, most), true
	for i, p := range denied {
		if i < most {
			pids = append(pids, fmt.Sprint(p.PID))
		}
		undumpable = undumpable && p.Undumpable
	}
	name := "PID "
	if len(denied) > 1 {
		name = "PIDs "
	}
	text := name + strings.Join(pids, ", ")
	if more := len(denied) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	reason := fmt.Sprintf("of user %d:%d", denied[0].UID, denied[0].GID)
	if undumpable {
		reason = "changed user without exec"
	}
	return text + " (" + reason + ")"
}
