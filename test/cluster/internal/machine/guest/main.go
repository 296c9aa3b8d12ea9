// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Command guest is the first process of a node in a virtual machine: it finds its disk, mounts what a node needs, and
// keeps containerd and the kubelet running. It ends the machine when it can't. It has nothing but the standard library, since
// it is built where no module can be had.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/machine/order"
)

func main() {
	err := run(os.Stdout)
	fmt.Fprintln(os.Stdout, "guest: end of the machine:", err)
	// Run without qemu's -no-reboot it would begin again.
	fmt.Fprintln(os.Stdout, syscall.Reboot(syscall.LINUX_REBOOT_CMD_RESTART))
}

func run(console io.Writer) error {
	text, err := os.ReadFile(order.File)
	if err != nil {
		return err
	}
	var o order.Order
	if err := json.Unmarshal(text, &o); err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return mountKernel("/") },
		loadModules,
		enterDisk,
		func() error { return mountKernel("/") },
		mountRest,
		func() error { return syscall.Sethostname([]byte(o.Hostname)) },
		func() error { return setUpNetwork(o) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return keepRunning(o, console)
}

// patience bounds every wait of the start. It is long for software that emulates a processor on a loaded machine.
const patience = 2 * time.Minute

func waitFor(what string, done func() bool) error {
	deadline := time.After(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline:
			return fmt.Errorf("wait for %s: not there after %s", what, patience)
		case <-tick.C:
		}
	}
	return nil
}

// setUpNetwork is static: nothing asks for an address.
func setUpNetwork(o order.Order) error {
	for _, args := range [][]string{
		{"link", "set", "lo", "up"},
		{"addr", "add", o.Address, "dev", "eth0"},
		{"link", "set", "eth0", "up"},
		{"route", "add", "default", "via", o.Gateway},
	} {
		if output, err := exec.Command("/bin/ip", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %v: %w\n%s", args, err, output)
		}
	}
	return nil
}

// port returns the device by which a component's output reaches the host's file of the same name.
func port(name string) (*os.File, error) {
	all, err := filepath.Glob("/sys/class/virtio-ports/*/name")
	if err != nil {
		return nil, err
	}
	for _, file := range all {
		if text, err := os.ReadFile(file); err == nil && string(text) == name+"\n" {
			return os.OpenFile(filepath.Join("/dev", filepath.Base(filepath.Dir(file))), os.O_WRONLY, 0)
		}
	}
	return nil, fmt.Errorf("find port %s: not among %v", name, all)
}
