// SPDX-License-Identifier: Apache-2.0

package files

import (
	"fmt"
	"io/fs"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
)

// FileStyle is that of a file's name.
func FileStyle(kind string, mode uint32) output.Style {
	switch kind {
	case "directory":
		return output.DirectoryStyle
	case "link":
		return output.LinkStyle
	case "named pipe":
		return output.PipeStyle
	case "socket":
		return output.SocketStyle
	case "block device", "character device":
		return output.DeviceStyle
	case "file":
		if mode&0o111 != 0 {
			return output.ProgramStyle
		}
	}
	return output.Plain
}

// File is one file in "fs -o json".
type File struct {
	Name string `json:"name"`
	// NameBytes is the name in base64 where it is not UTF-8, which JSON can't hold.
	NameBytes []byte `json:"nameBytes,omitempty"`
	Type      string `json:"type"`
	// Permissions are the mode's lower twelve bits in octal.
	Permissions string    `json:"permissions"`
	UID         uint32    `json:"uid"`
	GID         uint32    `json:"gid"`
	User        string    `json:"user,omitempty"`
	Group       string    `json:"group,omitempty"`
	Links       uint64    `json:"links"`
	Size        int64     `json:"sizeBytes"`
	Mtime       time.Time `json:"modificationTime"`
	LinkTarget  string    `json:"linkTarget,omitempty"`
	// Error says why nothing more than the name is known.
	Error string `json:"error,omitempty"`
}

// NewFile describes a file by its facts.
func NewFile(name string, s *remote.Stat) File {
	out := File{Name: name}
	if !utf8.ValidString(name) {
		out.NameBytes = []byte(name)
	}
	out.Type = KindOf(s.FileMode())
	out.Permissions = fmt.Sprintf("%04o", s.Mode&0o7777)
	out.UID, out.GID, out.User, out.Group = s.UID, s.GID, s.User, s.Group
	out.Links, out.Size, out.Mtime, out.LinkTarget = s.Nlink, s.Size, s.Mtime, s.LinkTarget
	return out
}

// EntryFile describes an entry of a directory, of which perhaps nothing more than the name is known.
func EntryFile(e rootfs.Entry) File {
	if _, err := e.Info(); err != nil {
		return File{Name: e.Name(), Type: "unknown", Error: err.Error()}
	}
	return NewFile(e.Name(), e.Stat())
}

// LongRow is what "ls -l" prints of a file, in columns. The name comes last, where colors do not disturb other columns.
func LongRow(e rootfs.Entry, name string, human, colored bool) []string {
	s := e.Stat()
	name = remote.Escape(name)
	if s == nil {
		return []string{"?", "?", "?", "?", "?", "?", name}
	}
	if colored {
		name = FileStyle(KindOf(e.Type()), s.Mode).On(name)
	}
	if e.Type() == fs.ModeSymlink {
		name += " -> " + remote.Escape(s.LinkTarget)
	}
	bytes := size(s, e.Type())
	if human && e.Type()&fs.ModeDevice == 0 {
		bytes = output.HumanBytes(s.Size)
	}
	return []string{
		ModeString(s), strconv.FormatUint(s.Nlink, 10), Owner(s.User, s.UID), Owner(s.Group, s.GID), bytes,
		s.Mtime.Local().Format("2006-01-02 15:04"), name,
	}
}

// Owner is the name of a user or group, fit for a terminal, or its number.
func Owner(name string, id uint32) string {
	if name != "" {
		return remote.Escape(name)
	}
	return strconv.FormatUint(uint64(id), 10)
}

// size is in bytes; a device has its numbers instead.
func size(s *remote.Stat, t fs.FileMode) string {
	if t&fs.ModeDevice != 0 {
		return fmt.Sprintf("%d,%d", s.RdevMajor, s.RdevMinor)
	}
	return strconv.FormatInt(s.Size, 10)
}

// KindOf names a file's type.
func KindOf(mode fs.FileMode) string {
	switch mode.Type() {
	case 0:
		return "file"
	case fs.ModeDir:
		return "directory"
	case fs.ModeSymlink:
		return "link"
	case fs.ModeNamedPipe:
		return "named pipe"
	case fs.ModeSocket:
		return "socket"
	case fs.ModeDevice:
		return "block device"
	case fs.ModeDevice | fs.ModeCharDevice:
		return "character device"
	default:
		return "unknown"
	}
}

// ModeString is a mode in ls's ten letters.
func ModeString(s *remote.Stat) string {
	letters := map[string]byte{
		"file": '-', "directory": 'd', "link": 'l', "named pipe": 'p', "socket": 's', "block device": 'b', "character device": 'c',
	}
	text := []byte("?rwxrwxrwx")
	if letter, ok := letters[KindOf(s.FileMode())]; ok {
		text[0] = letter
	}
	for i := range 9 {
		if s.Mode&(1<<(8-i)) == 0 {
			text[i+1] = '-'
		}
	}
	for i, special := range []struct {
		bit         uint32
		with, alone byte
	}{{0o4000, 's', 'S'}, {0o2000, 's', 'S'}, {0o1000, 't', 'T'}} {
		if s.Mode&special.bit == 0 {
			continue
		}
		at := 3 * (i + 1)
		if text[at] == 'x' {
			text[at] = special.with
		} else {
			text[at] = special.alone
		}
	}
	return string(text)
}

// FileEntry is a line of "fs -R -o json" and "fs find -o json".
type FileEntry struct {
	output.TypeMeta
	output.PathText
	File
}

// NewFileEntry describes an entry of a tree.
func NewFileEntry(path string, e rootfs.Entry) FileEntry {
	return FileEntry{TypeMeta: output.NewTypeMeta("FileEntry"), PathText: output.NewPathText(path), File: EntryFile(e)}
}
