// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Lock takes the file's lock for this process, waiting for another holder until the context ends. Closing the file
// releases it, and so does the end of the process.
func Lock(ctx context.Context, path string, narration io.Writer) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for reported := false; ; reported = true {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return file, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), file.Close())
		}
		if !reported {
			fmt.Fprintf(narration, "waiting for another process that holds %s\n", path)
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, context.Cause(ctx)), file.Close())
		case <-tick.C:
		}
	}
}

// HoldSupervisor marks the calling process as the cluster's supervisor until it ends. It uses a POSIX record lock, because
// the kernel tells others the holder's process id, translated into their PID namespace (F_GETLK, fcntl(2)): no PID file
// can be stale. The file must stay open and must not be opened a second time by this process.
func (s State) HoldSupervisor() (*os.File, error) {
	file, err := os.OpenFile(s.Supervisor(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	lock := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
	if err := unix.FcntlFlock(file.Fd(), unix.F_SETLK, &lock); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", s.Supervisor(), err), file.Close())
	}
	return file, nil
}

// SupervisorPID returns the process id of the running supervisor, 0 when none runs.
func (s State) SupervisorPID() (int, error) {
	file, err := os.OpenFile(s.Supervisor(), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer func() { _ = file.Close() }()
	lock := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
	if err := unix.FcntlFlock(file.Fd(), unix.F_GETLK, &lock); err != nil {
		return 0, fmt.Errorf("read lock of %s: %w", s.Supervisor(), err)
	}
	if lock.Type == unix.F_UNLCK {
		return 0, nil
	}
	return int(lock.Pid), nil
}
