// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// temporary is how the plugin's temporary names begin, and away how those do under which this program keeps what it took.
const (
	temporary = ".shareproc-"
	away      = "away-"
)

// interval is how many milliseconds an inotify descriptor is waited for before done is looked at.
const interval = 50

// An event is what inotify(7) says of one name.
type event struct {
	dir, name string
	mask      uint32
}

// A watcher is an inotify descriptor and the directories that it is about.
type watcher struct {
	fd   int
	dirs map[int32]string
	buf  [64 << 10]byte
}

const watched = unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_CLOSE_WRITE | unix.IN_CLOSE_NOWRITE | unix.IN_ONLYDIR

func newWatcher(dir string) (*watcher, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, err
	}
	w := &watcher{fd: fd, dirs: map[int32]string{}}
	return w, w.add(dir)
}

func (w *watcher) add(dir string) error {
	wd, err := unix.InotifyAddWatch(w.fd, dir, watched)
	if err != nil {
		return fmt.Errorf("watch %s: %w", dir, err)
	}
	w.dirs[int32(wd)] = dir
	return nil
}

// each hands over the events until done is closed.
func (w *watcher) each(done <-chan struct{}, do func(event)) error {
	for !over(done) {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLIN}}, interval)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		n, err := unix.Read(w.fd, w.buf[:])
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return err
		}
		for b := w.buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
			order := binary.NativeEndian
			wd, mask, size := int32(order.Uint32(b)), order.Uint32(b[4:]), order.Uint32(b[unsafe.Offsetof(unix.InotifyEvent{}.Len):])
			name, _, _ := bytes.Cut(b[unix.SizeofInotifyEvent:unix.SizeofInotifyEvent+size], []byte{0})
			b = b[unix.SizeofInotifyEvent+size:]
			do(event{w.dirs[wd], string(name), mask})
		}
	}
	return nil
}

// swapFile is "DIR TARGET WHEN": it puts a link to TARGET in the place of each temporary name of DIR, as soon as that is
// created, or has been written, or has been read, or in the place of what is inside a directory of such a name that it can
// enter.
func swapFile(args []string, done <-chan struct{}, out io.Writer) error {
	if len(args) != 3 {
		return errors.New("usage: swap-file DIR TARGET create|written|read|inside")
	}
	w, err := newWatcher(args[0])
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "ready")
	s := swapper{dir: args[0], target: args[1], when: args[2], out: out, watcher: w}
	return w.each(done, s.event)
}

// A swapper puts links to target in the place of what is made in dir.
type swapper struct {
	dir, target, when string
	out               io.Writer
	*watcher
}

func (s *swapper) event(e event) {
	if strings.HasPrefix(e.name, away) {
		return
	}
	path, made := filepath.Join(e.dir, e.name), e.mask&(unix.IN_CREATE|unix.IN_MOVED_TO) != 0
	switch {
	case e.dir != s.dir:
		if made || e.mask&unix.IN_ISDIR == 0 {
			s.swap(path)
		}
	case !strings.HasPrefix(e.name, temporary):
	case s.when == "inside":
		if made && e.mask&unix.IN_ISDIR != 0 {
			s.enter(path)
		}
	case made && s.when == "create", e.mask&unix.IN_CLOSE_WRITE != 0 && s.when == "written", e.mask&unix.IN_CLOSE_NOWRITE != 0 && s.when == "read":
		s.swap(path)
	}
}

// enter swaps what is in a new directory already, and what comes.
func (s *swapper) enter(path string) {
	if s.add(path) != nil {
		return
	}
	entries, _ := os.ReadDir(path)
	for _, entry := range entries {
		s.swap(filepath.Join(path, entry.Name()))
	}
}

func (s *swapper) swap(path string) {
	if info, err := os.Lstat(path); err != nil || info.Mode()&os.ModeSymlink != 0 {
		return
	}
	kept := filepath.Join(filepath.Dir(path), away+strconv.FormatUint(inode(path), 10))
	if unix.Rename(path, kept) == nil && unix.Symlink(s.target, path) == nil {
		fmt.Fprintln(s.out, "swapped", path)
	}
}

// inode tells files of one name apart.
func inode(path string) uint64 {
	var st unix.Stat_t
	_ = unix.Lstat(path, &st)
	return st.Ino
}

// watch is "DIR": it prints the names that are made there.
func watch(args []string, done <-chan struct{}, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("usage: watch DIR")
	}
	w, err := newWatcher(args[0])
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "ready")
	return w.each(done, func(e event) {
		if e.mask&unix.IN_CREATE != 0 {
			fmt.Fprintln(out, e.name)
		}
	})
}

// swapDir is "DIR NAME TARGET": it exchanges the directory NAME (or each that matches it, see filepath.Match) and a link
// to TARGET for as long as it runs.
func swapDir(args []string, done <-chan struct{}, out io.Writer) error {
	if len(args) != 3 {
		return errors.New("usage: swap-dir DIR NAME TARGET")
	}
	return exchange(args[0], args[1], done, out, func(path string) error { return unix.Symlink(args[2], path) })
}

// swapFIFO is "DIR NAME": it does that with a file and a FIFO.
func swapFIFO(args []string, done <-chan struct{}, out io.Writer) error {
	if len(args) != 2 {
		return errors.New("usage: swap-fifo DIR NAME")
	}
	return exchange(args[0], args[1], done, out, func(path string) error { return unix.Mkfifo(path, 0o666) })
}

// exchange has each of the names take turns with what create makes beside it, as fast as the kernel does that.
func exchange(dir, pattern string, done <-chan struct{}, out io.Writer, create func(path string) error) error {
	paths, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(paths) == 0 {
		return fmt.Errorf("nothing to exchange in %s: %w", dir, err)
	}
	for _, path := range paths {
		if err := create(path + ".swap"); err != nil {
			return err
		}
	}
	fmt.Fprintln(out, "ready")
	swap := func(path string) error {
		return unix.Renameat2(unix.AT_FDCWD, path, unix.AT_FDCWD, path+".swap", unix.RENAME_EXCHANGE)
	}
	n := 0
	for ; !over(done); n++ {
		if err := swap(paths[n%len(paths)]); err != nil {
			return err
		}
	}
	fmt.Fprintln(out, "swapped", n)
	return nil
}
