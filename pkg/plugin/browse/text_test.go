// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/pager"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/prompt"
)

// A path that is pasted is typed at once; nobody presses a key for each of its letters.
func TestATextIsPasted(t *testing.T) {
	s := newStage(t, 80, 24).typed("g")
	s.Update(tea.PasteMsg{Content: "nginx/\x1bmime.types\n"})
	if s.typed("enter"); s.pane().Path() != "/etc/nginx/mime.types" {
		t.Errorf("at %q", s.pane().Path())
	}
	s.Update(tea.PasteMsg{Content: "q"})
	s.typed("/")
	if s.Update(tea.PasteMsg{Content: "core"}); len(s.pane().Rows) != 1 {
		t.Errorf("%d rows", len(s.pane().Rows))
	}
	if s.Update(tea.PasteMsg{Content: strings.Repeat("x", prompt.Longest+1)}); s.prompt.Typed != "core" {
		t.Errorf("%d bytes are typed", len(s.prompt.Typed))
	}
}

// The end of a line that is typed is where the user looks.
func TestALongLineShowsItsEnd(t *testing.T) {
	s := newStage(t, 40, 24).typed("g '" + strings.Repeat("日本/", 30) + "end")
	if lines := strings.Split(s.screen(), "\n"); !strings.HasPrefix(lines[23], "…") || !strings.Contains(lines[23], "日本/end▏") {
		t.Errorf("%q", lines[23])
	}
	checkScreen(t, s, 40, 24)
}

// The target says which name a user has.
func TestAQuestionEscapesWhoseFilesTheyAre(t *testing.T) {
	s := newStage(t, 120, 24)
	s.panes[0].title = "pod/web nginx (\x1b[2J)"
	s.typed("tab end c")
	checkScreen(t, s, 120, 24)
	if s.ask == nil || !strings.Contains(s.ask.text, `\x1b[2J`) {
		t.Errorf("%+v", s.ask)
	}
}

// A line without an end takes no longer than others.
func TestLinesOfAnyLength(t *testing.T) {
	s := newStage(t, 80, 24)
	s.viewer = pager.Printed("x", strings.Repeat("日", 1<<20)+"\nshort")
	for range 3 {
		checkScreen(t, s, 80, 24)
		if line := strings.Split(s.screen(), "\n")[1]; !strings.Contains(line, "日…") {
			t.Errorf("%q", line)
		}
		s.typed("right")
	}
}

func TestASearchBeginsWhereOneIs(t *testing.T) {
	if s := newStage(t, 80, 24).typed("end up v / 'root enter"); strings.Contains(s.screen(), "is not in it") || !strings.Contains(s.screen(), "root:x:0:0") {
		t.Errorf("%s", s.screen())
	}
}
