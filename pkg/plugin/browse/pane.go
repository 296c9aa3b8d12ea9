// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"io/fs"
	"path"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/place"
)

// A pane is a directory on the screen.
type pane struct {
	place place.Place
	place.Spot
	containers []string // of the pod
	learned    bool     // when the container was started is being found out
	// replica is another pod of the workload, once = has opened one.
	replica *place.Opened
	// title says whose files they are.
	title string
	dir   string
	all   place.Listing
	// rows are the items that are shown, in their order, and at the one that keys are about.
	rows    []place.Item
	at, top int
	order   string
	filter  string
	hidden  bool // names that begin with a dot are shown
	marked  map[string]bool
	// kept are listings by directory, and places where the cursor was.
	kept  map[string]place.Listing
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

func newPane(p place.Place, title, dir string) *pane {
	return &pane{
		place: p, title: title, dir: dir, order: "name", hidden: true,
		marked: map[string]bool{}, kept: map[string]place.Listing{}, lasts: map[string]string{},
	}
}

// newSpotPane is the pane of a spot that was opened.
func newSpotPane(o place.Opened) *pane {
	p := newPane(o.Place, o.Title, o.Dir)
	p.Spot, p.containers, p.want = o.Spot, o.Containers, o.Name
	return p
}

// show takes a listing.
func (p *pane) show(l place.Listing) {
	name := p.want
	if name == "" && l.Path == p.dir {
		name = p.name()
	}
	if name == "" {
		name = p.lasts[l.Path]
	}
	if l.Path != p.dir {
		p.filter, p.marked, p.differs, p.at, p.top = "", map[string]bool{}, nil, 0, 0
	}
	entries := len(l.Items)
	for _, k := range p.kept {
		entries += 1 + len(k.Items)
	}
	if entries > mostKept {
		clear(p.kept)
	}
	p.dir, p.all, p.kept[l.Path], p.want = l.Path, l, l, ""
	p.arrange(name)
	if name == "" && len(p.rows) > 1 && p.rows[0].Name == place.Parent {
		p.at = 1
	}
}

// arrange makes the rows, and goes to a name.
func (p *pane) arrange(name string) {
	wanted := strings.ToLower(p.filter)
	p.rows = p.rows[:0]
	for _, it := range p.all.Items {
		if !p.hidden && strings.HasPrefix(it.Name, ".") || wanted != "" && !strings.Contains(it.Folded, wanted) {
			continue
		}
		p.rows = append(p.rows, it)
	}
	place.Arrange(p.rows, p.order)
	if !place.Topmost(p.dir) && wanted == "" {
		up := place.Named(place.Parent)
		up.Mode, up.Blocks = fs.ModeDir, -1
		p.rows = append(p.rows, place.Item{})
		copy(p.rows[1:], p.rows)
		p.rows[0] = up
	}
	p.at = min(p.at, max(0, len(p.rows)-1))
	for i, it := range p.rows {
		if it.Name == name {
			p.at = i
			return
		}
	}
}

// item is the one that keys are about.
func (p *pane) item() (place.Item, bool) {
	if p.at < 0 || p.at >= len(p.rows) {
		return place.Item{}, false
	}
	return p.rows[p.at], true
}

func (p *pane) name() string {
	it, _ := p.item()
	return it.Name
}

// path is where the item is.
func (p *pane) path() string {
	it, _ := p.item()
	return p.full(it)
}

// full is where an item is.
func (p *pane) full(it place.Item) string {
	if it.Real != "" {
		return it.Real
	}
	return path.Join(p.dir, it.Name)
}

// chosen are the items that are marked, or the one under the cursor.
func (p *pane) chosen() []place.Item {
	var items []place.Item
	for _, it := range p.all.Items {
		if p.marked[it.Name] {
			items = append(items, it)
		}
	}
	if it, ok := p.item(); len(items) == 0 && ok && it.Name != place.Parent {
		items = []place.Item{it}
	}
	return items
}

// move moves the cursor.
func (p *pane) move(by int) { p.at = max(0, min(p.at+by, len(p.rows)-1)) }

// mark marks the item, or takes its mark away, and goes on to the next one.
func (p *pane) mark() {
	if name := p.name(); name != "" && name != place.Parent {
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
