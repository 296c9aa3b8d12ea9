// SPDX-License-Identifier: Apache-2.0

package localfs

import (
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
)

func owned(root *os.Root, base string, f transfer.File) error {
	if err := root.Lchown(base, int(f.UID), int(f.GID)); err != nil {
		return fmt.Errorf("%w: %w", transfer.ErrOwner, transfer.Plain(err))
	}
	return nil
}

// seal closes a file that has its mode and time. To give them by its name later, when it is known to be right, takes twice as long.
func (p *putter) seal(i int) error {
	f := p.parts[i]
	err := p.file.Chmod(f.Mode & fs.ModePerm)
	if p.sealed[i] = err == nil && stamp(p.file, f.Mtime) == nil; err == nil {
		err = p.shut()
	}
	return err
}

// applyMetadata gives a file its owner, mode and time, in this order: a new owner clears bits of the mode.
func (s *stage) applyMetadata(root *os.Root, base string, f transfer.File) error {
	mode := f.Mode & (fs.ModePerm | fs.ModeSticky)
	var kept error
	if s.preserve {
		if !f.Mode.IsDir() {
			kept = owned(root, base, f)
		}
		if kept == nil {
			mode |= f.Mode & (fs.ModeSetuid | fs.ModeSetgid)
		}
	}
	if !f.Mode.IsDir() {
		mode &^= fs.ModeSticky
	} else if now, err := root.Lstat(base); err == nil && !s.preserve {
		mode |= now.Mode() & fs.ModeSetgid // its group is inherited
	}
	if err := root.Chmod(base, mode); err != nil {
		return err
	}
	if err := root.Chtimes(base, time.Time{}, f.Mtime); err != nil {
		return err
	}
	return kept
}
