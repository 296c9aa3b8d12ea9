// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestOneGoesToOtherNamespaces(t *testing.T) {
	for keys, want := range map[string]string{
		"P home down enter":              "pods,namespaces: pod/web nginx (root) all namespaces",
		"P home down enter up enter":     "pods,namespaces,pods of prod: pod/web nginx (root) prod",
		"P h up enter enter":             "pods,namespaces,pods of prod,open prod/db  0: prod/pod/db app prod",
		"P h / 'pro enter enter enter":   "pods,namespaces,pods of prod,open prod/db  0: prod/pod/db app prod",
		"P h up enter end enter":         "pods,namespaces,pods of prod,open prod/web  0: prod/pod/web app prod",
		"P n 'prod enter enter":          "pods,pods of prod,open prod/db  0: prod/pod/db app prod",
		"P n '* enter":                   "pods,namespaces: pod/web nginx (root) all namespaces",
		"P n enter":                      "pods,pods: pod/web nginx (root) shop",
		"P h enter":                      "pods,namespaces,pods: pod/web nginx (root) shop",
		"P h esc P":                      "pods,namespaces,pods: pod/web nginx (root) shop",
		"P h home enter":                 "pods,namespaces: this machine shop",
		"P n 'prod enter enter P h up q": "pods,pods of prod,open prod/db  0,pods of prod,namespaces: prod/pod/db app all namespaces",
	} {
		s := newStage(t, 120, 40).typed(keys)
		heading := strings.TrimSpace(strings.Split(drawing{s.model}.aside(), "  ")[0])
		if got := strings.Join(s.ran, ",") + ": " + s.pane().title + " " + heading; got != want {
			t.Errorf("%q: %q, want %q\n%s", keys, got, want, s.screen())
		}
	}
}

// Who may list no namespaces reads so in one line, stays among the pods that there are, and may still name a namespace.
func TestNamespacesThatMayNotBeListed(t *testing.T) {
	s := newStage(t, 80, 24)
	s.does.namespaces = func(context.Context) ([]string, error) {
		return nil, errors.New("list namespaces: namespaces is forbidden\nfor you")
	}
	s.typed("P h")
	if lines := strings.Split(s.screen(), "\n"); !strings.HasPrefix(lines[23], `n takes a namespace by name: list namespaces: namespaces is forbidden\nfor you`) {
		t.Errorf("%q", lines[23])
	}
	checkScreen(t, s, 80, 24)
	if s.typed("end"); s.side.Rows[s.side.At].Pod != "web-1" || strings.Contains(s.screen(), "forbidden") {
		t.Errorf("it does not go on:\n%s", s.screen())
	}
	if s.typed("n 'prod enter enter"); s.pane().title != "prod/pod/db app" {
		t.Errorf("%s", s.screen())
	}
	s.refused = errors.New("pods is forbidden in secret")
	if s.typed("P n 'secret enter"); !strings.Contains(s.screen(), "pods is forbidden in secret") || strings.Contains(s.screen(), "crash") {
		t.Errorf("%s", s.screen())
	}
	if s.typed("P P"); !strings.Contains(s.screen(), " prod ") {
		t.Errorf("it does not go back to the pod's own namespace:\n%s", s.screen())
	}
}

// Pods of one namespace are never shown, nor opened, as those of another one.
func TestListsThatComeLateAreOfTheirNamespace(t *testing.T) {
	s := newStage(t, 120, 40)
	late := answers(s.press('P'))
	s.typed("n 'prod enter")
	s.hear(late...)
	if got := s.goals(); got != "prod/db prod/web" {
		t.Errorf("%q", got)
	}
	// The other side is in another namespace than this one: the list goes along.
	s = twoSides(t).typed("P esc")
	s.typed("tab")
	asked := finder{s.model}.again()
	if got := s.goals(); got != "prod/db" {
		t.Errorf("%q", got)
	}
	if s.do(asked); s.goals() != "prod/db prod/web" {
		t.Errorf("%q", s.goals())
	}
}

// goals are the pods of the switcher.
func (s *stage) goals() string {
	var names []string
	for _, g := range s.side.Rows {
		if g.Pod != "" && g.Depth == 0 {
			names = append(names, g.Namespace+"/"+g.Pod)
		}
	}
	return strings.Join(names, " ")
}

// Keys that are in people's fingers are there, and in the help.
func TestTheHelpNamesEachKey(t *testing.T) {
	for line := range strings.FieldsSeq("arrows hjkl tab P F2 / s . g : r space mouse v F3 e F4 c F5 D d = y p q F10 ctrl-c ctrl-z enter backspace esc") {
		if !strings.Contains(strings.NewReplacer(",", " ", ";", " ", ":  ", ":   ").Replace(helpText)+" ", " "+strings.TrimSuffix(line, ",")+" ") {
			t.Errorf("%s is not in the help", line)
		}
	}
	lines := strings.Split(strings.Trim(helpText, "\n"), "\n")
	screen := newStage(t, 80, 24).typed("?").screen()
	for _, line := range lines {
		if !strings.Contains(screen, line) {
			t.Errorf("not on a screen of 80x24: %q", line)
		}
	}
}
