// SPDX-License-Identifier: Apache-2.0

package place

import (
	"io/fs"
	"strings"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// An Item is an entry of a directory, in a pod or on this machine.
type Item struct {
	Name        string
	Mode        fs.FileMode
	Perm        uint32 // st_mode
	Size        int64
	Blocks      int64 // of 512 bytes, -1 where they are not known
	Time        time.Time
	User, Group string
	Links       uint64
	Target      string // of a link, as it is written
	Kernel      bool   // the kernel makes it up: a preview does not open it
	Unknown     bool   // it has a name and no facts
	Change      proc.Change
	Real, Gone  string // of a file that has no name any more: where it is reached, and what its name was
	Shown       string // its name, fit for a terminal
	Folded      string // its name, to be filtered
}

// Parent is the item that leads up.
const Parent = ".."

// newItem makes one of what a target says of it; nil is nothing.
func newItem(name string, s *remote.Stat) Item {
	it := Named(name)
	if s == nil {
		it.Unknown, it.Mode, it.Blocks = true, fs.ModeIrregular, -1
		return it
	}
	it.Mode, it.Perm, it.Size, it.Blocks, it.Time, it.Links, it.Target = s.FileMode(), s.Mode, s.Size, s.Blocks, s.Mtime, s.Nlink, s.LinkTarget
	it.User, it.Group = files.Owner(s.User, s.UID), files.Owner(s.Group, s.GID)
	return it
}

// Named has a name and nothing else.
func Named(name string) Item {
	return Item{Name: name, Shown: remote.Escape(name), Folded: strings.ToLower(name)}
}

// IsDir reports whether it is a directory.
func (i Item) IsDir() bool { return i.Mode.IsDir() }

// Sparse reports whether a file has holes.
func (i Item) Sparse() bool { return i.Mode.IsRegular() && i.Blocks >= 0 && i.Blocks*512+4096 < i.Size }

// A Listing is what is in a directory.
type Listing struct {
	// Path is physical.
	Path  string
	Items []Item
	// Stamp is when something was last added, removed or renamed: a listing that is kept is right as long as that is the same.
	Stamp time.Time
}
