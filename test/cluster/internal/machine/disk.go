// SPDX-License-Identifier: Apache-2.0

//go:build linux

package machine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/build"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/debian"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/image"
)

// modules are what the machine needs and the kernel does not have built in, in the order to load them.
func modules() []string {
	return []string{"virtio_blk", "failover", "net_failover", "virtio_net", "overlay", "veth"}
}

// Paths below the directory that Build returns, which is the root that qemu runs in.
const (
	kernel = "machine/vmlinuz"
	disk   = "machine/disk"
	guest  = "machine/guest"
)

// assemble makes the directory that qemu runs in: the packages with it, and below machine all that it is given.
func assemble(ctx context.Context, work, bin string, narration io.Writer) (string, error) {
	root, err := debian.Newer(filepath.Join(work, "packages")).Unpack(ctx, narration,
		"qemu-system-x86", "qemu-system-common", "qemu-system-data", "seabios", "linux-image-cloud-amd64", "busybox-static", "e2fsprogs", "crun")
	if err != nil {
		return "", err
	}
	// mke2fs asks it whether its file is mounted.
	if err := os.WriteFile(filepath.Join(root, "etc/mtab"), nil, 0o644); err != nil {
		return "", err
	}
	for _, dir := range []string{"machine/modules", "dev", "state", "var/tmp"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return "", err
		}
	}
	for _, name := range []string{"bin", "sbin", "lib", "lib64"} {
		if err := os.Symlink("usr/"+name, filepath.Join(root, name)); err != nil && !errors.Is(err, fs.ErrExist) {
			return "", err
		}
	}
	if err := takeKernel(root); err != nil {
		return "", err
	}
	if err := compileGuest(ctx, filepath.Join(work, "source"), filepath.Join(root, guest), narration); err != nil {
		return "", err
	}
	if err := makeDisk(ctx, work, root, bin, narration); err != nil {
		return "", fmt.Errorf("make disk: %w", err)
	}
	return root, nil
}

// takeKernel keeps the kernel and a few modules of its package.
func takeKernel(root string) error {
	move := func(pattern, to string) error {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err == nil && len(found) != 1 {
			err = fmt.Errorf("look for %s in the kernel's package: found %d", pattern, len(found))
		}
		if err != nil {
			return err
		}
		return os.Rename(found[0], filepath.Join(root, to))
	}
	if err := move("boot/vmlinuz-*", kernel); err != nil {
		return err
	}
	if err := move("usr/lib/modules/*", "tmp-modules"); err != nil {
		return err
	}
	var found []string
	err := filepath.WalkDir(filepath.Join(root, "tmp-modules"), func(path string, _ fs.DirEntry, err error) error {
		found = append(found, path)
		return err
	})
	for i, name := range modules() {
		for _, path := range found {
			if filepath.Base(path) == name+".ko.xz" {
				err = errors.Join(err, os.Rename(path, filepath.Join(root, "machine/modules", fmt.Sprintf("%02d-%s", i, filepath.Base(path)))))
			}
		}
	}
	if kept, globErr := filepath.Glob(filepath.Join(root, "machine/modules/*")); globErr == nil && len(kept) != len(modules()) {
		err = errors.Join(err, fmt.Errorf("look for modules in the kernel's package: found %q", kept))
	}
	return errors.Join(err, os.RemoveAll(filepath.Join(root, "tmp-modules")))
}

// compileGuest builds the machine's first process from the source in this program, which may be run far from it.
func compileGuest(ctx context.Context, dir, to string, narration io.Writer) error {
	const below = "internal/machine"
	if err := os.CopyFS(filepath.Join(dir, below), inputs); err != nil {
		return err
	}
	module := []byte("module github.com/kubectl-shareproc/kubectl-shareproc/test/cluster\n\ngo 1.26.0\n")
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), module, 0o644); err != nil {
		return err
	}
	return build.Go(ctx, dir, false, narration, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", to, "./"+below+"/guest")
}

// diskSize is what the node calls its own; the file is sparse.
const diskSize = "4G"

// makeDisk makes the machine's root file system, with the binaries at the paths that they have here.
func makeDisk(ctx context.Context, work, root, bin string, narration io.Writer) error {
	tree, _, err := image.Shell(ctx, work, image.Source(root))
	if err != nil {
		return err
	}
	for _, name := range []string{"kubelet", "containerd", "containerd-shim-runc-v2", "runc", "ptp", "host-local", "loopback"} {
		if err := image.Source("/").Program(tree, filepath.Join(bin, name)); err != nil {
			return err
		}
	}
	if err := addCrun(tree, image.Source(root)); err != nil {
		return err
	}
	for _, name := range []string{"proc", "sys", "dev", "run", "var/lib", "var/log"} {
		tree.Dir(name, 0o755, 0)
	}
	tree.Symlink("var/run", "/run")
	tree.File("etc/hosts", 0o644, []byte("127.0.0.1 localhost\n"))
	tree.File("etc/resolv.conf", 0o644, nil)
	content := filepath.Join(root, "content")
	if err := tree.WriteTo(content); err != nil {
		return err
	}
	// Run where its libraries are. Without a journal: nobody reads this disk again after a crash.
	cmd := exec.CommandContext(ctx, "/usr/sbin/mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-E", "lazy_itable_init=1,root_owner=0:0",
		"-m", "0", "-d", "/content", "/"+disk, diskSize)
	cmd.Path, cmd.Err = "/usr/sbin/mke2fs", nil
	cmd.SysProcAttr = &unix.SysProcAttr{Chroot: root}
	cmd.Dir, cmd.Env, cmd.Stderr = "/", []string{}, narration
	if err := cmd.Run(); err != nil {
		return err
	}
	return os.RemoveAll(content)
}
