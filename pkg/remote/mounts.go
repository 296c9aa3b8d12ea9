// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"slices"
	"strconv"
	"strings"
)

// A mount is a line of mountinfo (proc_pid_mountinfo(5)).
type mount struct {
	point    string // from the process's root
	kind     string // of the file system
	readOnly bool
}

// mounts are in the order of mountinfo: of two at the same place the last one counts.
type mounts []mount

func parseMounts(mountinfo string) mounts {
	var all mounts
	for line := range strings.Lines(mountinfo) {
		front, behind, ok := strings.Cut(line, " - ")
		f, g := strings.Fields(front), strings.Fields(behind)
		if !ok || len(f) < 6 || len(g) < 1 {
			continue
		}
		all = append(all, mount{Unoctal(f[4]), g[0], slices.Contains(strings.Split(f[5], ","), "ro")})
	}
	return all
}

// of is the mount that a path is on.
func (m mounts) of(path string) mount {
	var best mount
	for _, mount := range m {
		if len(mount.point) >= len(best.point) && under(path, mount.point) {
			best = mount
		}
	}
	return best
}

func (m mounts) has(point string) bool {
	return slices.ContainsFunc(m, func(mount mount) bool { return mount.point == point })
}

// isPoint reports whether something is mounted at a path, as at a pod's /etc/hosts.
func (m mounts) isPoint(path string) bool {
	return path != "/" && m.has(path)
}

// kernels lists where kernel file systems are mounted.
func (m mounts) kernels() []string {
	var found []string
	for _, mount := range m {
		if mount.kernel() && m.of(mount.point).kernel() && !strings.Contains(mount.point, "\n") {
			found = append(found, mount.point)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// below lists the mount points below a path.
func (m mounts) below(path string) []string {
	var found []string
	for _, mount := range m {
		if mount.point != path && under(mount.point, path) {
			found = append(found, mount.point)
		}
	}
	return found
}

// MountPoints are where something is mounted in a root, except at its top.
func MountPoints(r *Root) []string {
	return r.mounts.below("/")
}

func (m mount) kernel() bool { return KernelKind(m.kind) }

// KernelKind reports whether the kernel makes up the files of a type of file system: their sizes say nothing, some never end, and
// reading some acts.
func KernelKind(kind string) bool {
	switch kind {
	case "proc", "sysfs", "cgroup", "cgroup2", "tracefs", "debugfs", "securityfs", "configfs", "bpf", "pstore", "efivarfs",
		"fusectl", "binfmt_misc", "autofs", "resctrl", "cpuset", "selinuxfs", "smackfs", "nsfs", "rpc_pipefs", "nfsd":
		return true
	}
	return false
}

// InMemory reports whether what is written to a path of a root takes memory, which counts for the container that writes.
func InMemory(r *Root, path string) bool {
	kind := r.mounts.of(path).kind
	return kind == "tmpfs" || kind == "ramfs"
}

func under(path, directory string) bool {
	return strings.HasPrefix(path+"/", strings.TrimSuffix(directory, "/")+"/")
}

// Unoctal undoes the kernel's escapes of space, tab, newline and backslash (\040).
func Unoctal(text string) string {
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
