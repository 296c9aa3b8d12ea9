// SPDX-License-Identifier: Apache-2.0

// Package local is where what was copied goes on this machine: below one folder, whatever the target says, and
// visible under its name only once it is whole. It knows nothing of pods.
package local

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/procfs"
)

// Options of a Tree.
type Options struct {
	// Preserve keeps owners and the setuid and setgid bits too.
	Preserve bool
	// Report is told what is not copied, or not as it is.
	Report func(name string, err error)
	// Progress is told of every so many bytes; of a negative number where they have to come again.
	Progress func(n int64)
	// Resume goes on with what an earlier Tree of the same destination has left, and leaves what is not finished.
	Resume bool
	// Follow sends what links lead to.
	Follow bool
}

// ErrKind says that a file is of a kind that is not made here.
var ErrKind = errors.New("is neither file, directory nor link: left out")

// ErrInTheWay says that something else has the name.
var ErrInTheWay = errors.New("something of another kind is in its place")

// errName says that this system has no such name.
var errName = errors.New("not a name on this system")

// A Tree takes one file or directory: it is a procfs.Sink. What is new comes under a name beside its own and is
// renamed by Finish. What goes into a directory that exists already is renamed file by file.
type Tree struct {
	Options
	base   string
	parent *os.Root // of what was asked for
	root   *os.Root // where names begin: the directory itself, or parent for a file
	temp   string   // in parent, "" where nothing is to be renamed
	file   bool
	folder *folder // the one used last
	dirs   []dir
	known  map[string]bool      // directories that are no links
	inodes map[[2]uint64]string // of files with several names
	open   map[*content]bool
	// Names that came, where what an earlier run left may have others.
	came map[string]bool
}

// A dir gets its mode and time last, since what is put into it changes them.
type dir struct {
	name string
	stat *procfs.Stat
}

// A folder is an open directory, as long as somebody uses it: finding it again by its whole path takes longer than
// writing a small file.
type folder struct {
	*os.Root
	name  string
	users int
}

func (f *folder) leave() {
	if f == nil {
		return
	}
	if f.users--; f.users == 0 {
		_ = f.Close()
	}
}

// NewTree prepares for a file or directory that is to be at dest. Its folder has to exist.
func NewTree(dest string, o Options) (*Tree, error) {
	parent, err := os.OpenRoot(filepath.Dir(dest))
	if err != nil {
		return nil, err
	}
	return &Tree{
		Options: o, base: filepath.Base(dest), parent: parent, known: map[string]bool{"": true},
		inodes: map[[2]uint64]string{}, open: map[*content]bool{},
	}, nil
}

// tempName is short, since the name that it stands for may be as long as names can be.
func tempName() string { return ".shareproc-" + rand.Text()[:16] }

// Begin opens or makes the directory.
func (t *Tree) Begin(found procfs.Found) error {
	if !found.Info.IsDir() {
		t.file, t.root = true, t.parent
		return free(t.parent, t.base)
	}
	info, err := t.parent.Lstat(t.base)
	switch {
	case err == nil && info.IsDir():
		t.root, err = t.parent.OpenRoot(t.base)
		return err
	case err == nil:
		return &fs.PathError{Op: "write", Path: t.base, Err: ErrInTheWay}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	t.temp = tempName()
	if t.Resume {
		t.temp, t.came = partialName(t.base), map[string]bool{}
	}
	if err := t.parent.Mkdir(t.temp, 0o700); err != nil && (!t.Resume || !errors.Is(err, fs.ErrExist)) {
		return err
	}
	if info, err := t.parent.Lstat(t.temp); err != nil || !info.IsDir() {
		return errors.Join(err, &fs.PathError{Op: "write", Path: t.temp, Err: ErrInTheWay})
	}
	t.root, err = t.parent.OpenRoot(t.temp)
	return err
}

// Failed reports.
func (t *Tree) Failed(name string, err error) { t.Report(name, err) }

// fresh says that nothing was there before and nobody sees what is made.
func (t *Tree) fresh() bool { return t.temp != "" && !t.Resume }

// note remembers that a name belongs to the tree.
func (t *Tree) note(name string) {
	if t.came != nil {
		t.came[name] = true
	}
}

// in opens the folder of a name, for one more user. It makes what is missing, and goes through no link.
func (t *Tree) in(name string) (*folder, string, error) {
	where, base := path.Split(name)
	from, where := t.root, strings.TrimSuffix(where, "/")
	if t.file {
		base = t.base
	}
	if t.folder == nil || t.folder.name != where {
		if err := t.mkdirAll(where); err != nil {
			return nil, "", err
		}
		root, err := from.OpenRoot(filepath.FromSlash(cmp.Or(where, ".")))
		if err != nil {
			return nil, "", err
		}
		t.folder.leave()
		t.folder = &folder{root, where, 1}
	}
	t.folder.users++
	return t.folder, base, nil
}

func (t *Tree) mkdirAll(name string) error {
	if t.known[name] {
		return nil
	}
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		if err := t.mkdirAll(name[:i]); err != nil {
			return err
		}
	}
	local := filepath.FromSlash(name)
	err := t.root.Mkdir(local, 0o700)
	if errors.Is(err, fs.ErrExist) && !t.fresh() {
		var info fs.FileInfo
		if info, err = t.root.Lstat(local); err == nil && !info.IsDir() {
			err = &fs.PathError{Op: "write", Path: name, Err: ErrInTheWay}
		}
	}
	if err == nil {
		t.known[name] = true
	}
	return err
}

// Entry makes a directory or a link.
func (t *Tree) Entry(name string, s *procfs.Stat) error {
	mode := s.FileMode()
	if name != "" && !possible(name) {
		t.Report(name, errName)
		return nil
	}
	t.note(name)
	var err error
	switch {
	case mode.IsDir():
		if err = t.mkdirAll(name); err == nil {
			t.dirs = append(t.dirs, dir{name, s})
		}
	case mode&fs.ModeSymlink != 0:
		err = t.link(name, s)
	default:
		err = ErrKind
	}
	return t.settle(name, err)
}

// settle reports what concerns one file only, and returns what concerns all.
func (t *Tree) settle(name string, err error) error {
	for _, own := range []error{ErrKind, ErrInTheWay, fs.ErrExist, fs.ErrInvalid, fs.ErrNotExist, syscall.ENAMETOOLONG, syscall.EILSEQ, syscall.ENOTDIR, syscall.EISDIR} {
		if errors.Is(err, own) {
			t.Report(name, err)
			return nil
		}
	}
	return err
}

func (t *Tree) link(name string, s *procfs.Stat) error {
	root, base, err := t.in(name)
	if err != nil {
		return err
	}
	defer root.leave()
	made := base
	if !t.fresh() {
		if err := free(root.Root, base); err != nil {
			return err
		}
		made = tempName()
	}
	if err := root.Symlink(s.LinkTarget, made); err != nil {
		return err
	}
	if t.Preserve {
		if err := root.Lchown(made, int(s.UID), int(s.GID)); err != nil {
			t.Report(name, err)
		}
	}
	if made == base {
		return nil
	}
	return replace(root.Root, made, base)
}

// free refuses what is neither file nor link: to put a file in the place of /dev/null would be no copy.
func free(root *os.Root, name string) error {
	info, err := root.Lstat(name)
	if err == nil && !info.Mode().IsRegular() && info.Mode()&fs.ModeSymlink == 0 {
		return &fs.PathError{Op: "write", Path: name, Err: ErrInTheWay}
	}
	return nil
}

// replace renames, and leaves nothing where it cannot.
func replace(root *os.Root, from, to string) error {
	err := root.Rename(from, to)
	if err != nil {
		_ = root.Remove(from)
	}
	return err
}

// dress gives a file or directory what is known of it. Its owner comes first, since that clears bits of the mode.
func (t *Tree) dress(root *os.Root, made, name string, s *procfs.Stat) error {
	mode := s.FileMode().Perm() | s.FileMode()&fs.ModeSticky
	if t.Preserve {
		if err := root.Lchown(made, int(s.UID), int(s.GID)); err != nil {
			t.Report(name, fmt.Errorf("owner not kept: %w", err))
		} else {
			mode |= s.FileMode() & (fs.ModeSetuid | fs.ModeSetgid)
		}
	}
	if !s.FileMode().IsDir() {
		mode &^= fs.ModeSticky
	}
	if err := root.Chmod(made, mode); err != nil {
		return err
	}
	return root.Chtimes(made, time.Time{}, s.Mtime)
}

// Finish makes what was copied visible.
func (t *Tree) Finish() error {
	if t.root == nil || t.file {
		return nil
	}
	t.folder.leave()
	t.folder = nil
	if err := t.sweep(); err != nil {
		return err
	}
	for _, d := range slices.Backward(t.dirs) {
		made := filepath.FromSlash(d.name)
		if made == "" {
			made = "."
		}
		if err := t.settle(d.name, t.dress(t.root, made, d.name, d.stat)); err != nil {
			return err
		}
	}
	if t.temp == "" {
		return nil
	}
	if err := t.parent.Rename(t.temp, t.base); err != nil {
		return err
	}
	t.temp = ""
	return nil
}

// Close takes away what is not finished.
func (t *Tree) Close() error {
	var errs []error
	for c := range t.open {
		if t.Resume && c.suspended {
			c.forget()
		} else {
			c.Abort()
		}
	}
	t.folder.leave()
	t.folder = nil
	if t.root != nil && t.root != t.parent {
		errs = append(errs, t.root.Close())
	}
	if t.temp != "" && !t.Resume {
		errs = append(errs, t.parent.RemoveAll(t.temp))
	}
	return errors.Join(append(errs, t.parent.Close())...)
}
