// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"path"
	"time"
)

// A Change is what was done to a file since a container was started.
type Change string

// The changes. The kernel sets the time of change at each of them; a time of modification can be set by anyone.
const (
	// Changed is a file whose content was changed, or that was created.
	Changed Change = "changed"
	// Attributes is one whose mode, owner, name or links were changed, or whose time of modification was set.
	Attributes Change = "attributes"
	// Entries is a directory in which something was added, removed or renamed. A deletion shows nowhere else.
	Entries Change = "entries"
)

// Changes tells which files of a container were changed since it was started.
type Changes struct {
	// Since is when.
	Since time.Time
	// RuntimeUntil is until when the runtime made the directories in which it mounts something.
	RuntimeUntil time.Time
	// parents are those directories.
	parents map[string]bool
}

// NewChanges tells changes in a root with these mounts.
func NewChanges(since, runtimeUntil time.Time, mounts []Mount) Changes {
	parents := map[string]bool{}
	for _, m := range mounts {
		for dir := m.Point; dir != "/" && dir != "."; {
			dir = path.Dir(dir)
			if parents[dir] {
				break
			}
			parents[dir] = true
		}
	}
	return Changes{Since: since, RuntimeUntil: runtimeUntil, parents: parents}
}

// Of says what was done to a file, by its times; false where it was nothing, or where the runtime did it.
func (c Changes) Of(name string, dir bool, modified, changed time.Time) (Change, bool) {
	switch inside := modified.After(c.Since) && !modified.After(changed); {
	case !changed.After(c.Since), dir && c.parents[name] && !changed.After(c.RuntimeUntil):
		return "", false
	case !inside:
		return Attributes, true
	case dir:
		return Entries, true
	}
	return Changed, true
}
