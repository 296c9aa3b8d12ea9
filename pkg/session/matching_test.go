// SPDX-License-Identifier: Apache-2.0

package session

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
)

// Where a helper with more rights than the target runs, one that matches is added for files. The one that runs is used where
// that can't be, and no more than one is ever added.
func TestFilesBesideAHelperWithMoreRights(t *testing.T) {
	strong := theirs("shareproc-strong", podspec.ReadAll, securityOf(0, 0, &corev1.Capabilities{Add: []corev1.Capability{"SYS_PTRACE"}}))
	own := seen{uid: 101, gid: 102}
	changed := seen{uid: 101, gid: 102, undumpable: true}
	for _, c := range []struct {
		sentence     string
		edit         func(*corev1.Pod) // what the API says of the target's user; nil for nothing
		refuse       func(*corev1.SecurityContext) error
		denied       []string
		visibilities []seen
		added        string // "" where the one that runs is used
		text         string
	}{
		{"one of the target's user", as(101, 102), nil, nil, []seen{own}, user, "added helper"},
		{"one of root without SYS_PTRACE for root", as(0, 0), nil, nil, []seen{{}}, "0:0", "added helper"},
		{"who is not known is seen by the one that runs", nil, nil, nil, []seen{own}, user, "added helper"},
		{"under restricted too", as(101, 102), restricted, nil, []seen{own}, user, "added helper"},
		{"a daemon that changed its user opens to no other", as(0, 0), nil, nil, []seen{changed}, "", ""},
		{"a policy that refuses all", as(101, 102), func(*corev1.SecurityContext) error { return forbidden("nobody else here") }, nil, []seen{own}, "", "denied by admission"},
		{"a policy that refuses the user", as(101, 102), func(sc *corev1.SecurityContext) error {
			if *sc.RunAsUser != 0 {
				return forbidden("only root here")
			}
			return nil
		}, nil, []seen{own}, "", "has more privileges than the target"},
		{"no permission to add one", as(101, 102), nil, []string{"patch pods/ephemeralcontainers"}, []seen{own}, "", "you lack permission to add another helper"},
		{"one that does not open it after all", as(101, 102), nil, nil, []seen{own, {101, 102, true, false}}, user + " and not used", "cannot read the files"},
	} {
		target := newTarget(func(p *corev1.Pod) {
			strong(p)
			if c.edit != nil {
				c.edit(p)
			}
		})
		cl := newCluster(target)
		cl.denied = c.denied
		if c.refuse != nil {
			cl.refuse = c.refuse
		}
		for _, l := range c.visibilities {
			cl.visibilities = append(cl.visibilities, visibility{TargetUser: met(target, l.uid, l.gid, l.undumpable), Denied: l.denied, Text: "what it sees"})
		}
		s, err := open(t, cl, target, Request{Access: podspec.ReadRoot})
		added, unused := strings.CutSuffix(c.added, " and not used")
		if reused := added == "" || unused; err != nil || !s.Running || (s.Container == "shareproc-strong") != reused {
			t.Errorf("%s: got %+v, %v", c.sentence, s, err)
		}
		if got := strings.TrimPrefix(cl.contexts(t), trace+"; "); got != added && (added != "" || got != trace) {
			t.Errorf("%s: added %q, want %q", c.sentence, got, added)
		}
		if said := strings.Join(cl.said, "\n"); !strings.Contains(said, c.text) {
			t.Errorf("%s: said %q, want %q in it", c.sentence, said, c.text)
		}
	}
}

func TestFilesWithoutThePermissionToExec(t *testing.T) {
	target := newTarget(theirs("shareproc-strong", podspec.ReadAll, nil))
	cl := newCluster(target)
	cl.denied = []string{"create pods/exec", "patch pods/ephemeralcontainers"}
	_, err := open(t, cl, target, Request{Access: podspec.ReadRoot})
	if !strings.Contains(hint.Of(err), "pods/exec") || len(cl.writes()) != 0 {
		t.Errorf("got %v and %q", err, cl.writes())
	}
}
