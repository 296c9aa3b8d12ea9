// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

// FS holds to what io/fs asks of a file system.
func TestFSIsAFileSystem(t *testing.T) {
	for shell, r := range helper.Runners(t) {
		t.Run(shell, func(t *testing.T) {
			directory := helper.OpenDirectory(t)
			helper.Write(t, filepath.Join(directory, "a/b"), "text")
			helper.Write(t, filepath.Join(directory, "none"), "")
			helper.Symlink(t, "/a/b", filepath.Join(directory, "absolute"))
			root := fakeRoot(t, r, directory)
			files := FS(t.Context(), root)
			if err := fstest.TestFS(files, "a/b", "none", "absolute", "a"); err != nil {
				t.Error(err)
			}
			if data, err := fs.ReadFile(files, "absolute"); err != nil || string(data) != "text" {
				t.Errorf("through a link: %q, %v", data, err)
			}
			if target, err := files.ReadLink("absolute"); err != nil || target != "/a/b" {
				t.Errorf("link: %q, %v", target, err)
			}
			helper.Symlink(t, "nowhere", filepath.Join(directory, "dangling"))
			if _, err := files.Open("dangling"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "dangling") {
				t.Errorf("link to nothing: %v", err)
			}
			if _, err := files.Open("../x"); !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("no path: %v", err)
			}
		})
	}
}
