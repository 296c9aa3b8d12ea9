// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
)

// Read is transfer's. Small files share requests, since one costs more than what is in them.
func (r *reader) Read(ctx context.Context, files []transfer.Part, to transfer.Receiver) error {
	for i := 0; i < len(files); {
		n := i
		// After one file blocked, each file is checked alone, right before it is opened.
		for n < len(files) && n-i < rootfs.MaxBatch && shares(files[n]) && !r.Root.Conn().Stuck() {
			n++
		}
		var err error
		if n-i > 1 {
			err = r.readMany(ctx, files[i:n], &offsetReceiver{to, i})
		} else {
			n = i + 1
			err = r.readOne(ctx, files[i], &offsetReceiver{to, i})
		}
		if err != nil {
			return err
		}
		i = n
	}
	return nil
}

// shares reports whether a file can be read together with others.
func shares(f transfer.Part) bool {
	return f.From == 0 && f.Size >= 0 && !f.Grows && f.Size < 1<<20 && !strings.Contains(f.Path, "\n") && f.Path != "."
}

// An offsetReceiver is for a part of the files that were asked for.
type offsetReceiver struct {
	transfer.Receiver
	first int
}

func (o *offsetReceiver) Data(i int, offset int64, p []byte) error {
	return rootfs.Called(o.Receiver.Data(o.first+i, offset, p))
}

func (o *offsetReceiver) Done(i int, size int64, err error) error {
	return rootfs.Called(o.Receiver.Done(o.first+i, size, translated(err)))
}

// readOne reads one file from a byte on. Whether a large one comes packed is decided behind its beginning.
func (r *reader) readOne(ctx context.Context, f transfer.Part, to *offsetReceiver) error {
	down, word := &r.packings.down, ""
	if f.Size >= 0 && !r.Root.Kernel(path.Join(r.Start, f.Path)) {
		word = down.word(large(f))
	}
	until := word
	if f.To > 0 && word != probeEnd() {
		until += strconv.FormatInt(f.To, 10)
	}
	var size, end int64
	err := r.ReadFrom(ctx, rootfs.Sent(f.Path), f.From, until, func(i rootfs.Info) error {
		same := i.State == f.State || f.Grows && i.GrewFrom(f.State, f.Size)
		if size = i.Size; f.Size >= 0 && !same {
			return &fs.PathError{Op: "copy", Path: i.Path, Err: remote.ErrChanged}
		}
		return nil
	}, func(offset int64, p []byte) error {
		end = offset + int64(len(p))
		down.saw(p)
		return to.Data(0, offset, p)
	})
	if rest, again := down.again(f, word, end, err); again {
		return r.readOne(ctx, rest, to)
	}
	if f.Size < 0 {
		size = end
	}
	if f.Grows && errors.Is(err, remote.ErrChanged) && end >= f.Size {
		err = nil // whether it only grew is for who compares both ends afterwards
	}
	own, other := rootfs.Cause(ctx, err)
	if other != nil {
		return uncalled(other)
	}
	return uncalled(to.Done(0, size, own))
}

// uncalled is an error of a receiver as it was given.
func uncalled(err error) error {
	if own := rootfs.CallerError(err); own != nil {
		return own
	}
	return err
}

// readMany reads files one behind the other. Where one is not as it was all of them end with ErrChanged.
func (r *reader) readMany(ctx context.Context, files []transfer.Part, to *offsetReceiver) error {
	names := make([]string, len(files))
	states := make(map[string]string, len(files))
	for i, f := range files {
		names[i] = rootfs.Sent(f.Path)
		states[names[i]] = f.State
	}
	down := &r.packings.down
	split := &splitter{files: files, to: to}
	err := r.ReadMany(ctx, names, states, down.word(false) != "", func(p []byte) error {
		down.saw(p)
		return split.write(p)
	})
	if _, again := down.again(transfer.Part{}, "", 0, err); again {
		return r.readMany(ctx, files, to)
	}
	own, other := rootfs.Cause(ctx, err)
	if other != nil {
		return uncalled(other)
	}
	if own != nil {
		own = remote.ErrChanged // which of them it is shows when they are read in smaller batches
	}
	for i, f := range files {
		if err := to.Done(i, f.Size, own); err != nil {
			return uncalled(err)
		}
	}
	return nil
}

// A splitter hands bytes to files by their lengths.
type splitter struct {
	files []transfer.Part
	to    *offsetReceiver
	i     int
	at    int64
}

func (s *splitter) write(p []byte) error {
	for len(p) > 0 {
		for s.i < len(s.files) && s.at == s.files[s.i].Size {
			s.i, s.at = s.i+1, 0
		}
		if s.i == len(s.files) {
			return nil // the facts, or the sum, are not right then
		}
		n := min(int64(len(p)), s.files[s.i].Size-s.at)
		if err := s.to.Data(s.i, s.at, p[:n]); err != nil {
			return err
		}
		s.at, p = s.at+n, p[n:]
	}
	return nil
}
