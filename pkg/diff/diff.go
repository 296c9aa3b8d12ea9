// SPDX-License-Identifier: Apache-2.0

// Package diff answers "what differs?": out of two listings of files it makes the differences between them. It reads
// nothing and prints nothing; whose files they are, and how their bytes are compared, is the caller's.
package diff

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// A File is what a listing knows of a file.
type File struct {
	Mode     fs.FileMode // type and permissions; the three special bits are Go's
	Size     int64       // bytes
	Mtime    time.Time
	UID, GID uint32
	Target   string // of a link, as it is written
	Device   string // a device's numbers, "" where they are not known
	// Unknown says that the name is there, and nothing else is known of it.
	Unknown bool
}

// A Listing is a file, or a directory with all that is below it, by relative path with slashes. "." is the start.
type Listing struct {
	Files map[string]File
	// Closed are directories that could not be read: what is in them is not known.
	Closed map[string]bool
}

// NewListing returns an empty Listing.
func NewListing() Listing { return Listing{map[string]File{}, map[string]bool{}} }

// A Change says what became of a path from the first listing to the second.
type Change string

// The three of them.
const (
	Added   Change = "added"
	Removed Change = "removed"
	Changed Change = "changed"
)

// A Field is what differs in a changed file.
type Field string

// The fields, in the order in which they are given. Another size is another content too.
const (
	Type    Field = "type"
	Content Field = "content"
	Size    Field = "size"
	Target  Field = "target"
	Device  Field = "device"
	Mode    Field = "mode"
	Owner   Field = "owner"
)

// A Difference is one path that is not the same in both. A or B is nil where there is none.
type Difference struct {
	Path   string
	Change Change
	Fields []Field // of what changed
	A, B   *File
}

// Options say what counts. Times never do.
type Options struct {
	Owners bool
	Modes  bool
}

// Undecided are the regular files of which size and time do not tell whether their contents are the same, sorted.
//
// Another size settles it, and so does the same time to the nanosecond. A time of whole seconds does not: that is what
// image layers have, and builds that are reproducible give all of their files the same one.
func Undecided(a, b Listing) []string {
	var names []string
	for name, x := range a.Files {
		y, ok := b.Files[name]
		if ok && !x.Unknown && !y.Unknown && x.Mode.IsRegular() && y.Mode.IsRegular() && x.Size == y.Size && !sameTime(x, y) {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, Compare)
	return names
}

func sameTime(x, y File) bool { return x.Mtime.Equal(y.Mtime) && x.Mtime.Nanosecond() != 0 }

// Listings compares two of them. same says of the files that were Undecided whether their contents are the same. What
// can't be known is in unsure: files without facts, and undecided ones of which same does not know. Both are sorted.
func Listings(a, b Listing, o Options, same map[string]bool) (differences []Difference, unsure []string) {
	for name, x := range a.Files {
		y, ok := b.Files[name]
		switch {
		case !ok && b.hides(name):
		case !ok:
			differences = append(differences, Difference{Path: name, Change: Removed, A: &x})
		case x.Unknown || y.Unknown:
			unsure = append(unsure, name)
		default:
			fields, sure := compare(x, y, o, name, same)
			if !sure {
				unsure = append(unsure, name)
			}
			if len(fields) > 0 {
				differences = append(differences, Difference{name, Changed, fields, &x, &y})
			}
		}
	}
	for name, y := range b.Files {
		if _, ok := a.Files[name]; !ok && !a.hides(name) {
			differences = append(differences, Difference{Path: name, Change: Added, B: &y})
		}
	}
	slices.SortFunc(differences, func(x, y Difference) int { return Compare(x.Path, y.Path) })
	slices.SortFunc(unsure, Compare)
	return differences, unsure
}

// hides reports whether a path is below a directory that could not be read.
func (l Listing) hides(name string) bool {
	for len(l.Closed) > 0 && name != "." {
		if name = path.Dir(name); l.Closed[name] {
			return true
		}
	}
	return false
}

// compare compares two files. It is not sure where their contents might be the same or not.
func compare(x, y File, o Options, name string, same map[string]bool) (fields []Field, sure bool) {
	if x.Mode.Type() != y.Mode.Type() {
		return []Field{Type}, true
	}
	is, known := same[name]
	sure = known || !x.Mode.IsRegular() || x.Size != y.Size || sameTime(x, y)
	fields = contents(x, y, is || !known)
	// A link's own mode says nothing, and differs between systems.
	const bits = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky
	if o.Modes && x.Mode.Type() != fs.ModeSymlink && x.Mode&bits != y.Mode&bits {
		fields = append(fields, Mode)
	}
	if o.Owners && (x.UID != y.UID || x.GID != y.GID) {
		fields = append(fields, Owner)
	}
	return fields, sure
}

// contents compares what is in two files of one type. Nothing is said about bytes that are not known to differ.
func contents(x, y File, same bool) []Field {
	switch x.Mode.Type() {
	case 0:
		if x.Size != y.Size {
			return []Field{Content, Size}
		}
		if !same {
			return []Field{Content}
		}
	case fs.ModeSymlink:
		if x.Target != y.Target {
			return []Field{Target}
		}
	default:
		if x.Device != y.Device && x.Device != "" && y.Device != "" {
			return []Field{Device}
		}
	}
	return nil
}

// Compare orders paths so that what is in a directory follows it at once.
func Compare(a, b string) int {
	for i := range min(len(a), len(b)) {
		switch {
		case a[i] == b[i]:
		case a[i] == '/':
			return -1
		case b[i] == '/':
			return 1
		default:
			return int(a[i]) - int(b[i])
		}
	}
	return len(a) - len(b)
}

// Excluded reports whether a pattern (path.Match) is that of the path, or of the name of one of its elements or of what
// leads to it. The start is never excluded.
func Excluded(name string, patterns []string) bool {
	for ; name != "." && len(patterns) > 0; name = path.Dir(name) {
		if slices.ContainsFunc(patterns, func(pattern string) bool {
			whole, _ := path.Match(strings.TrimPrefix(pattern, "/"), name)
			base, _ := path.Match(pattern, path.Base(name))
			return whole || base
		}) {
			return true
		}
	}
	return false
}
