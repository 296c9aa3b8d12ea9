// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"os/exec"
	"syscall"
)

func apart(cmd *exec.Cmd, attr *syscall.SysProcAttr) { cmd.SysProcAttr = attr }
