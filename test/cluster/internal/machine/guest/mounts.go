// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unsafe"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/machine/order"
)

func mountKernel(root string) error {
	const safe = syscall.MS_NOSUID | syscall.MS_NOEXEC
	return mountAll([]mount{
		{"proc", filepath.Join(root, "proc"), "proc", safe | syscall.MS_NODEV, ""},
		{"sysfs", filepath.Join(root, "sys"), "sysfs", safe | syscall.MS_NODEV, ""},
		{"dev", filepath.Join(root, "dev"), "devtmpfs", safe, "mode=755"},
	})
}

type mount struct {
	source, target, kind string
	flags                uintptr
	options              string
}

func mountAll(all []mount) error {
	for _, m := range all {
		if err := os.MkdirAll(m.target, 0o755); err != nil {
			return err
		}
		if err := syscall.Mount(m.source, m.target, m.kind, m.flags, m.options); err != nil {
			return fmt.Errorf("mount %s: %w", m.target, err)
		}
	}
	return nil
}

const (
	finitModule = 313 // the system call's number on x86-64; package syscall does not have it
	compressed  = 4   // MODULE_INIT_COMPRESSED_FILE
)

func loadModules() error {
	all, err := filepath.Glob(order.Modules + "/*")
	if err != nil {
		return err
	}
	for _, name := range all {
		if err := loadModule(name); err != nil {
			return fmt.Errorf("load %s: %w", name, err)
		}
	}
	return nil
}

func loadModule(name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	parameters := []byte{0}
	_, _, errno := syscall.Syscall(finitModule, file.Fd(), uintptr(unsafe.Pointer(&parameters[0])), compressed)
	if errno != 0 {
		return errno
	}
	return nil
}

// enterDisk makes the disk the root, with the host's files on it: a container can't get out of the first root that a kernel
// has (pivot_root(2)).
func enterDisk() error {
	const disk, root = "/dev/vda", "/new"
	if err := waitFor(disk, func() bool { _, err := os.Stat(disk); return err == nil }); err != nil {
		return err
	}
	if err := mountAll([]mount{{disk, root, "ext4", syscall.MS_NOATIME, ""}}); err != nil {
		return err
	}
	if err := os.CopyFS(root, os.DirFS(order.Files)); err != nil {
		return err
	}
	if err := os.Chdir(root); err != nil {
		return err
	}
	if err := syscall.Mount(".", "/", "", syscall.MS_MOVE, ""); err != nil {
		return fmt.Errorf("make the disk the root: %w", err)
	}
	if err := syscall.Chroot("."); err != nil {
		return err
	}
	return os.Chdir("/")
}

func mountRest() error {
	const safe = syscall.MS_NOSUID | syscall.MS_NODEV
	err := mountAll([]mount{
		{"devpts", "/dev/pts", "devpts", syscall.MS_NOSUID | syscall.MS_NOEXEC, "gid=5,mode=620,ptmxmode=666"},
		{"shm", "/dev/shm", "tmpfs", safe, "mode=1777"},
		{"run", "/run", "tmpfs", safe, "mode=755"},
		{"cgroup2", cgroups, "cgroup2", safe | syscall.MS_NOEXEC, "nsdelegate"},
	})
	if err != nil {
		return err
	}
	if err := delegate(); err != nil {
		return err
	}
	// So that a volume mounted by the kubelet reaches the containers (mount propagation).
	return syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_SHARED, "")
}

const cgroups = "/sys/fs/cgroup"

// delegate puts this process into a leaf of the tree and makes every controller available to the pods' branch.
func delegate() error {
	leaf := filepath.Join(cgroups, "system")
	if err := os.Mkdir(leaf, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(leaf, "cgroup.procs"), []byte("0"), 0); err != nil {
		return err
	}
	names, err := os.ReadFile(filepath.Join(cgroups, "cgroup.controllers"))
	if err != nil {
		return err
	}
	for name := range strings.FieldsSeq(string(names)) {
		if err := os.WriteFile(filepath.Join(cgroups, "cgroup.subtree_control"), []byte("+"+name), 0); err != nil {
			return fmt.Errorf("delegate %s: %w", name, err)
		}
	}
	return nil
}
