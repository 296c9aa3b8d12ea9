// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"path/filepath"
	"testing"
	"testing/fstest"
)

func TestRootFSIsAnFS(t *testing.T) {
	eachRunner(t, func(t *testing.T, r Runner) {
		root := openFolder(t)
		for name, text := range map[string]string{"etc/passwd": "root:x:0:0::/:\n", "etc/a\nb": "", "big": string(make([]byte, 300000))} {
			write(t, filepath.Join(root, name), text)
		}
		link(t, "/etc/passwd", filepath.Join(root, "abs"))
		if err := fstest.TestFS(fakeRoot(t, r, root), "etc/passwd", "abs", "big", "etc/a\nb"); err != nil {
			t.Fatal(err)
		}
	})
}
