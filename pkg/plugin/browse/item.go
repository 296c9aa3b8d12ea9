// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"cmp"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// An item is an entry of a directory, in a pod or on this machine.
type item struct {
	name        string
	mode        fs.FileMode
	perm        uint32 // st_mode
	size        int64
	blocks      int64 // of 512 bytes, -1 where they are not known
	time        time.Time
	user, group string
	links       uint64
	target      string // of a link, as it is written
	kernel      bool   // the kernel makes it up: a preview does not open it
	unknown     bool   // it has a name and no facts
	change      proc.Change
	real, gone  string // of a file that has no name any more: where it is reached, and what its name was
	shown       string // its name, fit for a terminal
	folded      string // its name, to be filtered
}

// parent is the item that leads up.
const parent = ".."

// newItem makes one of an entry.
func newItem(e remote.Entry) item {
	it := named(e.Name())
	s := e.Stat()
	if s == nil {
		it.unknown, it.mode, it.blocks = true, fs.ModeIrregular, -1
		return it
	}
	it.mode, it.perm, it.size, it.blocks, it.time, it.links, it.target = s.FileMode(), s.Mode, s.Size, s.Blocks, s.Mtime, s.Nlink, s.LinkTarget
	it.user, it.group = files.Owner(s.User, s.UID), files.Owner(s.Group, s.GID)
	return it
}

func named(name string) item {
	return item{name: name, shown: remote.Escape(name), folded: strings.ToLower(name)}
}

func (i item) directory() bool { return i.mode.IsDir() }

// sparse reports whether a file has holes.
func (i item) sparse() bool { return i.mode.IsRegular() && i.blocks >= 0 && i.blocks*512+4096 < i.size }

// A listing is what is in a directory.
type listing struct {
	// path is physical.
	path  string
	items []item
	// stamp is when something was last added, removed or renamed: a listing that is kept is right as long as that is the same.
	stamp time.Time
}

// nextOrder is the order that s goes on to.
func nextOrder(order string) string {
	switch order {
	case "name":
		return "size"
	case "size":
		return "time"
	case "time":
		return "kind"
	}
	return "name"
}

// arrange sorts items. Directories come first where the order is by name; equals keep the order of names.
func arrange(items []item, order string) {
	slices.SortStableFunc(items, func(a, b item) int {
		switch order {
		case "size":
			return cmp.Compare(weight(b), weight(a))
		case "time":
			return b.time.Compare(a.time)
		case "kind":
			return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(path.Ext(a.name), path.Ext(b.name)), strings.Compare(a.name, b.name))
		}
		return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a.name, b.name))
	})
}

func rank(i item) int {
	if i.directory() {
		return 0
	}
	return 1
}

// weight is a file's size; what is no file has none.
func weight(i item) int64 {
	if i.mode.IsRegular() {
		return i.size
	}
	return -1
}
