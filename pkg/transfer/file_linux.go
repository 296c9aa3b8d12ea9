// SPDX-License-Identifier: Apache-2.0

package transfer

import "syscall"

func changed(s *syscall.Stat_t) int64 { return s.Ctim.Nano() }
