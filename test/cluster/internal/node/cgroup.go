// SPDX-License-Identifier: Apache-2.0

//go:build linux

package node

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A hierarchy is one mounted cgroup tree. Version 1 has several, version 2 one; a hybrid host has both.
type hierarchy struct {
	mountPoint string
	unified    bool   // version 2
	options    string // of version 1: its controllers or name, as mount(2) takes them
}

// hierarchies reads the cgroup trees that are mounted on this machine.
func hierarchies() ([]hierarchy, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	found := parseMountinfo(string(text))
	if len(found) == 0 {
		return nil, errors.New("read /proc/self/mountinfo: no cgroup tree is mounted")
	}
	return found, nil
}

// parseMountinfo picks the cgroup trees out of a mountinfo file (proc_pid_mountinfo(5): optional fields end with "-").
func parseMountinfo(text string) []hierarchy {
	var found []hierarchy
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		end := slices.Index(fields, "-")
		if end < 5 || len(fields) < end+4 {
			continue
		}
		h := hierarchy{mountPoint: fields[4]}
		switch fields[end+1] {
		case "cgroup2":
			h.unified = true
		case "cgroup":
			h.options = controllers(fields[end+3])
		default:
			continue
		}
		if !slices.ContainsFunc(found, func(o hierarchy) bool { return o.unified == h.unified && o.options == h.options }) {
			found = append(found, h)
		}
	}
	return found
}

// controllers drops from a version 1 tree's options those that do not name it: its root's release agent and xattr mode
// belong to the host.
func controllers(options string) string {
	var kept []string
	for option := range strings.SplitSeq(options, ",") {
		name, _, _ := strings.Cut(option, "=")
		if !slices.Contains([]string{"rw", "ro", "xattr", "noprefix", "clone_children", "cpuset_v2_mode", "release_agent"}, name) {
			kept = append(kept, option)
		}
	}
	return strings.Join(kept, ",")
}

// joinCgroup moves the calling process into the named cgroup, made directly below the root of each tree.
func joinCgroup(trees []hierarchy, name string) error {
	for _, h := range trees {
		if h.unified {
			delegate(h.mountPoint)
		}
		dir := filepath.Join(h.mountPoint, name)
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("make cgroup: %w", err)
		}
		if !h.unified && slices.Contains(strings.Split(h.options, ","), "cpuset") {
			if err := inheritCpuset(h.mountPoint, dir); err != nil {
				return err
			}
		}
		if err := enter(dir); err != nil {
			return err
		}
	}
	return nil
}

// enter moves the calling process, which cgroup.procs takes 0 for (cgroups(7)), into a cgroup.
func enter(dir string) error {
	if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte("0"), 0); err != nil {
		return fmt.Errorf("enter cgroup: %w", err)
	}
	return nil
}

// inheritCpuset gives a new version 1 cpuset its parent's processors: it begins with none and takes no process so.
func inheritCpuset(parent, dir string) error {
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		value, err := os.ReadFile(filepath.Join(parent, file))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, file), value, 0)
		}
		if err != nil {
			return fmt.Errorf("set up cpuset: %w", err)
		}
	}
	return nil
}

// delegate makes every controller of a version 2 cgroup available to its children. A controller that can't be is left
// out: the kubelet says which ones it misses.
func delegate(dir string) {
	names, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return
	}
	for name := range strings.FieldsSeq(string(names)) {
		_ = os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+name), 0)
	}
}

// mountCgroups mounts the trees as they look from the cluster's own cgroup: containers can't be put outside of it.
func mountCgroups(trees []hierarchy, root string) error {
	base := filepath.Join(root, "sys/fs/cgroup")
	if slices.IndexFunc(trees, func(h hierarchy) bool { return !h.unified }) < 0 {
		return mountUnified(base)
	}
	if err := unix.Mount("cgroup", base, "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mount directory of cgroup trees: %w", err)
	}
	for _, h := range trees {
		at := filepath.Join(base, filepath.Base(h.mountPoint))
		if err := os.Mkdir(at, 0o755); err != nil {
			return err
		}
		kind := "cgroup"
		if h.unified {
			kind = "cgroup2"
		}
		if err := unix.Mount("cgroup", at, kind, 0, h.options); err != nil {
			return fmt.Errorf("mount cgroup tree %s: %w", h.options, err)
		}
		if err := linkControllers(base, at, h.options); err != nil {
			return err
		}
	}
	return nil
}

// linkControllers names a tree of several controllers by each of them, as every host does and runc expects.
func linkControllers(base, at, options string) error {
	for name := range strings.SplitSeq(options, ",") {
		if name == filepath.Base(at) || name == "" || strings.Contains(name, "=") {
			continue
		}
		if err := os.Symlink(filepath.Base(at), filepath.Join(base, name)); err != nil {
			return err
		}
	}
	return nil
}

// mountUnified mounts the version 2 tree, with the supervisor in a leaf: a cgroup that has processes can't give its
// controllers to children (cgroups(7), "no internal processes").
func mountUnified(base string) error {
	if err := unix.Mount("cgroup2", base, "cgroup2", 0, ""); err != nil {
		return fmt.Errorf("mount cgroup tree: %w", err)
	}
	leaf := filepath.Join(base, "supervisor")
	if err := os.Mkdir(leaf, 0o755); err != nil {
		return err
	}
	if err := enter(leaf); err != nil {
		return err
	}
	delegate(base)
	return nil
}

// RemoveCgroup removes the named cgroup and all below it from every tree. No process may be left in it.
func RemoveCgroup(name string) error {
	trees, err := hierarchies()
	if err != nil {
		return err
	}
	for _, h := range trees {
		if err := removeTree(filepath.Join(h.mountPoint, name)); err != nil {
			return fmt.Errorf("remove cgroup: %w", err)
		}
	}
	return nil
}

// removeTree removes directories, deepest first; the files in a cgroup are the kernel's and go with it.
func removeTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.IsDir() {
			if err := removeTree(filepath.Join(dir, entry.Name())); err != nil {
				return err
			}
		}
	}
	return unix.Rmdir(dir)
}
