// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
)

// Opened is what is known of a root since it was opened: whose it is, and what is mounted there.
type Opened struct {
	// Process is the one whose root this is: PID, Name, State, UID, GID, StartTicks.
	Process process.Process
	// Denied are processes of the container that were tried before it and denied their root.
	Denied []int
	// Partial says that the process has changed its root (chroot): it is a part of the container's, or another one.
	Partial bool
	// Mounts are those that the process sees.
	Mounts process.Mounts

	users, groups map[uint32]string // of the target's own passwd and group
}

// read reads the answer of verb_open.
func (o *Opened) read(b *remote.Answer) error {
	var pid, denied, stat, status, owner, mountinfo, passwd, group string
	if err := b.Fields(&pid, &denied, &stat, &status, &owner); err != nil {
		return err
	}
	var p process.Process
	var err error
	if p.PID, err = remote.Number(pid); err != nil {
		return err
	}
	o.Denied = nil
	for _, word := range strings.Fields(denied) {
		n, err := remote.Number(word)
		if err != nil {
			return err
		}
		o.Denied = append(o.Denied, n)
	}
	if err := process.ParseStat(&p, stat); err != nil {
		return err
	}
	if err := process.ParseStatus(&p, status); err != nil {
		return err
	}
	if uid, err := strconv.ParseUint(strings.TrimSpace(owner), 10, 32); err == nil {
		p.Undumpable = uint32(uid) != p.EUID
	}
	o.Process = p
	if err := b.Fields(&mountinfo, &passwd, &group); err != nil {
		return err
	}
	o.Mounts, o.users, o.groups = process.ParseMounts(mountinfo), process.ParseNames(passwd), process.ParseNames(group)
	o.Partial = len(o.Mounts) > 0 && !o.Mounts.Has("/proc") // each runtime mounts it
	return nil
}

// accessError says that the process denied its root.
func (o *Opened) accessError() error {
	p, tried := o.Process, o.Denied
	if !slices.Contains(tried, p.PID) {
		tried = append(tried, p.PID)
	}
	return &AccessError{PID: p.PID, Name: p.Name, UID: p.UID, GID: p.GID, State: p.State, Tried: tried, Undumpable: p.Undumpable}
}

// Kernel reports whether the file is one that the kernel makes up.
func (o *Opened) Kernel(path string) bool { return o.Mounts.Kernel(path) }

// Replaceable says why another file could not take the place of the one at a physical path, as far as that can be known without
// writing: ErrReadOnly, ErrMounted, ErrDirectoryClosed, or nil.
func (o *Opened) Replaceable(i Info) error {
	switch {
	case o.Mounts.Of(i.Path).ReadOnly:
		return remote.ErrReadOnly
	case o.Mounts.IsPoint(i.Path):
		return remote.ErrMounted
	case !i.Writable:
		return remote.ErrDirectoryClosed
	}
	return nil
}

// readBegin reads the path and the facts in front of an answer about one file.
func (o *Opened) readBegin(b *remote.Answer) (Info, error) {
	var info Info
	var line string
	if err := b.Fields(&info.Path, &line); err != nil {
		return info, err
	}
	var err error
	if info.Stat, err = remote.ParseStat(line); err != nil {
		return info, err
	}
	o.name(info.Stat)
	return info, nil
}

// name fills in the owner's names.
func (o *Opened) name(s *remote.Stat) { s.User, s.Group = o.users[s.UID], o.groups[s.GID] }
