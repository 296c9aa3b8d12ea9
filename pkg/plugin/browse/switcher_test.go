// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/place"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

func TestOneGoesToPodsContainersAndProcesses(t *testing.T) {
	for keys, want := range map[string]string{
		"P end enter":                 "pods,open web-1  0: pod/web-1 app /etc nginx",
		"P / '1 enter end enter":      "pods,open web-1  0: pod/web-1 app /etc nginx",
		"P / 'crash enter home enter": "pods,open crash  0: pod/crash app /etc nginx",
		"P down enter":                "pods,open web nginx 1: pod/web nginx /tmp ..",
		"P down down enter":           "pods,open web sidecar 0: pod/web sidecar /etc nginx",
		"P enter":                     "pods: pod/web nginx (root) /etc nginx",
		"P esc down":                  "pods: pod/web nginx (root) /etc abs-link.conf",
		"P P":                         "pods: pod/web nginx (root) /etc nginx",
		"enter end P end enter":       "pods,open web-1  0: pod/web-1 app /etc/nginx core",
		"end P end enter h P / 'web enter home enter": "pods,open web-1  0,pods: pod/web nginx (root) /etc pipe",
	} {
		s := newStage(t, 80, 24).typed(keys)
		p := s.pane()
		if got := strings.Join(s.ran, ",") + ": " + p.title + " " + p.Dir + " " + p.Name(); got != want || s.focus != 0 {
			t.Errorf("%q: %q, want %q\n%s", keys, got, want, s.screen())
		}
	}
}

// What was opened is not opened again, and the cursor is where it was.
func TestASpotKeepsItsPlace(t *testing.T) {
	s := newStage(t, 120, 40).typed("end P down down enter h P up up enter")
	if got := s.pane().title + " " + s.pane().Dir + " " + s.pane().Name(); got != "pod/web nginx (root) /etc pipe" || len(s.ran) != 3 {
		t.Errorf("%s, %q\n%s", got, s.ran, s.screen())
	}
}

// The other side may be another pod's, and this machine's again.
func TestTheOtherSideIsAnotherPod(t *testing.T) {
	s := newStage(t, 120, 40).typed("tab P end enter")
	if got := s.panes[0].title + ", " + s.panes[1].title; got != "pod/web nginx (root), pod/web-1 app" || s.focus != 1 {
		t.Errorf("%s\n%s", got, s.screen())
	}
	if s.typed("tab c y"); s.ran[len(s.ran)-1] != "copy pod/web nginx:/etc/nginx to pod/web-1 app" {
		t.Errorf("%q", s.ran)
	}
	if s.typed("P home enter"); s.panes[1] != s.desktop || s.focus != 1 || s.panes[0].title != "pod/web nginx (root)" {
		t.Errorf("not on this machine:\n%s", s.screen())
	}
}

func TestTheSwitcherIsThereWhereThereIsRoom(t *testing.T) {
	s := newStage(t, 80, 24).typed("P")
	if !strings.Contains(s.screen(), "CrashLoopBackOff") {
		t.Errorf("not there:\n%s", s.screen())
	}
	if s.typed("esc"); strings.Contains(s.screen(), "CrashLoopBackOff") {
		t.Errorf("there without need:\n%s", s.screen())
	}
	if s.width = 100; !strings.Contains(s.screen(), "CrashLoopBackOff") {
		t.Errorf("not there although there is room:\n%s", s.screen())
	}
}

// Without the right to list pods one goes to what is in the one that is known.
func TestWithoutAListOfPods(t *testing.T) {
	s := newStage(t, 80, 24)
	s.refused = errors.New("pods is forbidden")
	s.typed("P")
	for _, want := range []string{"pods is forbidden", "•  nginx", "sidecar", "1 nginx: master"} {
		if !strings.Contains(s.screen(), want) {
			t.Errorf("%q is not on\n%s", want, s.screen())
		}
	}
	if s.typed("down down enter"); s.pane().title != "pod/web nginx (root)" || !s.alarm {
		t.Errorf("it left:\n%s", s.screen())
	}
}

func TestOpeningIsCanceled(t *testing.T) {
	s := newStage(t, 80, 24)
	s.does.open = func(ctx context.Context, at place.Spot) (place.Opened, error) {
		s.typed("esc")
		return place.Opened{}, ctx.Err()
	}
	if s.typed("P end enter"); s.pane().Pod != "web" || !strings.Contains(s.screen(), "not opened") {
		t.Errorf("%s", s.screen())
	}
}

// A container that has ended and started again is opened again, where the user was; for as long as there is none it is tried again.
func TestAContainerThatStartsAgain(t *testing.T) {
	s := newStage(t, 80, 24).typed("enter end")
	s.world.err, s.refused = fmt.Errorf("process 1 has exited: %w", remote.ErrNoProcess), errors.New("container nginx is not running")
	s.Update(tick{})
	s.do(finder{s.model}.stamp(s.panes[0]))
	if !strings.Contains(s.screen(), "container nginx is not running; trying again") {
		t.Errorf("%s", s.screen())
	}
	s.refused = nil
	_, cmd := s.Update(s.waits[len(s.waits)-1])
	s.do(cmd)
	if got := s.pane().Dir + " " + s.pane().Name(); s.lost != nil || got != "/etc/nginx 日本語の名前.conf" || !strings.Contains(s.screen(), "has started again") {
		t.Errorf("at %s:\n%s", got, s.screen())
	}
}

func TestEscEndsACopy(t *testing.T) {
	s := newStage(t, 80, 24)
	copied := s.does.copy
	s.does.copy = func(ctx context.Context, from, to files.End, bar *output.Progress) error {
		s.typed("esc")
		return copied(ctx, from, to, bar)
	}
	if s.typed("space c y"); s.work != nil || !strings.Contains(s.screen(), "canceled") {
		t.Errorf("%s", s.screen())
	}
}

func TestClicksOnTheSwitcher(t *testing.T) {
	s := newStage(t, 120, 40).typed("P esc")
	for range 2 {
		_, cmd := s.Update(tea.MouseClickMsg{X: 3, Y: 8, Button: tea.MouseLeft})
		s.do(cmd)
	}
	if s.pane().title != "pod/web-1 app" {
		t.Errorf("%s", s.screen())
	}
	_, cmd := s.Update(tea.MouseClickMsg{X: 40, Y: 1, Button: tea.MouseLeft})
	if s.do(cmd); s.pane().Name() != place.Parent {
		t.Errorf("%s", s.screen())
	}
}

func TestASecondPodOnTheCommandLine(t *testing.T) {
	for line, want := range map[string]string{
		"web": "web  ", "web /etc": "web,/etc  ", "web 7 /etc": "web,7,/etc  ", "web ./etc": "web,./etc  ", "web web-1": "web web-1 ", "web web-1 /etc": "web,/etc web-1 ",
		"web 7 web-1 /etc": "web,7,/etc web-1 ", "web /etc web-1:/usr": "web,/etc web-1 /usr", "web sts/db": "web sts/db ", "web prod/pod/db": "web pod/db ",
	} {
		rest, w := secondPod(strings.Fields(line))
		if got := strings.Join(rest, ",") + " " + w.Arg + " " + w.Path; got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
	cmd := NewCommand(cli.NewDeps(genericiooptions.NewTestIOStreamsDiscard(), func(string) string { return "" }), nil, nil)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs([]string{"web", "web-1", "web-2"})
	if err := cmd.Execute(); err == nil || !strings.Contains(err.Error(), "web-2") {
		t.Errorf("three pods: %v", err)
	}
}
