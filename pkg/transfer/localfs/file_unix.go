// SPDX-License-Identifier: Apache-2.0

//go:build unix

package localfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
)

// nonblock lets an open return where a pipe has come in the place of a file.
const nonblock = unix.O_NONBLOCK

// describe adds what only some systems know of a file.
func describe(f *transfer.File, info fs.FileInfo) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return
	}
	f.UID, f.GID, f.Blocks = s.Uid, s.Gid, s.Blocks
	f.Rdev = [2]uint32{unix.Major(uint64(s.Rdev)), unix.Minor(uint64(s.Rdev))} //nolint:unconvert,gosec // its type depends on the system
	var b strings.Builder
	for i, n := range []int64{int64(s.Dev), int64(s.Ino), info.Size(), info.ModTime().UnixNano(), changed(s)} { //nolint:gosec // see above
		b.WriteString(strconv.FormatInt(n, 36))
		b.WriteByte(':')
		if i == 1 && s.Nlink > 1 && info.Mode().IsRegular() {
			f.Inode = b.String()
		}
	}
	f.State = b.String()
}

// private reports whether a directory is our own, and closed to all others.
func private(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && info.IsDir() && int(s.Uid) == os.Geteuid() && info.Mode().Perm()&0o077 == 0
}

// extent is the next part of a file, up to end, that is no hole.
func extent(file *os.File, at, end int64) (from, to int64) {
	from, err := file.Seek(at, unix.SEEK_DATA)
	if err != nil {
		if errors.Is(err, unix.ENXIO) {
			return end, end
		}
		return at, end
	}
	to, err = file.Seek(from, unix.SEEK_HOLE)
	if _, back := file.Seek(from, io.SeekStart); err != nil || back != nil || to <= from {
		return at, end
	}
	return min(from, end), min(to, end)
}
