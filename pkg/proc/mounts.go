// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"path"
	"slices"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
)

// A Mount is a line of mountinfo (proc_pid_mountinfo(5)).
type Mount struct {
	ID, Parent string
	// Device is st_dev as MAJOR:MINOR.
	Device string
	// Root is the directory of the file system that is mounted, Point where, from the process's root.
	Root, Point string
	Type        string
	Source      string
	ReadOnly    bool
	// Hidden says that another mount covers it: its point leads elsewhere.
	Hidden bool
}

// Kernel reports whether the kernel makes up its files (/proc, /sys).
func (m Mount) Kernel() bool { return process.KernelKind(m.Type) }

// Mounts are those that a process sees, in the order of its mountinfo.
func Mounts(text string) []Mount {
	var all []Mount
	for line := range strings.Lines(text) {
		// Optional fields stand before the hyphen.
		front, behind, ok := strings.Cut(line, " - ")
		f, g := strings.Fields(front), strings.Fields(behind)
		if !ok || len(f) < 6 || len(g) < 2 {
			continue
		}
		all = append(all, Mount{
			ID: f[0], Parent: f[1], Device: f[2], Root: process.Unoctal(f[3]), Point: process.Unoctal(f[4]),
			Type: g[0], Source: process.Unoctal(g[1]), ReadOnly: slices.Contains(strings.Split(f[5], ","), "ro"),
		})
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
