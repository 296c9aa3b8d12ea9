// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/place"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

func TestKeysGoWhereTheyShould(t *testing.T) {
	for keys, want := range map[string]string{
		"":                       "/etc nginx",
		"up":                     "/etc ..",
		"j j k":                  "/etc abs-link.conf",
		"enter":                  "/etc/nginx core",
		"l":                      "/etc/nginx core",
		"l h":                    "/etc nginx",
		"enter down backspace":   "/etc nginx",
		"enter end h enter":      "/etc/nginx 日本語の名前.conf",
		"up enter":               "/ etc",
		"left left":              "/ etc",
		"down right":             "/etc/nginx nginx.conf",
		"/ 'PASS enter":          "/etc passwd",
		"/ 'pass esc":            "/etc passwd",
		"/ 'pass enter esc":      "/etc passwd",
		"g backspace enter":      "/etc nginx",
		"g 'nginx enter":         "/etc/nginx core",
		": 'nginx enter":         "/etc/nginx core",
		"g 'ng tab enter":        "/etc/nginx core",
		"g 'nginx/mi tab enter":  "/etc/nginx mime.types",
		"end s":                  "/etc pipe",
		"G":                      "/etc pipe",
		"g '/../nowhere enter j": "/etc abs-link.conf",
		"h . end":                "/ tmp",
		"h end":                  "/ .hidden",
	} {
		s := newStage(t, 80, 24).typed(keys)
		p := s.pane()
		if got := p.Dir + " " + p.Name(); got != want {
			t.Errorf("%q: at %q, want %q (%s)", keys, got, want, s.status)
		}
	}
}

// The target's files of the kernel are not opened to be shown beside a list; who asks for one gets it.
func TestPreviewsOpenNoFileOfTheKernel(t *testing.T) {
	s := newStage(t, 80, 24).typed("h down enter")
	for _, asked := range s.world.asked {
		if strings.HasPrefix(asked, "look /proc/status true") {
			t.Errorf("asked for %q", asked)
		}
	}
	if !strings.Contains(s.screen(), "a file of the kernel's") {
		t.Errorf("it does not say so:\n%s", s.screen())
	}
	if s.typed("v"); s.viewer == nil || s.world.asked[len(s.world.asked)-1] != "look /proc/status true" {
		t.Errorf("v does not open it: %q", s.world.asked)
	}
}

func TestWhatIsKeptIsShownAtOnceAndLookedAtAgain(t *testing.T) {
	s := newStage(t, 80, 24).typed("enter")
	s.world.asked = nil
	s.typed("h")
	if got := s.world.asked[0]; got != "stamp /etc" || s.panes[0].Dir != "/etc" {
		t.Errorf("asked for %q", s.world.asked)
	}
	s.world.stamps["/etc/nginx"] = time.Now()
	s.world.asked = nil
	s.typed("enter")
	if len(s.world.asked) < 2 || s.world.asked[0] != "stamp /etc/nginx" || s.world.asked[1] != "list /etc/nginx" {
		t.Errorf("after a change: %q", s.world.asked)
	}
}

func TestALostConnectionKeepsItsPlace(t *testing.T) {
	for name, err := range map[string]error{"broken": &remote.BrokenError{}, "not made": &attach.ConnectError{}, "silent": context.DeadlineExceeded} {
		t.Run(name, func(t *testing.T) { loseConnection(t, fmt.Errorf("stat: %w", err)) })
	}
}

func loseConnection(t *testing.T, lost error) {
	t.Helper()
	s := newStage(t, 80, 24).typed("enter end")
	s.world.err = lost
	s.Update(tick{})
	s.do(finder{s.model}.stamp(s.panes[0]))
	if s.lost == nil || !strings.Contains(s.screen(), "connection lost; trying again") || s.pane().Dir != "/etc/nginx" {
		t.Fatalf("lost %v:\n%s", s.lost != nil, s.screen())
	}
	s.typed("up")
	if !strings.Contains(s.screen(), "connection lost") {
		t.Error("a key hides that the connection is lost")
	}
	s.world.err = nil
	_, cmd := s.Update(s.waits[len(s.waits)-1])
	s.do(cmd)
	if s.lost != nil || !strings.Contains(s.screen(), "connected again") || s.pane().Name() == "" || s.pane().Dir != "/etc/nginx" {
		t.Errorf("not back:\n%s", s.screen())
	}
}

func TestADirectoryThatGoesLeadsUp(t *testing.T) {
	s := newStage(t, 80, 24).typed("enter")
	delete(s.world.dirs, "/etc/nginx")
	s.do(finder{s.model}.stamp(s.panes[0]))
	if s.pane().Dir != "/etc" {
		t.Errorf("at %s:\n%s", s.pane().Dir, s.screen())
	}
}

func TestNothingIsDoneWithoutAYes(t *testing.T) {
	for keys, want := range map[string]string{
		"end up e y":           "terminal fs edit pod/web /etc/passwd -c nginx",
		"end up e n":           "",
		"end up e enter":       "",
		"c y":                  "copy pod/web nginx:/etc/nginx to  ",
		"f5 n":                 "",
		"space down space c y": "copy pod/web nginx:/etc/nginx to  ,copy pod/web nginx:/etc/passwd to  ",
		"tab end c y":          "copy  :LOCAL/local.txt to pod/web nginx",
		"p k enter n":          "",
		"p k enter y":          "signal pod/web 1 TERM -c nginx",
		"p k 'hup enter y":     "signal pod/web 1 HUP -c nginx",
		"p k 'nope enter y":    "",
		"p enter":              "lsof pod/web 1 -c nginx",
		"p t":                  "threads pod/web 1 -c nginx",
		"end up d":             "fs diff pod/web:/etc/passwd LOCAL/passwd -u -c nginx",
		"tab end d":            "fs diff pod/web:/etc/local.txt LOCAL/local.txt -u -c nginx",
	} {
		s := newStage(t, 80, 24).typed(keys)
		if got := strings.ReplaceAll(strings.Join(s.ran, ","), s.panes[1].Dir, "LOCAL"); got != want {
			t.Errorf("%q ran %q, want %q", keys, got, want)
		}
	}
	for _, keys := range []string{"end up e", "tab end c", "p k"} {
		s := newStage(t, 80, 24)
		s.locked = true
		if s.typed(keys); s.ask != nil || s.prompt != nil || !strings.Contains(s.screen(), "read-only: ") {
			t.Errorf("%q in read-only mode:\n%s", keys, s.screen())
		}
	}
}

// A person pastes what is copied into a shell: what a shell would not take as it is stays here.
func TestNamesForTheClipboard(t *testing.T) {
	s := newStage(t, 80, 24).typed("enter")
	for i := range s.pane().Rows {
		s.pane().At = i
		cmd := keyboard{s.model}.clip()
		if plain := !strings.ContainsAny(s.pane().Name(), "\x1b日"); (cmd != nil) != plain {
			t.Errorf("%q: copied %v", s.pane().Name(), cmd != nil)
		}
	}
}

func TestAViewerSearches(t *testing.T) {
	s := newStage(t, 80, 24).typed("enter / 'nginx enter v / 'NEEDLE enter")
	if s.viewer == nil {
		t.Fatalf("%+v", s.viewer)
	}
	if !strings.Contains(s.screen(), "is not in it") {
		t.Errorf("a capital finds small letters:\n%s", s.screen())
	}
	if s.typed("/ 'needle enter"); !strings.Contains(s.screen(), "the needle") {
		t.Errorf("not found:\n%s", s.screen())
	}
	if s.typed("q"); s.viewer != nil {
		t.Error("q does not close it")
	}
}

func TestTheOtherSideIsCompared(t *testing.T) {
	s := newStage(t, 120, 24)
	other := newWorld()
	other.dirs["/etc"] = []place.Item{file("passwd", 9), file("new", 1), other.dirs["/etc"][0], other.dirs["/etc"][1]}
	s.panes[1] = s.known(place.Opened{Spot: place.Spot{Namespace: "shop", Pod: "web-1", Container: "nginx"}, Place: other, Title: "pod/web-1 nginx", Dir: "/etc"})
	s.typed("=")
	if got := fmt.Sprint(s.panes[0].Differs); got != "map[passwd:another size pipe:only here]" || !strings.Contains(s.screen(), "pod/web-1 nginx: 2 entries marked") {
		t.Errorf("%s\n%s", got, s.screen())
	}
	if s.typed("end up d"); strings.Join(s.ran, "") != "fs diff pod/web:/etc/passwd pod/web-1:/etc/passwd -u -c nginx" {
		t.Errorf("ran %q", s.ran)
	}
}

// A file without a name is shown with the one that it had, and copied from the descriptor that it is open as.
func TestDeletedFilesThatAreOpen(t *testing.T) {
	s := newStage(t, 80, 24)
	it := file("1.7.app.log", 9)
	it.Real, it.Gone = "/proc/1/fd/7", "/var/log/app.log (deleted)"
	s.world.dirs[place.Deleted] = []place.Item{it}
	s.typed("D")
	for _, want := range []string{"deleted files that are open", "was /var/log/app.log (deleted)", "open as /proc/1/fd/7"} {
		if !strings.Contains(s.screen(), want) {
			t.Errorf("%q is not on\n%s", want, s.screen())
		}
	}
	s.typed("e d c y")
	if got := strings.Join(s.ran, ","); got != "copy pod/web nginx:/proc/1/fd/7 to  " || !strings.HasSuffix(s.to, "/1.7.app.log") {
		t.Errorf("ran %q to %q", got, s.to)
	}
	if s.typed("h"); s.pane().Dir != "/" {
		t.Errorf("at %q", s.pane().Dir)
	}
}

// Without another side, another pod of the workload is opened once, and contents are compared too.
func TestAReplicaIsCompared(t *testing.T) {
	s := newStage(t, 80, 24)
	other, count := &summed{newWorld()}, 0
	s.does.replica = func(_ context.Context, of place.Spot) (place.Opened, error) {
		of.Pod = "web-1"
		count++
		return place.Opened{Spot: of, Place: other, Title: "pod/web-1 nginx"}, nil
	}
	s.panes[0].place = &summed{s.world}
	other.text["/etc/passwd"] = "root::0:0:root:/root:/bin/sh\n"
	s.typed("= =")
	if got := fmt.Sprint(s.panes[0].Differs); got != "map[passwd:other contents]" || count != 1 || !strings.Contains(s.screen(), "pod/web-1 nginx: 1 entry marked") {
		t.Errorf("%s, opened %d\n%s", got, count, s.screen())
	}
	if s.typed("end up d"); strings.Join(s.ran, "") != "fs diff pod/web:/etc/passwd pod/web-1:/etc/passwd -u -c nginx" {
		t.Errorf("ran %q", s.ran)
	}
}

// summed is a world with sums.
type summed struct{ *world }

func (s *summed) Sums(_ context.Context, dir string, _ int64) (map[string][32]byte, error) {
	sums := map[string][32]byte{}
	for _, it := range s.dirs[dir] {
		sums[it.Name] = sha256.Sum256([]byte(s.text[dir+"/"+it.Name]))
	}
	return sums, nil
}

func TestTheMouse(t *testing.T) {
	s := newStage(t, 80, 24)
	click := func(x, y int) {
		_, cmd := s.Update(tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft})
		s.do(cmd)
	}
	click(5, 1)
	if s.pane().Name() != place.Parent {
		t.Errorf("a click selects %q", s.pane().Name())
	}
	click(5, 2)
	if s.pane().Name() != "nginx" {
		t.Errorf("a click selects %q", s.pane().Name())
	}
	click(5, 2)
	click(70, 5)
	click(5, 20)
	if s.pane().Dir != "/etc/nginx" {
		t.Errorf("a second click opens %q", s.pane().Dir)
	}
	s.Update(tea.MouseWheelMsg{X: 5, Y: 5, Button: tea.MouseWheelDown})
	if s.pane().At != 1+wheelStep {
		t.Errorf("the wheel goes to %d", s.pane().At)
	}
}
