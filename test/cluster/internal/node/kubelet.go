// SPDX-License-Identifier: Apache-2.0

//go:build linux

package node

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// tunables are the kernel settings that the kubelet changes unless it finds these values (kubelet, setupKernelTunables).
// They are the whole machine's: left alone, `up` would for one make the host reboot on a kernel panic.
func tunables() map[string]string {
	return map[string]string{
		"vm/overcommit_memory":      "1",
		"vm/panic_on_oom":           "0",
		"kernel/panic":              "10",
		"kernel/panic_on_oops":      "1",
		"kernel/keys/root_maxkeys":  "1000000",
		"kernel/keys/root_maxbytes": "25000000",
	}
}

// EnterKubelet becomes the kubelet, in a mount namespace of its own where those settings read as it wants them. Only
// there: a /proc with anything mounted over it would keep pods from having a user namespace (mount_namespaces(7)).
func EnterKubelet(argv []string) error {
	if err := unix.Mount("", "/proc", "", unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("part from the cluster's /proc: %w", err)
	}
	for name, value := range tunables() {
		file := filepath.Join("/run", "tunable-"+strings.ReplaceAll(name, "/", "-"))
		if err := os.WriteFile(file, []byte(value+"\n"), 0o644); err != nil {
			return err
		}
		if err := unix.Mount(file, filepath.Join("/proc/sys", name), "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("cover %s: %w", name, err)
		}
	}
	return fmt.Errorf("become kubelet: %w", unix.Exec(argv[0], argv, os.Environ()))
}
