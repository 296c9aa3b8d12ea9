// SPDX-License-Identifier: Apache-2.0

package process

import (
	"slices"
	"strconv"
	"strings"
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
}

// Mounts are in the order of mountinfo: of two at the same place the last one counts.
type Mounts []Mount

// ParseMounts reads mountinfo.
func ParseMounts(mountinfo string) Mounts {
	var all Mounts
	for line := range strings.Lines(mountinfo) {
		// Optional fields stand before the hyphen.
		front, behind, ok := strings.Cut(line, " - ")
		f, g := strings.Fields(front), strings.Fields(behind)
		if !ok || len(f) < 6 || len(g) < 2 {
			continue
		}
		all = append(all, Mount{
			ID: f[0], Parent: f[1], Device: f[2], Root: unoctal(f[3]), Point: unoctal(f[4]),
			Type: g[0], Source: unoctal(g[1]), ReadOnly: slices.Contains(strings.Split(f[5], ","), "ro"),
		})
	}
	return all
}

// Of is the mount that a path is on.
func (m Mounts) Of(path string) Mount {
	var best Mount
	for _, mount := range m {
		if len(mount.Point) >= len(best.Point) && under(path, mount.Point) {
			best = mount
		}
	}
	return best
}

// Has reports whether something is mounted at a path.
func (m Mounts) Has(point string) bool {
	return slices.ContainsFunc(m, func(mount Mount) bool { return mount.Point == point })
}

// IsPoint reports whether something is mounted at a path below the root, as at a pod's /etc/hosts.
func (m Mounts) IsPoint(path string) bool {
	return path != "/" && m.Has(path)
}

// Kernels lists where kernel file systems are mounted.
func (m Mounts) Kernels() []string {
	var found []string
	for _, mount := range m {
		if mount.Kernel() && m.Kernel(mount.Point) && !strings.Contains(mount.Point, "\n") {
			found = append(found, mount.Point)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// Below lists the mount points below a path.
func (m Mounts) Below(path string) []string {
	var found []string
	for _, mount := range m {
		if mount.Point != path && under(mount.Point, path) {
			found = append(found, mount.Point)
		}
	}
	return found
}

// Kernel reports whether the file at a path is one that the kernel makes up.
func (m Mounts) Kernel(path string) bool { return m.Of(path).Kernel() }

// InMemory reports whether what is written to a path takes memory, which counts for the container that writes.
func (m Mounts) InMemory(path string) bool {
	kind := m.Of(path).Type
	return kind == "tmpfs" || kind == "ramfs"
}

// Kernel reports whether the kernel makes up the files of a mount: their sizes say nothing, some never end, and reading some acts.
func (m Mount) Kernel() bool {
	switch m.Type {
	case "proc", "sysfs", "cgroup", "cgroup2", "tracefs", "debugfs", "securityfs", "configfs", "bpf", "pstore", "efivarfs",
		"fusectl", "binfmt_misc", "autofs", "resctrl", "cpuset", "selinuxfs", "smackfs", "nsfs", "rpc_pipefs", "nfsd":
		return true
	}
	return false
}

func under(path, directory string) bool {
	return strings.HasPrefix(path+"/", strings.TrimSuffix(directory, "/")+"/")
}

// unoctal undoes the kernel's escapes of space, tab, newline and backslash (\040).
func unoctal(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+3 < len(text) {
			if n, err := strconv.ParseUint(text[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}
