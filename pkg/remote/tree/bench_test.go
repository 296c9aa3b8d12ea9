// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tree

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer/localfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

// BenchmarkSmallFiles copies 20,000 files of 2 KiB. It is compared with its tar: the same pipes without a checksum.
func BenchmarkSmallFiles(b *testing.B) {
	memory, err := os.MkdirTemp("/dev/shm", "shareproc-") //nolint:usetesting // in memory, wherever temporary files go
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(memory) })
	for i := range 20_000 {
		helper.Write(b, filepath.Join(memory, "in", fmt.Sprint("d", i/200), fmt.Sprint("file", i)), strings.Repeat("x", 2048))
	}
	tools := helper.Busybox(b)
	root, err := rootfs.Dial(b.Context(), helper.Local{Path: tools}, rootfs.Where{PID: os.Getpid()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { root.Close() })
	in, out := filepath.Join(memory, "in"), filepath.Join(memory, "out")
	for name, ends := range map[string][2]transfer.Tree{"down": {Source(root, PackAuto), localfs.Tree()}, "up": {localfs.Tree(), Destination(root, PackAuto)}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				report, err := transfer.Copy(b.Context(), ends[1], ends[0], transfer.Options{Source: in, Dest: out})
				if err != nil || report.Copied != 20_101 {
					b.Fatal(report, err)
				}
				b.StopTimer()
				os.RemoveAll(out)
				b.StartTimer()
			}
		})
	}
	b.Run("tar", func(b *testing.B) {
		for b.Loop() {
			if err := exec.Command("sh", "-c", `mkdir "$3" && "$1/tar" -C "$2" -cf - . | cat | tar -C "$3" -xf -`, "sh", tools, in, out).Run(); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			os.RemoveAll(out)
			b.StartTimer()
		}
	})
}
