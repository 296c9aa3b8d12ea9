// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// press types a key whose commands are not done yet.
func (s *stage) press(code rune) tea.Cmd {
	_, cmd := s.Update(tea.KeyPressMsg{Code: code, Text: map[bool]string{true: string(code)}[code < tea.KeyExtended && code > ' ']})
	return cmd
}

// answers are what commands come to, which the model has not heard of yet.
func answers(cmd tea.Cmd) (all []tea.Msg) {
	if cmd == nil {
		return nil
	}
	msg := cmd()
	if batch, ok := msg.(tea.BatchMsg); ok {
		for _, c := range batch {
			all = append(all, answers(c)...)
		}
		return all
	}
	return append(all, msg)
}

// hear has the model hear of answers, and does what follows from them.
func (s *stage) hear(msgs ...tea.Msg) {
	for _, msg := range msgs {
		if msg != nil {
			_, cmd := s.Update(msg)
			s.do(cmd)
		}
	}
}

var errEnded = fmt.Errorf("process 1 has exited: %w", remote.ErrNoProcess)

// What has a directory read again leaves it to the user where to go.
func TestReadingAgainGoesNowhere(t *testing.T) {
	for name, then := range map[string]func(*stage) tea.Msg{
		"the start is known": func(s *stage) tea.Msg { return learned{pane: s.panes[0]} },
		"a copy ends":        func(s *stage) tea.Msg { return copied{from: s.panes[1], pane: s.panes[0]} },
		"an editor ends":     func(*stage) tea.Msg { return returned{} },
	} {
		s := newStage(t, 80, 24)
		came := answers(s.press(tea.KeyEnter))
		s.hear(then(s))
		if s.hear(came...); s.pane().Dir != "/etc/nginx" {
			t.Errorf("%s: at %s", name, s.pane().Dir)
		}
	}
}

// Who has gone elsewhere while it came, to what is known already, stays there.
func TestAListThatComesLateGoesNowhere(t *testing.T) {
	s := newStage(t, 80, 24).typed("h down down")
	late := answers(s.press(tea.KeyEnter))
	s.typed("up up enter")
	if s.hear(late...); s.pane().Dir != "/etc" {
		t.Errorf("at %s", s.pane().Dir)
	}
	if s.hear(retry{pane: s.pane(), dir: "/tmp"}); s.pane().Dir != "/etc" {
		t.Errorf("tried again what is not wanted any more: at %s", s.pane().Dir)
	}
}

func TestACopyTakesOnlyItsOwnMarks(t *testing.T) {
	s := newStage(t, 80, 24)
	s.does.copy = func(context.Context, files.End, files.End, *output.Progress) error {
		s.typed("enter down space")
		return nil
	}
	if s.typed("space home down c y"); len(s.pane().Marked) != 1 || s.pane().Dir != "/etc/nginx" {
		t.Errorf("%v are marked in %s", s.pane().Marked, s.pane().Dir)
	}
}

// What is heard of a pod that left the screen says nothing about the one that is there.
func TestAPodThatLeftTheScreenIsNotHeardOf(t *testing.T) {
	lost := fmt.Errorf("stat: %w", context.DeadlineExceeded)
	for name, heard := range map[string]func(*pane) tea.Msg{
		"stamped": func(p *pane) tea.Msg { return stamped{pane: p, dir: p.Dir, err: lost} },
		"looked":  func(p *pane) tea.Msg { return looked{pane: p, err: errEnded} },
		"retry":   func(p *pane) tea.Msg { return retry{pane: p, dir: p.Dir} },
		"ran":     func(p *pane) tea.Msg { return ran{pane: p, err: lost} },
		"renewed": func(p *pane) tea.Msg { return arrived{from: p, asked: p.Spot, err: errors.New("not running")} },
	} {
		s := newStage(t, 80, 24)
		gone := s.panes[0]
		s.typed("P end enter")
		s.world.err = lost
		s.hear(heard(gone))
		if s.lost != nil || s.alarm || strings.Contains(s.screen(), "lost") {
			t.Errorf("%s:\n%s", name, s.screen())
		}
	}
}

// However many questions fail when a container ends, it is opened once, and answers of the old one that come late change nothing.
func TestAContainerIsOpenedAgainOnce(t *testing.T) {
	s := newStage(t, 80, 24)
	s.world.err = errEnded
	late := answers(finder{s.model}.stamp(s.panes[0]))
	s.hear(late[0])
	s.ran = nil
	p := s.panes[0]
	_, first := s.Update(stamped{pane: p, dir: p.Dir, err: errEnded})
	_, second := s.Update(looked{pane: p, err: errEnded})
	s.do(first)
	s.do(second)
	s.hear(late...)
	if n := len(slices.DeleteFunc(s.ran, func(line string) bool { return !strings.HasPrefix(line, "open web") })); n > 1 {
		t.Errorf("opened %d times: %q", n, s.ran)
	}
	if s.lost != nil || s.preview.err != nil {
		t.Errorf("an old answer counts:\n%s", s.screen())
	}
}

// Whoever goes elsewhere while a pod is being opened is not called back.
func TestAnOpeningIsReplacedByTheNextOne(t *testing.T) {
	s := newStage(t, 120, 40).typed("P end")
	first := s.press(tea.KeyEnter)
	s.typed("P end up")
	second := s.press(tea.KeyEnter)
	s.hear(answers(first)...)
	if s.opening == nil || strings.Contains(s.screen(), "not opened") {
		t.Errorf("the first one ends the second:\n%s", s.screen())
	}
	if s.hear(answers(second)...); s.pane().title != "pod/web sidecar" {
		t.Errorf("%s\n%s", s.pane().title, s.screen())
	}
	third := answers(func() tea.Cmd { s.typed("P end"); return s.press(tea.KeyEnter) }())
	s.typed("P home down down down enter")
	at := s.pane().title
	if s.hear(third...); s.pane().title != at {
		t.Errorf("called back from %s to %s", at, s.pane().title)
	}
}

func TestALinkIsNotFollowedFromElsewhere(t *testing.T) {
	s := newStage(t, 80, 24).typed("down")
	came := answers(s.press(tea.KeyRight))
	s.typed("h")
	if s.hear(came...); s.pane().Dir != "/" {
		t.Errorf("at %s", s.pane().Dir)
	}
}

// A preview or a view that fails leaves no screen that asks for nothing any more.
func TestALostConnectionIsTriedAgainWhateverFailed(t *testing.T) {
	s := newStage(t, 80, 24).typed("end up")
	s.world.err = fmt.Errorf("open: %w", &fs.PathError{Op: "read", Err: context.DeadlineExceeded})
	s.typed("v")
	s.do(finder{s.model}.again())
	if s.lost == nil {
		t.Fatalf("not lost:\n%s", s.screen())
	}
	s.world.err = nil
	s.hear(s.waits[len(s.waits)-1])
	if s.lost != nil || s.preview.err != nil || !strings.Contains(s.screen(), "root:x:0:0") {
		t.Errorf("%v\n%s", s.preview.err, s.screen())
	}
	s.world.err = errors.New("permission denied")
	if s.typed("v"); s.lost != nil {
		t.Error("lost for nothing")
	}
}

// Of two panes one may be lost: that the other one answers says nothing about it.
func TestOneOfTwoConnectionsIsLost(t *testing.T) {
	s := newStage(t, 120, 40).typed("tab P end enter")
	p := s.panes[1]
	s.hear(stamped{pane: p, dir: p.Dir, err: context.DeadlineExceeded})
	if s.do(finder{s.model}.stamp(s.panes[0])); s.lost != p {
		t.Errorf("not lost:\n%s", s.screen())
	}
	if s.do(finder{s.model}.list(p, p.Dir)); s.lost != nil {
		t.Errorf("still lost:\n%s", s.screen())
	}
}
