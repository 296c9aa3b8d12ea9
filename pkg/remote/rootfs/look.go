// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// An Info is what is known of one path.
type Info struct {
	// Path is physical: without links, starting with "/" below the root. Behind one of the kernel's own links (/proc/PID/cwd …) it
	// goes on from that.
	Path string
	// Stat has owner names from the target's own passwd and group.
	*remote.Stat
	// Writable says that the helper may write in the directory that has the file.
	Writable bool
	// InPlace says that the helper may write into the file itself.
	InPlace bool
	// Missing is the last name of a path whose directory is there, in Path, and which itself is not.
	Missing string
}

// Stat describes a path. A link in last place is followed with follow. Where the last name is not there, the error is
// fs.ErrNotExist and the Info has Missing.
func (r *Root) Stat(ctx context.Context, path string, follow bool) (Info, error) {
	if follow {
		return StatBy(ctx, r, path, "1")
	}
	return StatBy(ctx, r, path, "0")
}

// StatBy is Stat by one of verb_stat's own words for what it does with links.
func StatBy(ctx context.Context, r *Root, path, follow string) (Info, error) {
	q := remote.Request{Verb: "stat", Args: []string{path, follow}, Reads: true}
	var info Info
	err := r.Ask(ctx, "open", path, q, func(b *remote.Answer) error {
		var line, link, writable string
		if err := b.Fields(&info.Path, &line, &link, &writable); err != nil {
			return err
		}
		info.Writable, info.InPlace = strings.Contains(writable, "w"), strings.Contains(writable, "o")
		if line == "" {
			info.Missing = link
			return nil
		}
		var err error
		if info.Stat, err = remote.ParseStat(line); err != nil {
			return err
		}
		info.LinkTarget = link
		r.name(info.Stat)
		return nil
	})
	return info, err
}

// maxEntries bounds what is held of one directory.
const maxEntries = 1_000_000

// ReadDir lists a directory, links followed to it, sorted by name. What could not be looked at has a name and no facts.
func (r *Root) ReadDir(ctx context.Context, name string) (Info, []Entry, error) {
	var entries []Entry
	opts := WalkOptions{TreeOptions: TreeOptions{MaxDepth: 1}, LinkTargets: true}
	info, err := r.Walk(ctx, name, opts, func(p string, e Entry) error {
		if len(entries) > maxEntries {
			return &fs.PathError{Op: "open", Path: name, Err: remote.ErrEndless}
		}
		entries = append(entries, e)
		return nil
	})
	var partly *TreeError
	switch {
	case errors.As(err, &partly) && len(entries) > 0 && !slices.ContainsFunc(partly.Failures, openOf(info.Path)):
		err = nil
	case errors.Is(err, fs.ErrPermission) && info.Stat == nil:
		return readClosed(ctx, r, name, err)
	case partly != nil:
		err = &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	if err == nil && info.FileMode().IsDir() {
		entries = entries[1:]
	} else if err == nil {
		return info, nil, &fs.PathError{Op: "open", Path: name, Err: remote.ErrNotDirectory}
	}
	sortEntries(entries)
	return info, entries, err
}

func openOf(p string) func(error) bool {
	return func(err error) bool {
		var cause *fs.PathError
		return errors.As(err, &cause) && cause.Op == "open" && cause.Path == p
	}
}

// readClosed lists the names of a directory that may be read and not entered.
func readClosed(ctx context.Context, r *Root, name string, denied error) (Info, []Entry, error) {
	info, err := r.Stat(ctx, name, true)
	if err != nil || !info.FileMode().IsDir() || info.Path == "/" {
		return info, nil, denied
	}
	from := &Place{Root: r, Start: path.Dir(info.Path), Within: Physical}
	names, err := from.unlisted(ctx, []string{Sent(path.Base(info.Path))})
	if err != nil || len(names[0]) == 0 {
		return info, nil, denied
	}
	var entries []Entry
	for _, n := range names[0] {
		entries = append(entries, Entry{name: n, err: errUnreadable})
	}
	sortEntries(entries)
	return info, entries, nil
}

// readNames reads names up to an empty one.
func readNames(b *remote.Answer) ([]string, error) {
	var names []string
	for {
		name, err := b.Field()
		switch {
		case err != nil || name == "":
			return names, err
		case len(names) == maxEntries:
			return nil, remote.ErrEndless
		case validName(name) && !strings.Contains(name, "/"):
			names = append(names, name)
		}
	}
}

func validName(name string) bool { return name != "" && name != "." && name != ".." }

// errUnreadable is about a name whose facts the helper could not read.
var errUnreadable = errors.Join(errors.New("metadata not readable"), fs.ErrPermission)

func sortEntries(entries []Entry) {
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.name, b.name) })
}
