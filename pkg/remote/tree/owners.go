// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
)

// owners say whose the files of a stage become, and with which mode.
type owners struct {
	preserve    bool
	target      *process.Process
	user, group uint32 // the stage's own
	setgid      bool
}

// read reads the answer of verb_stage.
func (o *owners) read(b *remote.Answer) error {
	var mode uint32
	text, err := b.Field()
	if err != nil {
		return err
	}
	if _, err = fmt.Sscanf(text, "%d %d %o", &o.user, &o.group, &mode); err != nil {
		return fmt.Errorf("read answer of helper: stage %.40q", text)
	}
	o.setgid = mode&0o2000 != 0
	return nil
}

// owner is whose a file becomes: with preserve its own, else the target's, also where the helper is another user, and in a directory
// with a setgid bit that has the directory's group.
func (o *owners) owner(f transfer.File) (user, group uint32) {
	if o.preserve {
		return f.UID, f.GID
	}
	if group = o.target.EGID; o.setgid {
		group = o.group
	}
	return o.target.EUID, group
}

// owns reports whether owners have to be set: the kernel gives files that of the helper.
func (o *owners) owns() bool { return o.preserve || o.user != o.target.EUID }

// mode are the bits that a copy has in the end.
func (o *owners) mode(f transfer.File) uint32 {
	mode := uint32(f.Mode.Perm())
	if f.Mode&fs.ModeSticky != 0 {
		mode |= 0o1000
	}
	if o.preserve && f.Mode&fs.ModeSetuid != 0 {
		mode |= 0o4000
	}
	if o.preserve && f.Mode&fs.ModeSetgid != 0 || !o.preserve && o.setgid && f.Mode.IsDir() {
		mode |= 0o2000
	}
	return mode
}

// checkOwners finds the files whose owner or mode is another than it should be. busybox's tar leaves out the owners of links.
func (s *stage) checkOwners(ctx context.Context, parts []transfer.Part, errs []error) error {
	wrong, err := s.misowned(ctx, parts, errs)
	links := map[string][]string{}
	for _, i := range wrong {
		if f := parts[i].File; f.Mode.Type() == fs.ModeSymlink {
			user, group := s.owner(f)
			owner := fmt.Sprintf("%d:%d", user, group)
			links[owner] = append(links[owner], inside(f))
		}
	}
	for owner, names := range links {
		for _, batch := range rootfs.Batches(names) {
			err = errors.Join(err, s.Root.Ask(ctx, "write", s.Start, s.About("own", batch, owner), nothing))
		}
	}
	if len(links) > 0 && err == nil {
		wrong, err = s.misowned(ctx, parts, errs)
	}
	for _, i := range wrong {
		errs[i] = transfer.ErrOwner
	}
	return err
}

func (s *stage) misowned(ctx context.Context, parts []transfer.Part, errs []error) (wrong []int, err error) {
	names := make([]string, len(parts))
	for i, f := range parts {
		names[i] = inside(f.File)
	}
	facts, err := s.Facts(ctx, names)
	if err != nil {
		return nil, err
	}
	for i, f := range parts {
		st, err := remote.ParseStat(facts[names[i]].Line)
		user, group := s.owner(f.File)
		if errs[i] == nil && err == nil && (st.UID != user || st.GID != group || f.Mode.IsRegular() && st.Mode&0o7777 != s.mode(f.File)) {
			wrong = append(wrong, i)
		}
	}
	return wrong, nil
}

// inside is a path as verbs take it that begin in a stage: in what is copied, or beside that where it is no directory.
func inside(f transfer.File) string {
	if f.Path == "." && !f.Mode.IsDir() {
		return "./t"
	}
	return rootfs.Sent(f.Path)
}
