// SPDX-License-Identifier: Apache-2.0

//go:build linux

package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/layout"
)

// hostDirs are the host's directories that the cluster sees, unwritable: the kubelet runs mount and umount from them, and
// runc and those link the C library.
func hostDirs() []string {
	return []string{"bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "etc", "nix"}
}

// changeRoot gives the calling process, alone in its mount namespace, a root of its own in memory: components may use
// their usual paths (/var/lib/kubelet, /run/containerd, ...) and the host's stay untouched.
func changeRoot(s layout.State, with layout.Start, trees []hierarchy) error {
	// Slave and not private: what the host unmounts later must not be kept alive here.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("leave the host's mounts: %w", err)
	}
	root := s.Path("root")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("root", root, "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mount root: %w", err)
	}
	steps := []func() error{
		func() error { return bindHost(root) },
		func() error { return mountKernel(root, trees) },
		func() error { return makeDirs(root) },
		func() error { return bind(s.Var(), filepath.Join(root, "var")) },
		func() error { return bind(with.Bin, filepath.Join(root, with.Bin)) },
		func() error { return bind(s.Dir, filepath.Join(root, s.Dir)) },
		func() error { return bindMachine(s, with.Machine, root) },
		func() error { return pivot(root) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("make root: %w", err)
		}
	}
	// Shared, so that a volume mounted by the kubelet reaches the containers (mount propagation).
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("share mounts: %w", err)
	}
	return nil
}

// bindMachine gives qemu, whose root the machine's directory is, what else it needs.
func bindMachine(s layout.State, inside, root string) error {
	if inside == "" {
		return nil
	}
	at := filepath.Join(root, inside)
	return errors.Join(bind(inside, at), bind("/dev", filepath.Join(at, "dev")), bind(s.Dir, filepath.Join(at, "state")),
		bind(filepath.Join(s.Var(), "tmp"), filepath.Join(at, "var/tmp")))
}

func bindHost(root string) error {
	for _, name := range hostDirs() {
		source, target := "/"+name, filepath.Join(root, name)
		info, err := os.Lstat(source)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if info.Mode().Type() == fs.ModeSymlink {
			link, err := os.Readlink(source)
			if err == nil {
				err = os.Symlink(link, target)
			}
			if err != nil {
				return err
			}
			continue
		}
		if err := bind(source, target); err != nil {
			return err
		}
		if err := unix.Mount("", target, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""); err != nil {
			return fmt.Errorf("make %s unwritable: %w", target, err)
		}
	}
	return bind("/dev", filepath.Join(root, "dev"))
}

// mountKernel mounts the kernel's file systems again, because each shows the namespaces of the process that mounted it.
func mountKernel(root string, trees []hierarchy) error {
	for _, kind := range []string{"proc", "sys"} {
		target, source := filepath.Join(root, kind), kind
		if kind == "sys" {
			source = "sysfs"
		}
		if err := os.Mkdir(target, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(source, target, source, unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
			return fmt.Errorf("mount %s: %w", source, err)
		}
	}
	return mountCgroups(trees, root)
}

func makeDirs(root string) error {
	for _, name := range []string{"run", "root", "tmp"} {
		if err := os.Mkdir(filepath.Join(root, name), 0o755); err != nil {
			return err
		}
	}
	// Mkdir's mode is cut by the umask; this one must not be.
	return os.Chmod(filepath.Join(root, "tmp"), 0o777|fs.ModeSticky)
}

func bind(source, target string) error {
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(source, target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("bind %s: %w", source, err)
	}
	return nil
}

// pivot makes root the root of this mount namespace and forgets the old one (pivot_root(2), "pivot_root(".", ".")").
func pivot(root string) error {
	if err := os.Chdir(root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("forget the host's root: %w", err)
	}
	return os.Chdir("/")
}
