// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"path"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
)

// A Mount is one that a process sees.
type Mount struct {
	process.Mount
	// Hidden says that another mount covers it: its point leads elsewhere.
	Hidden bool
}

// Mounts are those that a process sees, in the order of its mountinfo.
func Mounts(text string) []Mount {
	var all []Mount
	for _, m := range process.ParseMounts(text) {
		all = append(all, Mount{Mount: m})
	}
	hide(all)
	return all
}

// A spot is a point on a mount.
type spot struct{ parent, point string }

// hide marks what is covered: by a mount on the same point, by one on a directory above that was mounted beside it, or because
// what it is mounted on is.
func hide(all []Mount) {
	ids, spots := map[string]int{}, map[spot]bool{}
	for i, m := range all {
		ids[m.ID], spots[spot{m.Parent, m.Point}] = i, true
	}
	beside := func(m Mount) bool {
		for above := m.Point; above != "/"; {
			if above = path.Dir(above); spots[spot{m.Parent, above}] {
				return true
			}
			if above == "." {
				return false
			}
		}
		return false
	}
	below := make([]bool, len(all)) // covered by a mount above, with all that is mounted on it
	for i, m := range all {
		// A chain of mounts is as long as their number at most.
		for at, steps := i, 0; !below[i] && steps < len(all) && steps < chainLimit; steps++ {
			below[i] = beside(all[at])
			parent, ok := ids[all[at].Parent]
			if !ok || parent == at {
				break
			}
			below[i] = below[i] || all[at].Point != all[parent].Point && spots[spot{all[parent].ID, all[parent].Point}]
			at = parent
		}
		all[i].Hidden = below[i] || spots[spot{m.ID, m.Point}]
	}
}

// chainLimit bounds how deep mounts are followed that are mounted on each other: a process may make as many as it likes.
const chainLimit = 100

// Under reports whether a path is a directory or below it.
func Under(name, directory string) bool {
	return strings.HasPrefix(name+"/", strings.TrimSuffix(directory, "/")+"/")
}

// MountOf is the mount that a path is on; false where none is known.
func MountOf(all []Mount, name string) (Mount, bool) {
	best := -1
	for i, m := range all {
		if !m.Hidden && Under(name, m.Point) && (best < 0 || len(m.Point) >= len(all[best].Point)) {
			best = i
		}
	}
	if best < 0 {
		return Mount{}, false
	}
	return all[best], true
}
