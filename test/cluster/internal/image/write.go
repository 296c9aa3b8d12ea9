// SPDX-License-Identifier: Apache-2.0

package image

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// WriteTo writes the tree below a directory.
func (t Tree) WriteTo(dir string) error {
	names := slices.Sorted(maps.Keys(t))
	// A hard link must come after what it names.
	slices.SortStableFunc(names, func(a, b string) int { return min(1, len(t[a].Hard)) - min(1, len(t[b].Hard)) })
	for _, name := range names {
		var err error
		entry, at := t[name], filepath.Join(dir, name)
		switch {
		case entry.Mode.IsDir():
			err = os.MkdirAll(at, 0o755)
		case entry.Hard != "":
			err = os.Link(filepath.Join(dir, entry.Hard), at)
		case entry.Mode&fs.ModeSymlink != 0:
			err = os.Symlink(entry.Link, at)
		default:
			err = os.WriteFile(at, entry.Body, 0o600)
		}
		// Afterwards, since the umask cuts a mode that is given at once.
		if err == nil && entry.Mode&fs.ModeSymlink == 0 && entry.Hard == "" {
			err = errors.Join(os.Chmod(at, entry.Mode&^fs.ModeDir), os.Chown(at, entry.UID, entry.UID))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
