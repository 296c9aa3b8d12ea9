// SPDX-License-Identifier: Apache-2.0

//go:build linux

package build

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// compiler makes sure that what cgo needs is there, where something to build needs cgo.
func compiler(ctx context.Context, missing []component, narration io.Writer) error {
	needed := false
	for _, c := range missing {
		needed = needed || c.cgo
	}
	if !needed {
		return nil
	}
	var packages, reasons []string
	lack := func(pkg, reason string) {
		packages, reasons = append(packages, pkg), append(reasons, reason)
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		lack("gcc", "gcc with the C library's headers")
		lack("libc6-dev", "the C library's headers")
	}
	if _, err := exec.LookPath("pkg-config"); err != nil {
		lack("pkg-config", "pkg-config")
		lack("libseccomp-dev", "libseccomp's headers")
	} else if exec.CommandContext(ctx, "pkg-config", "--exists", "libseccomp").Run() != nil {
		lack("libseccomp-dev", "libseccomp's headers")
	}
	if len(packages) == 0 {
		return nil
	}
	if !HasApt() {
		return fmt.Errorf("build runc: this machine lacks %s (and apt-get, which would install them)", strings.Join(reasons, ", "))
	}
	fmt.Fprintf(narration, "installing %s\n", strings.Join(packages, ", "))
	return Apt(ctx, "", narration, append([]string{"install", "-y", "--no-install-recommends"}, packages...)...)
}

// HasApt reports whether this machine installs its packages with apt-get.
func HasApt() bool {
	_, err := exec.LookPath("apt-get")
	return err == nil
}

// Apt runs apt-get in dir; when it does not succeed, again with fresh package lists, which it may lack altogether on a
// new machine.
func Apt(ctx context.Context, dir string, narration io.Writer, args ...string) error {
	if apt(ctx, dir, io.Discard, args...) == nil {
		return nil
	}
	if err := apt(ctx, dir, narration, "update"); err != nil {
		return err
	}
	return apt(ctx, dir, narration, args...)
}

func apt(ctx context.Context, dir string, stderr io.Writer, args ...string) error {
	// The sandbox user of apt can't write into a directory of root's.
	args = append([]string{"-q", "-o", "APT::Sandbox::User=root", "-o", "DPkg::Lock::Timeout=120"}, args...)
	cmd := exec.CommandContext(ctx, "apt-get", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")
	cmd.Stderr = stderr
	// Interrupted and not killed: it must leave the package database whole.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("apt-get %s: %w", strings.Join(args[5:], " "), err)
	}
	return nil
}
