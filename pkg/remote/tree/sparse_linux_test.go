// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer/localfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

// A file of 15 TB without a block is one hole, and its length is kept.
func TestFileWithoutBlocksIsOneHole(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			dir := helper.OpenDirectory(t)
			file := filepath.Join(dir, "giant")
			helper.Write(t, file, "")
			const size = 15 << 40
			if err := os.Truncate(file, size); err != nil {
				t.Skip("this file system has no such files: ", err)
			}
			root := dialSelf(t, r)
			bytes := int64(0)
			for name, ends := range map[string][2]transfer.Tree{"down": {Source(root, PackAuto), localfs.Tree()}, "up": {localfs.Tree(), Destination(root, PackAuto)}} {
				report, err := transfer.Copy(t.Context(), ends[1], ends[0], transfer.Options{
					Source: file, Dest: filepath.Join(dir, name), Progress: func(n int64) { bytes += n },
				})
				if err != nil || report.Copied != 1 || bytes != 0 {
					t.Fatalf("%s: %+v, %d bytes, %v", name, report, bytes, err)
				}
				info, err := os.Stat(filepath.Join(dir, name))
				if err != nil || info.Size() != size {
					t.Errorf("%s: %v, %v", name, info, err)
				}
			}
			matches := 0
			if _, err := rootfs.Grep(t.Context(), root, dir, rootfs.GrepOptions{Pattern: "x", Recursive: true}, func(rootfs.Match) error { matches++; return nil }); err != nil || matches > 0 {
				t.Errorf("grep: %d, %v", matches, err)
			}
		})
	}
}
