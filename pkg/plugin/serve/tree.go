// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"context"
	"fmt"
	"io"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
)

// A tree is what a server asks of a container's files.
type tree interface {
	Stat(ctx context.Context, path string, follow bool) (rootfs.Info, error)
	ReadDir(ctx context.Context, path string) (rootfs.Info, []rootfs.Entry, error)
	ReadRange(ctx context.Context, file rootfs.Info, from, to int64, w io.Writer) error
	Kernel(path string) bool
}

// retrying asks once more where the connection broke: the root dials again.
type retrying struct{ *rootfs.Root }

func (r retrying) Stat(ctx context.Context, path string, follow bool) (rootfs.Info, error) {
	info, err := r.Root.Stat(ctx, path, follow)
	if transfer.IsBroken(err) {
		info, err = r.Root.Stat(ctx, path, follow)
	}
	return info, err
}

func (r retrying) ReadDir(ctx context.Context, path string) (rootfs.Info, []rootfs.Entry, error) {
	info, entries, err := r.Root.ReadDir(ctx, path)
	if transfer.IsBroken(err) {
		info, entries, err = r.Root.ReadDir(ctx, path)
	}
	return info, entries, err
}

// A window is how much of a file is asked for at once. It begins small, since who asks for a range often wants no more.
const (
	firstWindow = 256 << 10
	lastWindow  = 4 << 20
)

// A content is a file that comes window by window: each is whole and checked before a byte of it goes on, and no request holds
// more than one.
type content struct {
	ctx    context.Context //nolint:containedctx // io.Reader has no place for it
	tree   tree
	file   rootfs.Info
	at     int64
	held   window
	step   int64
	failed error
}

// A window is a part of a file.
type window struct {
	from  int64
	bytes []byte
}

// Write takes what comes.
func (w *window) Write(p []byte) (int, error) {
	w.bytes = append(w.bytes, p...)
	return len(p), nil
}

// Seek goes to an offset.
func (c *content) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += c.at
	case io.SeekEnd:
		offset += c.file.Size
	}
	if offset < 0 {
		return 0, fmt.Errorf("seek to %d", offset)
	}
	c.at = offset
	return offset, nil
}

// Read gives what is held, and asks for the next window where that is not it.
func (c *content) Read(p []byte) (int, error) {
	if c.at >= c.file.Size {
		return 0, io.EOF
	}
	if c.at < c.held.from || c.at >= c.held.from+int64(len(c.held.bytes)) {
		if err := c.fetch(); err != nil {
			c.failed = err
			return 0, err
		}
	}
	n := copy(p, c.held.bytes[c.at-c.held.from:])
	c.at += int64(n)
	return n, nil
}

func (c *content) fetch() error {
	c.step = min(max(c.step*2, firstWindow), lastWindow)
	to := min(c.at+c.step, c.file.Size)
	for attempt := 1; ; attempt++ {
		c.held.from, c.held.bytes = c.at, c.held.bytes[:0]
		err := c.tree.ReadRange(c.ctx, c.file, c.at, to, &c.held)
		switch {
		case transfer.IsBroken(err) && attempt == 1:
			continue
		case err == nil && int64(len(c.held.bytes)) != to-c.at:
			err = io.ErrUnexpectedEOF
		}
		return err
	}
}
