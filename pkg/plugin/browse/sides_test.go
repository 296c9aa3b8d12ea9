// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/place"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
)

// twoSides has a second pod beside the first, in another namespace, whose container has another name and whose files are a process's.
func twoSides(t *testing.T) *stage {
	t.Helper()
	s := newStage(t, 120, 40)
	s.panes[1] = s.known(place.Opened{
		Spot: place.Spot{Namespace: "prod", Pod: "db", Container: "postgres", PID: 7}, Place: newWorld(), Title: "prod/pod/db postgres", Dir: "/etc", Containers: []string{"postgres"},
	})
	s.both = true
	s.do(finder{s.model}.list(s.panes[1], "/etc"))
	s.does.terminal = func(namespace string, args ...string) tea.Cmd {
		s.ran = append(s.ran, "terminal "+strings.Join(args, " ")+" -n "+namespace)
		return nil
	}
	s.does.copy = func(_ context.Context, from, to files.End, _ *output.Progress) error {
		name := func(e files.End) string { return fmt.Sprint(e.Namespace, " ", e.Pod, " ", e.Container, " ", e.PID) }
		s.ran = append(s.ran, "copy "+cmp.Or(name(from), "-")+" to "+name(to))
		return nil
	}
	return s
}

// What is done on a side names that side's namespace, pod, container and process.
func TestEachSideIsItsOwn(t *testing.T) {
	for keys, want := range map[string]string{
		"end up d":        "fs diff pod/web:/etc/passwd prod/pod/db:7:/etc/passwd -u -c nginx,postgres",
		"tab end up d":    "fs diff pod/web:/etc/passwd prod/pod/db:7:/etc/passwd -u -c nginx,postgres",
		"end up c y":      "copy shop pod/web nginx 0 to prod pod/db postgres 7",
		"tab end up c y":  "copy prod pod/db postgres 7 to shop pod/web nginx 0",
		"tab end up e y":  "terminal fs edit pod/db 7 /etc/passwd -c postgres -n prod",
		"end up e y":      "terminal fs edit pod/web /etc/passwd -c nginx -n shop",
		"tab p enter":     "lsof pod/db 1 -c postgres -n prod",
		"tab p s":         "ss pod/db 1 -c postgres -n prod",
		"tab p e":         "env pod/db 1 -c postgres -n prod",
		"tab p t":         "threads pod/db 1 -c postgres -n prod",
		"tab p k enter y": "signal pod/db 1 TERM -c postgres -n prod",
		"p s":             "ss pod/web 1 -c nginx",
	} {
		s := twoSides(t).typed(keys)
		if got := strings.Join(s.ran, ","); got != want {
			t.Errorf("%q ran %q, want %q\n%s", keys, got, want, s.screen())
		}
	}
	for keys, want := range map[string]string{
		"end up d":    "kubectl shareproc fs diff pod/web:/etc/passwd prod/pod/db:7:/etc/passwd -u -c nginx,postgres",
		"tab p s":     "kubectl shareproc ss pod/db 1 -c postgres -n prod",
		"enter end d": "kubectl shareproc fs diff … … -u -c nginx,postgres", // a name that is no word of a shell's
	} {
		if s := twoSides(t).typed(keys); s.viewer == nil || s.viewer.Title != want {
			t.Errorf("%q: %+v, want %q", keys, s.viewer, want)
		}
	}
}

// Both sides in one container have it named once.
func TestTwoProcessesOfAContainer(t *testing.T) {
	s := twoSides(t)
	s.panes[1].Spot = place.Spot{Namespace: "shop", Pod: "web", Container: "nginx", PID: 9}
	if s.typed("end up d"); strings.Join(s.ran, "") != "fs diff pod/web:/etc/passwd pod/web:9:/etc/passwd -u -c nginx" {
		t.Errorf("%q", s.ran)
	}
}
