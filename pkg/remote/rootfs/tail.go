// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// TailOptions say what Tail gives.
type TailOptions struct {
	Lines int
	// Follow goes on with what is appended, until ctx is done. The file is the one that was opened, whatever its name comes to
	// mean; with ByName also the one that has its name then.
	Follow, ByName bool
	// Event hears what becomes of a file that is followed.
	Event func(TailEvent)
}

// A TailEvent is what has become of a file.
type TailEvent string

// What may become of it.
const (
	FileCut   TailEvent = "cut"   // it is shorter than it was, and read from its beginning
	FileGone  TailEvent = "gone"  // no file has its name any more
	FileOther TailEvent = "other" // another file has its name
)

// Tail gives the last lines of a regular file. Otherwise it is Read.
func Tail(ctx context.Context, r *Root, name string, o TailOptions, open func(Info) (io.Writer, error)) (Info, error) {
	var info Info
	follow := ""
	if o.Follow {
		follow = "file"
	}
	if o.ByName {
		follow = "name"
	}
	q := remote.Request{Verb: "tail", Args: []string{name, "", "", strconv.Itoa(max(o.Lines, 0)), follow}}
	err := r.Ask(ctx, "open", name, q, func(b *remote.Answer) error {
		var err error
		if info, err = r.readBegin(b); err != nil {
			return err
		}
		out, err := open(info)
		if err != nil {
			return Called(err)
		}
		return readTail(b, out, o.Event)
	})
	return info, err
}

// readTail reads parts and events up to the end.
func readTail(b *remote.Answer, out io.Writer, event func(TailEvent)) error {
	for {
		if _, err := b.Peek(1); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		field, err := b.Until("\n")
		if err != nil {
			return err
		}
		switch known := TailEvent(field); {
		case field == "+":
			own := &callerWriter{w: out}
			if _, err = io.Copy(own, b.Contents()); own.err != nil {
				return Called(own.err)
			} else if err != nil {
				return err
			}
			if err := b.Expect("\n"); err != nil {
				return err
			}
		case known == FileCut, known == FileGone, known == FileOther:
			if event != nil {
				event(known)
			}
		default:
			return fmt.Errorf("read answer of helper: %.40q of a file that is followed", field)
		}
	}
}

// A callerWriter keeps the first error of the caller's own writer, which is not about the file.
type callerWriter struct {
	w   io.Writer
	err error
}

func (c *callerWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	if c.err == nil {
		c.err = err
	}
	return n, err
}
