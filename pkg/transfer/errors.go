// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// What a copy, or a file of it, ends with, beside fs.ErrNotExist, fs.ErrPermission and the like.
var (
	ErrChanged      = errors.New("changed while it was read")
	ErrDamaged      = errors.New("checksum mismatch: data was corrupted in transit")
	ErrKind         = errors.New("is not a file, directory or link")
	ErrInTheWay     = errors.New("destination exists and is of another type")
	ErrDangling     = errors.New("destination is a dangling link")
	ErrNotDirectory = errors.New("not a directory")
	ErrIsDirectory  = errors.New("is a directory")
	ErrNoDirectory  = errors.New("parent directory does not exist")
	ErrLoop         = errors.New("link loop: it points to a directory that contains it")
	ErrName         = errors.New("name not allowed by the file system")
	ErrClash        = errors.New("another file has that name on this file system")
	ErrOwner        = errors.New("cannot keep its owner and mode")
	ErrLess         = errors.New("it grows, and the destination is longer than the part that was read")
	ErrSame         = errors.New("source and destination are the same, or one contains the other")
	ErrOnce         = errors.New("a stream cannot be rewound")
)

// IsBroken reports whether an error says that a connection failed, and nothing of what was asked: asking again may help. Such
// an error has a method Broken. What a cluster or a target refuses is not broken.
func IsBroken(err error) bool {
	var b interface{ Broken() bool }
	return errors.As(err, &b) && b.Broken()
}

// IsStalled reports whether a broken connection is one on which nothing came back for long. Such an error has a method Stalled.
func IsStalled(err error) bool {
	var s interface{ Stalled() bool }
	return errors.As(err, &s) && s.Stalled()
}

// closeTime bounds how long a copy that has ended takes to clean up.
const closeTime = 10 * time.Second

// DefaultPauses are the times to wait before a copy goes on over a new connection.
func DefaultPauses() []time.Duration {
	return []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}
}

// Bound is the longest time that a copy spends without a byte of it moving. Each of its attempts ends when a line is silent
// for so long, there is one more attempt than pauses, and then it cleans up. Attempts are counted over the whole copy, so
// that this holds for all of it together. A line that is always silent costs less, since each silence counts twice.
func Bound(silence time.Duration, pauses []time.Duration) time.Duration {
	total := silence + closeTime
	for _, p := range pauses {
		total += p + silence
	}
	return total
}

// Plain is an error without the path that it comes with, for who names another one.
func Plain(err error) error {
	switch e := err.(type) { //nolint:errorlint // one that is wrapped says more than its cause
	case *fs.PathError:
		return e.Err
	case *os.LinkError:
		return e.Err
	}
	return err
}

// mostHoles is how many bytes of holes are looked through: to read a terabyte of zeros keeps a node busy for an hour.
const mostHoles = 256 << 30

// A SparseError says that a file is left out since nearly all of it is holes.
type SparseError struct{ Size, Stored int64 }

// Error gives the numbers.
func (e *SparseError) Error() string {
	return fmt.Sprintf("is sparse: %d of its %d bytes are stored, and its holes would be read for hours", e.Stored, e.Size)
}

// Sparse is a SparseError where a file of that size, in blocks of 512 bytes, has too many holes.
func Sparse(size, blocks int64) error {
	if blocks < 0 || size-blocks*512 <= mostHoles {
		return nil
	}
	return &SparseError{Size: size, Stored: blocks * 512}
}

// A GrownError says that a file became longer while it was copied: what was copied is all that it had at a time.
type GrownError struct {
	At   time.Time // when it was changed last
	Size int64
}

// Error says what there is.
func (e *GrownError) Error() string {
	return fmt.Sprintf("it grew; copied its first %d bytes, as of %s", e.Size, e.At.Local().Format(time.TimeOnly))
}

// A kindError is an ErrKind that names the kind.
type kindError fs.FileMode

func (k kindError) Error() string {
	switch mode := fs.FileMode(k); {
	case mode&fs.ModeSocket != 0:
		return "is a socket"
	case mode&fs.ModeNamedPipe != 0:
		return "is a named pipe"
	case mode&fs.ModeDevice != 0:
		return "is a device"
	}
	return ErrKind.Error()
}

// Is makes it an ErrKind.
func (k kindError) Is(target error) bool { return target == ErrKind }
