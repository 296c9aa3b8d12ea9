// SPDX-License-Identifier: Apache-2.0

//go:build unix

package local

import (
	"io/fs"
	"syscall"
)

func identify(info fs.FileInfo) (identity, bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return identity{}, false
	}
	return identity{uint64(s.Dev), s.Ino, uint64(s.Nlink), s.Uid, s.Gid}, true //nolint:unconvert // their types depend on the system
}
