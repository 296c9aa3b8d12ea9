// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// list makes a Listing of a file system, as one who lists a real one would.
func list(t *testing.T, files fstest.MapFS) Listing {
	t.Helper()
	l := NewListing()
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		f := File{Mode: info.Mode(), Size: info.Size(), Mtime: info.ModTime()}
		if f.Mode&fs.ModeSymlink != 0 {
			f.Target = string(files[name].Data)
		}
		if owner, ok := info.Sys().([2]uint32); ok {
			f.UID, f.GID = owner[0], owner[1]
		}
		l.Files[name] = f
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// lines says what differs, in a line each.
func lines(differences []Difference) []string {
	text := []string{}
	for _, d := range differences {
		text = append(text, strings.TrimSpace(fmt.Sprint(d.Change, " ", d.Path, " ", strings.Trim(fmt.Sprint(d.Fields), "[]"))))
	}
	return text
}

var (
	packed = time.Unix(0, 0)
	now    = time.Unix(1700000000, 123456789)
)

func TestListings(t *testing.T) {
	file := func(text string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(text), Mode: 0o644, ModTime: packed}
	}
	a := fstest.MapFS{
		"same": file("x"), "content": file("abc"), "size": file("abc"), "gone/in": file(""), "mode": file("m"), "owner": file("o"),
		"kind": file("k"), "link": {Data: []byte("one"), Mode: fs.ModeSymlink | 0o777}, "a-b": file(""), "a/x": file(""), "suid": file("s"),
	}
	b := fstest.MapFS{
		"same": file("x"), "content": file("abd"), "size": file("abcd"), "new": file(""), "mode": {Data: []byte("m"), Mode: 0o600, ModTime: packed},
		"owner": {Data: []byte("o"), Mode: 0o644, ModTime: packed, Sys: [2]uint32{101, 102}}, "kind": {Mode: fs.ModeDir | 0o755},
		"link": {Data: []byte("two"), Mode: fs.ModeSymlink | 0o755}, "suid": {Data: []byte("s"), Mode: 0o644 | fs.ModeSetuid, ModTime: packed},
	}
	same := map[string]bool{"same": true, "mode": true, "owner": true, "content": false, "suid": true}
	all := []string{
		"removed a", "removed a/x", "removed a-b", "changed content content", "removed gone", "removed gone/in", "changed kind type",
		"changed link target", "changed mode mode", "added new", "changed owner owner", "changed size content size", "changed suid mode",
	}
	for _, c := range []struct {
		options Options
		without []string
	}{
		{Options{Owners: true, Modes: true}, nil},
		{Options{Modes: true}, []string{"changed owner owner"}},
		{Options{Owners: true}, []string{"changed mode mode", "changed suid mode"}},
	} {
		differences, unsure := Listings(list(t, a), list(t, b), c.options, same)
		want := slices.DeleteFunc(slices.Clone(all), func(line string) bool { return slices.Contains(c.without, line) })
		if got := lines(differences); !slices.Equal(got, want) || len(unsure) > 0 {
			t.Errorf("%+v: got %q, want %q; unsure %q", c.options, got, want, unsure)
		}
	}
	want := []string{"content", "mode", "owner", "same", "suid"}
	if got := Undecided(list(t, a), list(t, b)); !slices.Equal(got, want) {
		t.Errorf("undecided: %q, want %q", got, want)
	}
}

// A time settles nothing that a build could have given to every file.
func TestTimesThatSettle(t *testing.T) {
	for _, c := range []struct {
		a, b    time.Time
		settled bool
	}{{packed, packed, false}, {now, now, true}, {now, now.Add(1), false}, {now.Truncate(time.Second), now.Truncate(time.Second), false}} {
		a, b := NewListing(), NewListing()
		a.Files["f"] = File{Mode: 0o644, Size: 3, Mtime: c.a}
		b.Files["f"] = File{Mode: 0o644, Size: 3, Mtime: c.b}
		if got := len(Undecided(a, b)) == 0; got != c.settled {
			t.Errorf("%v and %v: settled %v", c.a, c.b, got)
		}
		_, unsure := Listings(a, b, Options{}, nil)
		if (len(unsure) == 0) != c.settled {
			t.Errorf("%v and %v: unsure %q", c.a, c.b, unsure)
		}
	}
}

// What is in a directory that could not be read is neither there nor gone.
func TestWhatIsClosedIsNotGone(t *testing.T) {
	a, b := NewListing(), NewListing()
	dir := File{Mode: fs.ModeDir | 0o700}
	a.Files, b.Files = map[string]File{".": dir, "root": dir, "x": {}}, map[string]File{".": dir, "root": dir, "root/sub": dir, "root/sub/f": {}, "x": {Unknown: true}, "rootless": {}}
	a.Closed["root"] = true
	for range 2 {
		differences, unsure := Listings(a, b, Options{}, nil)
		if len(differences) != 1 || differences[0].Path != "rootless" || !slices.Equal(unsure, []string{"x"}) {
			t.Errorf("got %q, unsure %q", lines(differences), unsure)
		}
		a, b = b, a
	}
}

// FuzzCompare holds that paths are ordered as their elements are.
func FuzzCompare(f *testing.F) {
	f.Add("a/b", "a-b")
	f.Add("a", "a/b")
	f.Fuzz(func(t *testing.T, a, b string) {
		sign := func(n int) int { return min(max(n, -1), 1) }
		want := slices.Compare(strings.Split(a, "/"), strings.Split(b, "/"))
		if got := Compare(a, b); sign(got) != sign(want) || sign(Compare(b, a)) != -sign(got) {
			t.Errorf("%q and %q: %d, want %d", a, b, got, want)
		}
	})
}

func TestExcluded(t *testing.T) {
	for _, c := range []struct {
		name, pattern string
		want          bool
	}{
		{"proc/1/x", "/proc", true},
		{"home/proc", "/proc", false},
		{"home/proc/x", "proc", true},
		{"a/b.log", "*.log", true},
		{"a/b.log/c", "*.log", true},
		{"a/b", "a/*", true},
		{"a/b/c", "a/*", true},
		{"a", "a/*", false},
		{".", "*", false},
		{"etc/hosts", "/etc/hosts", true},
		{"x/etc/hosts", "/etc/hosts", false},
	} {
		if got := Excluded(c.name, []string{"other", c.pattern}); got != c.want {
			t.Errorf("%q by %q: %v", c.name, c.pattern, got)
		}
	}
}

func TestText(t *testing.T) {
	got := string(Text("A", []byte("one\ntwo\n"), "B", []byte("one\nthree")))
	if want := "--- A\n+++ B\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n\\ No newline at end of file\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if text := Text("A", []byte("x"), "B", []byte("x")); len(text) > 0 {
		t.Errorf("got %q", text)
	}
	if Binary([]byte("text\n")) || Binary(nil) || !Binary([]byte("a\x00")) {
		t.Error("what is binary?")
	}
}
