// SPDX-License-Identifier: Apache-2.0

package procfs

import "io"

// A Sink takes what Pull copies. Names are relative, separated by slashes, with any bytes but NUL; "" is the file or
// directory that was asked for. An error of a Sink ends Pull.
type Sink interface {
	// Begin is called once, before everything else.
	Begin(Found) error
	// Entry takes what has no content. A directory comes before what is in it, but a file may come without any.
	Entry(name string, s *Stat) error
	// Create takes a regular file. A nil Content leaves it out; it may come again after Abort.
	Create(name string, s *Stat) (Content, error)
	// Failed is told what is not copied, or not as it is: the rest goes on.
	Failed(name string, err error)
}

// A Keeper is a Sink that may have something of an earlier Pull.
type Keeper interface {
	Sink
	// Have opens what there is of a file with these facts, whole at its place (with the same length and time) or in part;
	// nil is nothing.
	Have(name string, s *Stat) (r io.ReadCloser, whole bool, err error)
	// Kept is told of a file that was there whole: it does not come.
	Kept(name string, s *Stat) error
}

// A Content is a regular file on its way.
type Content interface {
	io.Writer
	// Skip stands for so many zeros.
	Skip(n int64) error
	// Commit is called when all of it has come and is known to be right.
	Commit() error
	// Abort is called instead where it is not.
	Abort()
}

// A Resumable is a Content that can be laid down and taken up again.
type Resumable interface {
	Content
	// Suspend is called where the stream broke. Rewind, Commit or Abort come later, or nothing does.
	Suspend()
	// Rewind says how many bytes are right and stay. The next come behind them.
	Rewind(n int64) error
}
