// SPDX-License-Identifier: Apache-2.0

//go:build unix

package helper

import (
	"os/exec"
	"syscall"
)

// apart gives a command a process group of its own, as a runtime does, and the user of attr, which may be nil.
func apart(cmd *exec.Cmd, attr *syscall.SysProcAttr) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if attr != nil {
		cmd.SysProcAttr.Credential = attr.Credential
	}
}
