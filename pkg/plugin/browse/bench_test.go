// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
)

func many() []item {
	items := make([]item, 0, 10_000)
	for i := range 10_000 {
		items = append(items, file(fmt.Sprintf("file-%05d-%s", i, strings.Repeat("x", i%40)), int64(i)))
	}
	return items
}

// BenchmarkFrame is a key and the screen behind it, in a directory of 10,000 entries. A frame of 60 a second has 16 ms.
func BenchmarkFrame(b *testing.B) {
	w := newWorld()
	w.dirs["/many"] = many()
	m := &model{ctx: b.Context(), width: 200, height: 60, colored: true, later: func(time.Duration, tea.Msg) tea.Cmd { return nil }}
	m.panes[0], m.panes[1] = newPane(w, "pod/web", "/many"), newPane(w, "pod/web", "/many")
	m.Update(finder{m}.list(m.panes[0], "/many")())
	m.preview.asked = "busy"
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
	p.show(listing{path: "/many", items: many()})
	for b.Loop() {
		p.filter = "99"
		p.arrange(p.name())
		p.filter = ""
		p.arrange(p.name())
	}
}

// BenchmarkLongLine is a screen of a file that is one line, as logs and scripts are.
func BenchmarkLongLine(b *testing.B) {
	m := &model{ctx: b.Context(), width: 200, height: 60, colored: true}
	m.panes[0] = newPane(nil, "pod/web", "/")
	m.panes[1] = m.panes[0]
	m.viewer = &viewer{lines: []string{strings.Repeat("a=b ", viewBytes/4)}, lang: languageOf("x.conf", "")}
	for b.Loop() {
		if len(m.View().Content) == 0 {
			b.Fatal("nothing")
		}
	}
}
