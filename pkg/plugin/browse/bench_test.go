// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/pager"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/place"
)

func many() []place.Item {
	items := make([]place.Item, 0, 10_000)
	for i := range 10_000 {
		items = append(items, file(fmt.Sprintf("file-%05d-%s", i, strings.Repeat("x", i%40)), int64(i)))
	}
	return items
}

// scrolling is a screen of a directory with so many entries.
func scrolling(ctx context.Context, n int) *model {
	w := newWorld()
	w.dirs["/many"] = many()[:n]
	m := &model{ctx: ctx, width: 200, height: 60, colored: true, later: func(time.Duration, tea.Msg) tea.Cmd { return nil }}
	m.panes[0], m.panes[1] = newPane(w, "pod/web", "/many"), newPane(w, "pod/web", "/many")
	m.Update(finder{m}.list(m.panes[0], "/many")())
	m.preview.asked = "busy"
	return m
}

// A key and its frame cost the same however many entries there are: what is not on the screen is not drawn.
func TestAFrameCostsWhatIsOnTheScreen(t *testing.T) {
	var allocs [2]float64
	for i, n := range []int{100, 10_000} {
		m := scrolling(t.Context(), n)
		allocs[i] = testing.AllocsPerRun(100, func() {
			m.panes[0].At = n / 2
			m.Update(tea.KeyPressMsg{Code: tea.KeyDown})
			m.View()
		})
	}
	if allocs[1] > 2*allocs[0] {
		t.Errorf("%.0f allocations with 100 entries, %.0f with 10,000", allocs[0], allocs[1])
	}
}

// BenchmarkFrame is a key and the screen behind it, in a directory of 10,000 entries. A frame of 60 a second has 16 ms.
func BenchmarkFrame(b *testing.B) {
	m := scrolling(b.Context(), 10_000)
	for b.Loop() {
		m.Update(tea.KeyPressMsg{Code: tea.KeyDown})
		if len(m.View().Content) == 0 {
			b.Fatal("nothing")
		}
	}
}

// BenchmarkFilter is a letter typed to the filter of such a directory.
func BenchmarkFilter(b *testing.B) {
	p := newPane(nil, "pod/web", "/many")
	p.Show(place.Listing{Path: "/many", Items: many()})
	for b.Loop() {
		p.Filter = "99"
		p.Arrange(p.Name())
		p.Filter = ""
		p.Arrange(p.Name())
	}
}

// BenchmarkLongLine is a screen of a file that is one line, as logs and scripts are.
func BenchmarkLongLine(b *testing.B) {
	m := &model{ctx: b.Context(), width: 200, height: 60, colored: true}
	m.panes[0] = newPane(nil, "pod/web", "/")
	m.panes[1] = m.panes[0]
	m.viewer = pager.File("x.conf", "x.conf", []byte(strings.Repeat("a=b ", pager.Limit/4)))
	for b.Loop() {
		if len(m.View().Content) == 0 {
			b.Fatal("nothing")
		}
	}
}
