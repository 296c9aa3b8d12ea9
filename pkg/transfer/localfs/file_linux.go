// SPDX-License-Identifier: Apache-2.0

package localfs

import (
	"cmp"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func changed(s *syscall.Stat_t) int64 { return s.Ctim.Nano() }

// stamp gives an open file its time of modification. Linux before 5.8 refuses.
func stamp(file *os.File, mtime time.Time) error {
	modified, err := unix.TimeToTimespec(mtime)
	if err != nil {
		return err
	}
	conn, err := file.SyscallConn()
	if err != nil {
		return err
	}
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, modified}
	refused := conn.Control(func(fd uintptr) { err = unix.UtimesNanoAt(int(fd), "", times, unix.AT_EMPTY_PATH) })
	return cmp.Or(err, refused)
}
