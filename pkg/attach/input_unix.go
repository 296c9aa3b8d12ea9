// SPDX-License-Identifier: Apache-2.0

//go:build !windows

package attach

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// selected reads a terminal only when it has input, so that what is typed after the session goes to the next reader: another
// session, a pager, the user's shell. It uses select because macOS's poll refuses terminals.
type selected struct {
	from   *os.File
	fd     int
	wake   *os.File // readable once the session has ended
	waker  *os.File
	once   sync.Once
	closed atomic.Bool
	mu     sync.Mutex // held while reading
}

// lookAgain is how often a session in the background checks whether it is in the foreground again.
const lookAgain = 200 * time.Millisecond

// openInput opens the terminal's input for one session.
func (t *Terminal) openInput(ctx context.Context) (io.ReadCloser, error) {
	file, ok := t.in.(*os.File)
	if !ok {
		return t.pumpedInput(ctx), nil
	}
	wake, waker, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make pipe: %w", err)
	}
	if max(t.inFD, wake.Fd()) >= unix.FD_SETSIZE {
		return t.pumpedInput(ctx), errors.Join(wake.Close(), waker.Close())
	}
	return &selected{from: file, fd: int(t.inFD), wake: wake, waker: waker}, nil //nolint:gosec // below FD_SETSIZE
}

// Read waits for input, and returns io.EOF after Close.
func (s *selected) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.release()
	defer s.mu.Unlock()
	if s.closed.Load() {
		return 0, io.EOF
	}
	if err := s.wait(); err != nil {
		return 0, err
	}
	return s.from.Read(p)
}

// wait returns when the terminal has input, and io.EOF when the session has ended.
func (s *selected) wait() error {
	wake := int(s.wake.Fd()) //nolint:gosec // below FD_SETSIZE
	for {
		var ready unix.FdSet
		ready.Set(s.fd)
		ready.Set(wake)
		_, err := unix.Select(max(s.fd, wake)+1, &ready, nil, nil, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return fmt.Errorf("select: %w", err)
		case ready.IsSet(wake):
			return io.EOF
		case ready.IsSet(s.fd) && foreground(uintptr(s.fd)):
			return nil
		case ready.IsSet(s.fd): // This input belongs to the foreground.
			pause := unix.NsecToTimeval(int64(lookAgain))
			ready = unix.FdSet{}
			ready.Set(wake)
			_, _ = unix.Select(wake+1, &ready, nil, nil, &pause)
		}
	}
}

// Close ends a Read in progress. The terminal itself stays open.
func (s *selected) Close() error {
	var err error
	s.once.Do(func() {
		s.closed.Store(true)
		err = s.waker.Close()
		s.release()
	})
	return err
}

// release closes the read end of the pipe. Close and Read both call it; the later one closes.
func (s *selected) release() {
	if s.closed.Load() && s.mu.TryLock() {
		_ = s.wake.Close()
		s.mu.Unlock()
	}
}
