// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
)

// The types of open files. Others of the kernel's have its own names for them, such as eventfd, inotify, timerfd or io_uring.
const (
	TypeFile      = "file"
	TypeDirectory = "directory"
	TypeDevice    = "device"
	TypePipe      = "pipe"
	TypeSocket    = "socket"
	TypeMemory    = "memfd"
	TypeEpoll     = "epoll"
	TypeUnknown   = "unknown"
)

// An OpenFile is a descriptor of a process, and what it leads to.
type OpenFile struct {
	PID     int    `json:"pid"`
	Command string `json:"command"`
	FD      int    `json:"fd"`
	Type    string `json:"type"`
	// Path is where the file was opened, or the kernel's name for what has none.
	Path      string `json:"path"`
	PathBytes []byte `json:"pathBytes,omitempty"`
	// Deleted says that the file has no name any more: its bytes are there as long as it is open.
	Deleted bool `json:"deleted,omitempty"`
	// SizeBytes and HeldBytes, the space that it takes, are those of files and memory.
	SizeBytes *int64 `json:"sizeBytes,omitempty"`
	HeldBytes *int64 `json:"heldBytes,omitempty"`
	Position  *int64 `json:"position,omitempty"`
	// Access is r, w or rw.
	Access      string `json:"access"`
	Append      bool   `json:"append,omitempty"`
	NonBlocking bool   `json:"nonBlocking,omitempty"`
	// OtherPIDs are processes that have the same deleted file open, where only deleted files are listed.
	OtherPIDs []int  `json:"otherPids,omitempty"`
	Device    uint64 `json:"device,omitempty"`
	Inode     uint64 `json:"inode,omitempty"`
	// Socket is what the network's tables say of a socket; nil where none has it.
	Socket *Socket `json:"socket,omitempty"`
}

// OpenFiles are the descriptors of a process, with sockets from the tables of its network namespace.
func OpenFiles(pid int, command string, list []process.Descriptor, sockets []Socket) []OpenFile {
	byInode := map[uint64]*Socket{}
	for i := range sockets {
		if sockets[i].Inode != 0 {
			byInode[sockets[i].Inode] = &sockets[i]
		}
	}
	files := make([]OpenFile, 0, len(list))
	for i := range list {
		f := openFile(&list[i])
		f.PID, f.Command = pid, command
		if f.Type == TypeSocket {
			f.Socket = byInode[f.Inode]
		}
		files = append(files, f)
	}
	return files
}

func openFile(d *process.Descriptor) OpenFile {
	f := OpenFile{FD: d.FD, Path: d.Link, Type: typeOf(d)}
	f.Access = []string{"r", "w", "rw", ""}[d.Flags&3]
	// The flags of open(2), the same on all processors that Kubernetes has.
	f.Append, f.NonBlocking = d.Flags&0o2000 != 0, d.Flags&0o4000 != 0
	if kind, rest, ok := strings.Cut(d.Link, ":["); ok && kind == "socket" {
		// The number in the name is the one that the tables have, also where the facts are denied.
		f.Inode, _ = strconv.ParseUint(strings.TrimSuffix(rest, "]"), 10, 64)
	}
	if d.Stat != nil {
		f.Device, f.Inode = d.Stat.Dev, d.Stat.Ino
	}
	if f.Type == TypeFile || f.Type == TypeMemory {
		f.describe(d)
	}
	if !utf8.ValidString(f.Path) {
		f.PathBytes = []byte(f.Path)
	}
	return f
}

// describe fills in what only files have. What the kernel calls deleted may have another name (link(2)), or only be called so.
func (f *OpenFile) describe(d *process.Descriptor) {
	const mark = " (deleted)"
	name, marked := strings.CutSuffix(d.Link, mark)
	if f.Deleted = marked && (d.Stat == nil || d.Stat.Nlink == 0); f.Deleted {
		f.Path = name
	}
	if d.Stat != nil {
		size, held := d.Stat.Size, d.Stat.Blocks*512
		f.SizeBytes, f.HeldBytes = &size, &held
	}
	if d.Position >= 0 {
		position := d.Position
		f.Position = &position
	}
}

func typeOf(d *process.Descriptor) string {
	if kernel, ok := strings.CutPrefix(d.Link, "anon_inode:"); ok {
		kernel = strings.Trim(kernel, "[]")
		if kernel == "eventpoll" {
			return TypeEpoll
		}
		return cmp.Or(kernel, TypeUnknown)
	}
	switch {
	case strings.HasPrefix(d.Link, "socket:["):
		return TypeSocket
	case strings.HasPrefix(d.Link, "pipe:["):
		return TypePipe
	case strings.HasPrefix(d.Link, "/memfd:"):
		return TypeMemory
	case d.Stat == nil:
		return TypeUnknown
	}
	const typeBits = 0o170000
	switch d.Stat.Mode & typeBits {
	case 0o100000:
		return TypeFile
	case 0o040000:
		return TypeDirectory
	case 0o020000, 0o060000:
		return TypeDevice
	case 0o010000:
		return TypePipe
	case 0o140000:
		return TypeSocket
	}
	return TypeUnknown
}

// Deleted are the files without a name, the largest first: one for each, however many descriptors lead to it. bytes is what all of
// them take.
func Deleted(files []OpenFile) (list []OpenFile, bytes int64) {
	type inode struct{ device, number uint64 }
	at := map[inode]int{}
	for i := range files {
		f := files[i]
		if !f.Deleted || f.Type != TypeFile {
			continue
		}
		n, known := at[inode{f.Device, f.Inode}]
		switch {
		case !known || f.Inode == 0:
			at[inode{f.Device, f.Inode}] = len(list)
			list = append(list, f)
			bytes += held(&f)
		case list[n].PID != f.PID && !slices.Contains(list[n].OtherPIDs, f.PID):
			list[n].OtherPIDs = append(list[n].OtherPIDs, f.PID)
		}
	}
	slices.SortStableFunc(list, func(a, b OpenFile) int { return cmp.Compare(held(&b), held(&a)) })
	return list, bytes
}

func held(f *OpenFile) int64 {
	if f.HeldBytes == nil {
		return 0
	}
	return *f.HeldBytes
}

// A FileGroup counts open files of a process that are alike: files of one directory, connections to one peer.
type FileGroup struct {
	Count   int    `json:"count"`
	PID     int    `json:"pid"`
	Command string `json:"command"`
	Type    string `json:"type"`
	// Name is that of one, or DIRECTORY/* for several files.
	Name    string `json:"name"`
	Deleted bool   `json:"deleted,omitempty"`
	// HeldBytes is the space that the files take, each counted once.
	HeldBytes int64 `json:"heldBytes,omitempty"`
}

// GroupFiles counts open files, the most first.
func GroupFiles(files []OpenFile) []FileGroup {
	groups, at, names := []FileGroup{}, map[FileGroup]int{}, map[int]string{}
	type member struct {
		group         int
		device, inode uint64
	}
	counted := map[member]bool{}
	for i := range files {
		f := &files[i]
		key := FileGroup{PID: f.PID, Command: f.Command, Type: f.Type, Name: f.groupName(), Deleted: f.Deleted}
		n, ok := at[key]
		if !ok {
			n = len(groups)
			at[key], names[n], groups = n, f.Path, append(groups, key)
		}
		groups[n].Count++
		if key := (member{n, f.Device, f.Inode}); !counted[key] {
			counted[key] = true
			groups[n].HeldBytes += held(f)
		}
		if names[n] != f.Path {
			names[n] = ""
		}
	}
	for n := range groups {
		// One file, however often it is open, has a name of its own.
		if g := &groups[n]; names[n] != "" && g.Type == TypeFile {
			g.Name = names[n]
		}
	}
	slices.SortStableFunc(groups, func(a, b FileGroup) int { return b.Count - a.Count })
	return groups
}

func (f *OpenFile) groupName() string {
	switch {
	case f.Type == TypeFile && strings.HasPrefix(f.Path, "/"):
		return strings.TrimSuffix(path.Dir(f.Path), "/") + "/*"
	case f.Socket != nil:
		s := f.Socket
		return strings.TrimSpace(s.Protocol + " " + s.State + " " + cmp.Or(s.Peer(), s.Local()))
	case f.Type == TypeSocket, f.Type == TypePipe && strings.HasPrefix(f.Path, "pipe:"), strings.HasPrefix(f.Path, "anon_inode:"):
		return "" // each has a number of its own, or none
	}
	return f.Path
}

// A DescriptorUse says how many descriptors a process has of those that it may have.
type DescriptorUse struct {
	PID     int    `json:"pid"`
	Command string `json:"command"`
	Open    int    `json:"open"`
	// Limit is the soft limit; nil where there is none, or it is not known.
	Limit *uint64 `json:"limit,omitempty"`
}

// UseOfDescriptors reads "Max open files" of a process's limits.
func UseOfDescriptors(pid int, command string, open int, limits string) DescriptorUse {
	use := DescriptorUse{PID: pid, Command: command, Open: open}
	if limit, ok := Limits(limits)["Max open files"]; ok && limit != Unlimited {
		use.Limit = &limit
	}
	return use
}
