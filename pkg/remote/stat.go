// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// Stat is what lstat(2) tells about a file of the target, and what only the target knows about it. It is the Sys()
// of every fs.FileInfo of this package.
type Stat struct {
	Mode       uint32    `json:"mode"` // st_mode as the kernel has it, type bits included
	UID        uint32    `json:"uid"`
	GID        uint32    `json:"gid"`
	User       string    `json:"user,omitempty"`  // from the target's own /etc/passwd, where that was read
	Group      string    `json:"group,omitempty"` // from the target's own /etc/group, where that was read
	Nlink      uint64    `json:"nlink"`
	Ino        uint64    `json:"ino"`
	Dev        uint64    `json:"dev"`
	RdevMajor  uint32    `json:"rdevMajor"` // of devices
	RdevMinor  uint32    `json:"rdevMinor"`
	Size       int64     `json:"size"`   // bytes; files below /proc and /sys say 0 or 4096 whatever they hold
	Blocks     int64     `json:"blocks"` // of 512 bytes on the disk
	Mtime      time.Time `json:"mtime"`
	LinkTarget string    `json:"linkTarget,omitempty"` // of symbolic links, as it is written

	// State is the same exactly as long as the file is: it has the time of change, which nobody can set.
	State string `json:"-"`
}

// Same reports whether other is of the same file, to which nothing has been done in between.
func (s *Stat) Same(other *Stat) bool { return s.State == other.State }

// GrewFrom reports whether a file is the one with a state before, and at least so long.
func (s *Stat) GrewFrom(before string, size int64) bool {
	is, _, _ := strings.Cut(s.State, " ")
	was, _, _ := strings.Cut(before, " ")
	return is == was && s.Size >= size
}

// Changed is the time of the last change of the file or of its facts (ctime), which nobody can set; zero where it is not known.
// It is read when it is asked for, so that a walk pays for nothing.
func (s *Stat) Changed() time.Time {
	// The state ends with DATE TIME ZONE; some builds have no fraction.
	f := strings.Fields(s.State)
	if len(f) < 3 {
		return time.Time{}
	}
	t, err := time.Parse("2006-01-02 15:04:05.999999999 -0700", strings.Join(f[len(f)-3:], " "))
	if err != nil {
		return time.Time{}
	}
	return t
}

// FileMode is Mode in Go's words.
func (s *Stat) FileMode() fs.FileMode {
	mode := fs.FileMode(s.Mode & 0o777)
	switch s.Mode & 0o170000 {
	case 0o040000:
		mode |= fs.ModeDir
	case 0o120000:
		mode |= fs.ModeSymlink
	case 0o010000:
		mode |= fs.ModeNamedPipe
	case 0o140000:
		mode |= fs.ModeSocket
	case 0o060000:
		mode |= fs.ModeDevice
	case 0o020000:
		mode |= fs.ModeDevice | fs.ModeCharDevice
	case 0o100000:
	default:
		mode |= fs.ModeIrregular
	}
	for bit, flag := range map[uint32]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if s.Mode&bit != 0 {
			mode |= flag
		}
	}
	return mode
}

// ParseStat reads a line of the program's format: BLOCKS DEV:INO MODE SIZE UID GID NLINK MAJOR:MINOR SECONDS DATE TIME ZONE, and the
// date of change; mode and device Numbers in hexadecimal. Only the fraction of TIME is used; some builds have none.
func ParseStat(line string) (*Stat, error) {
	var words [12]string
	f := words[:0]
	for word := range strings.FieldsSeq(line) {
		if len(f) == len(words) {
			break
		}
		f = append(f, word)
	}
	if len(f) < len(words) {
		return nil, fmt.Errorf("read facts %.200q: %d fields", line, len(f))
	}
	var p Numbers
	dev, ino, _ := strings.Cut(f[1], ":")
	major, minor, _ := strings.Cut(f[7], ":")
	s := &Stat{
		Dev: p.Unsigned(dev, 10, 64), Ino: p.Unsigned(ino, 10, 64),
		Mode: uint32(p.Unsigned(f[2], 16, 32)), Size: int64(p.Unsigned(f[3], 10, 63)),
		UID: uint32(p.Unsigned(f[4], 10, 32)), GID: uint32(p.Unsigned(f[5], 10, 32)),
		Nlink:     p.Unsigned(f[6], 10, 64),
		RdevMajor: uint32(p.Unsigned(major, 16, 32)), RdevMinor: uint32(p.Unsigned(minor, 16, 32)),
		Blocks: int64(p.Unsigned(f[0], 10, 63)), State: StateOf(line),
	}
	var nanos int64
	if _, fraction, ok := strings.Cut(f[10], "."); ok && len(fraction) == 9 {
		nanos = int64(p.Unsigned(fraction, 10, 32))
	}
	s.Mtime = time.Unix(p.Signed(f[8]), nanos)
	if p.Err != nil {
		return nil, fmt.Errorf("read facts %.200q: %w", line, p.Err)
	}
	return s, nil
}

// StateOf is DEV:INO MODE SIZE SECONDS and the date of change out of a line: what changes whenever anything of a file does, as the
// program says it of many files ($same). The number of blocks changes when a file system has time to.
func StateOf(line string) string {
	var words [15]string
	f := words[:0]
	for word := range strings.FieldsSeq(line) {
		if len(f) == len(words) {
			break
		}
		f = append(f, word)
	}
	if len(f) < 12 {
		return line
	}
	return strings.Join(append(f[1:4], f[8], f[len(f)-3], f[len(f)-2], f[len(f)-1]), " ")
}
