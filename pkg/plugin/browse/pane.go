// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"io/fs"
	"path"
	"strings"
)

// A pane is a directory on the screen.
type pane struct {
	place place
	spot
	containers []string // of the pod
	learned    bool     // when the container was started is being found out
	// replica is another pod of the workload, once = has opened one.
	replica *opened
	// title says whose files they are.
	title string
	dir   string
	all   listing
	// rows are the items that are shown, in their order, and at the one that keys are about.
	rows    []item
	at, top int
	order   string
	filter  string
	hidden  bool // names that begin with a dot are shown
	marked  map[string]bool
	// kept are listings by directory, and places where the cursor was.
	kept  map[string]listing
	lasts map[string]string
	// coming is the directory that is being listed; "" for none. want is the name to go to once it is there.
	coming, want string
	turn         int  // counts where it has been sent: an answer from before comes too late
	stamping     bool // it is being looked at again
	renewing     bool // it is being opened again
	// differs says how items differ from those of another pane.
	differs map[string]string
}

// mostKept is how many entries the listings may have together that a pane keeps: each takes some 250 bytes.
const mostKept = 30_000

func newPane(p place, title, dir string) *pane {
	return &pane{
		place: p, title: title, dir: dir, order: "name", hidden: true,
		marked: map[string]bool{}, kept: map[string]listing{}, lasts: map[string]string{},
	}
}

// newSpotPane is the pane of a spot that was opened.
func newSpotPane(o opened) *pane {
	p := newPane(o.place, o.title, o.dir)
	p.spot, p.containers, p.want = o.spot, o.containers, o.name
	return p
}

// show takes a listing.
func (p *pane) show(l listing) {
	name := p.want
	if name == "" && l.path == p.dir {
		name = p.name()
	}
	if name == "" {
		name = p.lasts[l.path]
	}
	if l.path != p.dir {
		p.filter, p.marked, p.differs, p.at, p.top = "", map[string]bool{}, nil, 0, 0
	}
	entries := len(l.items)
	for _, k := range p.kept {
		entries += 1 + len(k.items)
	}
	if entries > mostKept {
		clear(p.kept)
	}
	p.dir, p.all, p.kept[l.path], p.want = l.path, l, l, ""
	p.arrange(name)
	if name == "" && len(p.rows) > 1 && p.rows[0].name == parent {
		p.at = 1
	}
}

// arrange makes the rows, and goes to a name.
func (p *pane) arrange(name string) {
	wanted := strings.ToLower(p.filter)
	p.rows = p.rows[:0]
	for _, it := range p.all.items {
		if !p.hidden && strings.HasPrefix(it.name, ".") || wanted != "" && !strings.Contains(it.folded, wanted) {
			continue
		}
		p.rows = append(p.rows, it)
	}
	arrange(p.rows, p.order)
	if !topmost(p.dir) && wanted == "" {
		up := named(parent)
		up.mode, up.blocks = fs.ModeDir, -1
		p.rows = append(p.rows, item{})
		copy(p.rows[1:], p.rows)
		p.rows[0] = up
	}
	p.at = min(p.at, max(0, len(p.rows)-1))
	for i, it := range p.rows {
		if it.name == name {
			p.at = i
			return
		}
	}
}

// item is the one that keys are about.
func (p *pane) item() (item, bool) {
	if p.at < 0 || p.at >= len(p.rows) {
		return item{}, false
	}
	return p.rows[p.at], true
}

func (p *pane) name() string {
	it, _ := p.item()
	return it.name
}

// path is where the item is.
func (p *pane) path() string {
	it, _ := p.item()
	return p.full(it)
}

// full is where an item is.
func (p *pane) full(it item) string {
	if it.real != "" {
		return it.real
	}
	return path.Join(p.dir, it.name)
}

// chosen are the items that are marked, or the one under the cursor.
func (p *pane) chosen() []item {
	var items []item
	for _, it := range p.all.items {
		if p.marked[it.name] {
			items = append(items, it)
		}
	}
	if it, ok := p.item(); len(items) == 0 && ok && it.name != parent {
		items = []item{it}
	}
	return items
}

// move moves the cursor.
func (p *pane) move(by int) { p.at = max(0, min(p.at+by, len(p.rows)-1)) }

// mark marks the item, or takes its mark away, and goes on to the next one.
func (p *pane) mark() {
	if name := p.name(); name != "" && name != parent {
		if p.marked[name] {
			delete(p.marked, name)
		} else {
			p.marked[name] = true
		}
	}
	p.move(1)
}

// scroll has the cursor among the rows that fit.
func (p *pane) scroll(height int) {
	p.top = max(0, min(p.top, p.at, len(p.rows)-height), p.at-height+1)
}
