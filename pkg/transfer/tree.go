// SPDX-License-Identifier: Apache-2.0

// Package transfer answers "how does a tree get from here to there, whole or not at all?". Copy is the one algorithm; a
// Tree is an end of it: this machine's files (localfs), a process's root in a pod (pkg/remote/tree), a stream or an archive. It
// opens no connections, knows no pods and prints nothing.
package transfer

import (
	"context"
	"io/fs"
	"iter"
	"time"
)

// A File is what a tree says of one of its files.
type File struct {
	// Path is relative to where the listing began, "." for that itself. Separated by slashes, with any other bytes but NUL.
	Path   string
	Mode   fs.FileMode // type, permissions, setuid, setgid and sticky bits
	UID    uint32
	GID    uint32
	Size   int64 // bytes, -1: not known before the file ends, as of stdin
	Blocks int64 // of 512 bytes on the disk, -1: not known
	Mtime  time.Time
	Target string    // of a symbolic link, as it is written
	Rdev   [2]uint32 // major and minor number of a device
	// Inode is the same for all names of one file, "" where a file has one name.
	Inode string
	// State is the same exactly as long as the file is: device, inode, size, times of modification and of change.
	State string
	// Err says why this file cannot be copied (no access, a kernel file system …): it is named and left out.
	Err error
}

// A Part is a regular file from a byte on.
type Part struct {
	File
	From int64
	// To is where it ends, 0 for the end of the file. What is put always goes to that.
	To int64
	// Link is another name of the file that is in the stage already: the part is a hard link to that, without contents.
	Link string
	// Grows asks for the first Size bytes of a file that may become longer at its end.
	Grows bool
}

// End is where it ends.
func (p Part) End() int64 {
	if p.To > 0 {
		return p.To
	}
	return p.Size
}

// HasHoles reports whether the disk has less of it than it is long.
func (p Part) HasHoles() bool { return p.Blocks >= 0 && p.Blocks*512 < p.Size }

// HasContents reports whether there are any to come.
func (p Part) HasContents() bool { return p.Mode.IsRegular() && p.Link == "" }

// A Sum is about the first N bytes of a regular file.
type Sum struct {
	N    int64
	SHA1 [20]byte
	Err  error // fs.ErrNotExist, fs.ErrPermission, ErrChanged …
}

// A Receiver takes the contents of parts, named by their index.
type Receiver interface {
	// Data takes the next bytes of part i. Offsets rise; what is left out between them is a hole. p is reused.
	Data(i int, offset int64, p []byte) error
	// Done ends part i. With a nil error the file has size bytes, all of them came, and the checksum was right; otherwise
	// nothing of it counts. Parts may end in another order than they came in, and only after all of a batch has come.
	Done(i int, size int64, err error) error
}

// A Reader can be asked what there is, and for its contents. Paths are relative to where it begins.
//
// An error that IsBroken is about the connection, not about a file: the same call may succeed the next time, and the
// Reader reconnects on its own.
type Reader interface {
	// List yields "." and all that is below it, a directory before what is in it. An error ends it.
	List(ctx context.Context) iter.Seq2[File, error]
	// Sum gives the SHA-1 of the first from[i].From bytes of each file, or of all of it where From is negative.
	Sum(ctx context.Context, files []Part) ([]Sum, error)
	// Read hands the contents of files to r in order. A file that is not the one that the File describes any more ends
	// with ErrChanged, but for one that only became longer where the Part says so. An error of r ends it and is returned as it is.
	Read(ctx context.Context, files []Part, r Receiver) error
}

// A Tree is one end of a copy: a place in a file system.
type Tree interface {
	// Stat describes a path with links followed, in last place only with follow. File.Path is then physical: absolute and
	// without links. fs.ErrNotExist where the last name is not there, ErrNoDirectory where what it should be in is not.
	Stat(ctx context.Context, path string, follow bool) (File, error)
	// Open begins a Reader at a physical path, which is no link.
	Open(ctx context.Context, path string) (Reader, error)
	// Stage makes a private directory called id in a physical one, which nobody else can reach into where this end has more
	// rights than they, or takes up the one that an earlier copy left. Where that is somebody else's it makes one of another
	// name. preserve keeps owners, setuid and setgid.
	Stage(ctx context.Context, directory, id string, preserve bool) (Stage, error)
}

// A Streamer is a Tree with paths that can only be read, or written, from their beginning to their end.
type Streamer interface {
	// Stream gives a Tree for a pipe, a device or an open descriptor, nil for any other path.
	Stream(ctx context.Context, path string, write bool) (Tree, error)
}

// A Stage holds what has come until all of it is there. Its Reader's paths are those of the copy ("." is what is copied).
type Stage interface {
	Reader
	// Put adds files in the place of those there are, or goes on with one at Part.From (what is behind that is cut off). Their
	// contents come in order. Directories, symbolic and hard links
	// and devices have no contents. fill is called once at most, with the Receiver for the contents of the regular files
	// in parts. Put returns once all of it is known to be written, and has its final owner, mode and time; but directories,
	// also those that are there, are open to their owner (u+rwx) until Commit. A file that ended with an error is not there.
	// What could not be written is in the []error, by index of parts (nil: all were); the rest is there. ErrOwner there says
	// that a file is written, but its owner or its mode is another.
	Put(ctx context.Context, parts []Part, fill func(Receiver) error) ([]error, error)
	// Remove takes away files, and directories with all that is in them, which an earlier copy left.
	Remove(ctx context.Context, paths []string) error
	// Commit gives directories their final owner, mode and time, the inner ones first, and then makes each Move in its
	// order. What could not be moved is in the []error, by index of moves (nil: all were); the rest is.
	Commit(ctx context.Context, directories []File, moves []Move) ([]error, error)
	// Close takes away what was not moved, or with keep leaves it for another copy.
	Close(ctx context.Context, keep bool) error
}

// A Move is a file, or a directory with all that is in it, from the stage to its place in the stage's directory. A directory
// whose place another directory has ends with fs.ErrExist (it is then merged); else what has the place is ErrInTheWay,
// but for a file or a link, which another file or link replaces.
type Move struct {
	From string // in the stage
	To   string // below the stage's directory; the directories on the way are there, and are no links
}
