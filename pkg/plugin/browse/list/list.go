// SPDX-License-Identifier: Apache-2.0

// Package list answers "which rows has a directory on the screen, and how does each look?": order, filter, marks, the cursor. It
// reads no directory, and does not know what is done with what is marked.
package list

import (
	"io/fs"
	"path"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/place"
)

// A List is a directory on the screen.
type List struct {
	Dir string
	All place.Listing
	// Rows are the items that are shown, in their order, and At is the one that keys are about.
	Rows    []place.Item
	At, top int
	Order   string
	Filter  string
	Hidden  bool // names that begin with a dot are shown
	Marked  map[string]bool
	// Differs says how items differ from those of another list.
	Differs map[string]string
	// Kept are listings by directory, and Want is the name to go to in the next one.
	Kept  map[string]place.Listing
	Want  string
	lasts map[string]string // names where the cursor was, by directory
}

// mostKept is how many entries the listings may have together that are kept: each takes some 250 bytes.
const mostKept = 30_000

// New is one of a directory that has not come yet.
func New(dir string) List {
	return List{Dir: dir, Order: "name", Hidden: true, Marked: map[string]bool{}, Kept: map[string]place.Listing{}, lasts: map[string]string{}}
}

// Leave remembers where the cursor is. A name is where it goes in the next directory; "" where it was there.
func (l *List) Leave(name string) { l.lasts[l.Dir], l.Want = l.Name(), name }

// Show takes a listing.
func (l *List) Show(in place.Listing) {
	name := l.Want
	if name == "" && in.Path == l.Dir {
		name = l.Name()
	}
	if name == "" {
		name = l.lasts[in.Path]
	}
	if in.Path != l.Dir {
		l.Filter, l.Marked, l.Differs, l.At, l.top = "", map[string]bool{}, nil, 0, 0
	}
	entries := len(in.Items)
	for _, k := range l.Kept {
		entries += 1 + len(k.Items)
	}
	if entries > mostKept {
		clear(l.Kept)
	}
	l.Dir, l.All, l.Kept[in.Path], l.Want = in.Path, in, in, ""
	l.Arrange(name)
	if name == "" && len(l.Rows) > 1 && l.Rows[0].Name == place.Parent {
		l.At = 1
	}
}

// Arrange makes the rows, and goes to a name.
func (l *List) Arrange(name string) {
	wanted := strings.ToLower(l.Filter)
	l.Rows = l.Rows[:0]
	for _, it := range l.All.Items {
		if !l.Hidden && strings.HasPrefix(it.Name, ".") || wanted != "" && !strings.Contains(it.Folded, wanted) {
			continue
		}
		l.Rows = append(l.Rows, it)
	}
	Sort(l.Rows, l.Order)
	if !place.Topmost(l.Dir) && wanted == "" {
		up := place.Named(place.Parent)
		up.Mode, up.Blocks = fs.ModeDir, -1
		l.Rows = append(l.Rows, place.Item{})
		copy(l.Rows[1:], l.Rows)
		l.Rows[0] = up
	}
	l.At = min(l.At, max(0, len(l.Rows)-1))
	for i, it := range l.Rows {
		if it.Name == name {
			l.At = i
			return
		}
	}
}

// Item is the one that keys are about.
func (l *List) Item() (place.Item, bool) {
	if l.At < 0 || l.At >= len(l.Rows) {
		return place.Item{}, false
	}
	return l.Rows[l.At], true
}

// Name is that of the item.
func (l *List) Name() string {
	it, _ := l.Item()
	return it.Name
}

// Path is where the item is.
func (l *List) Path() string {
	it, _ := l.Item()
	return l.Full(it)
}

// Full is where an item is.
func (l *List) Full(it place.Item) string {
	if it.Real != "" {
		return it.Real
	}
	return path.Join(l.Dir, it.Name)
}

// Chosen are the items that are marked, or the one under the cursor.
func (l *List) Chosen() []place.Item {
	var items []place.Item
	for _, it := range l.All.Items {
		if l.Marked[it.Name] {
			items = append(items, it)
		}
	}
	if it, ok := l.Item(); len(items) == 0 && ok && it.Name != place.Parent {
		items = []place.Item{it}
	}
	return items
}

// Move moves the cursor.
func (l *List) Move(by int) { l.At = max(0, min(l.At+by, len(l.Rows)-1)) }

// Mark marks the item, or takes its mark away, and goes on to the next one.
func (l *List) Mark() {
	if name := l.Name(); name != "" && name != place.Parent {
		if l.Marked[name] {
			delete(l.Marked, name)
		} else {
			l.Marked[name] = true
		}
	}
	l.Move(1)
}

// Click moves the cursor to a line of the screen, if there is a row, and reports whether it was there already.
func (l *List) Click(line int) (again, there bool) {
	row := l.top + line
	if row >= len(l.Rows) {
		return false, false
	}
	again = l.At == row
	l.At = row
	return again, true
}
