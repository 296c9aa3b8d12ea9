// SPDX-License-Identifier: Apache-2.0

//go:build linux

package remote

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer/localfs"
)

// benchRoot is process 8 of a tree with count files in directories of 200.
func benchRoot(b *testing.B, count int) (root *Root, directory string) {
	b.Helper()
	directory = b.TempDir()
	for i := range count {
		file := filepath.Join(directory, fmt.Sprint("d", i/200), fmt.Sprint("file", i))
		if i%200 == 0 {
			if err := os.Mkdir(filepath.Dir(file), 0o755); err != nil {
				b.Fatal(err)
			}
		}
		if err := os.WriteFile(file, []byte("x"), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	root, err := Dial(b.Context(), localRunner{}, Where{PID: os.Getpid()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { root.Close() })
	return root, directory
}

func BenchmarkStat(b *testing.B) {
	root, directory := benchRoot(b, 1)
	for b.Loop() {
		if _, err := root.Stat(b.Context(), directory+"/d0/file0", true); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadDir(b *testing.B) {
	root, directory := benchRoot(b, 200)
	for b.Loop() {
		if _, entries, err := root.ReadDir(b.Context(), directory+"/d0"); err != nil || len(entries) != 200 {
			b.Fatal(len(entries), err)
		}
	}
}

// BenchmarkWalk is compared with BenchmarkFind: what the same tools cost without us.
func BenchmarkWalk(b *testing.B) {
	root, directory := benchRoot(b, 20_000)
	for b.Loop() {
		n := 0
		_, err := root.Walk(b.Context(), directory, WalkOptions{}, func(string, Entry) error { n++; return nil })
		if err != nil || n != 20_101 {
			b.Fatal(n, err)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	_, directory := benchRoot(b, 20_000)
	for b.Loop() {
		cmd := exec.Command("sh", "-c", `find "$1" -print0 | xargs -0 stat -c '%b %d:%i %f %s %u %g %h %t:%T %Y %y %z'`, "sh", directory)
		cmd.Stdout = io.Discard
		if err := cmd.Run(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSmallFiles copies 20,000 files of 2 KiB. It is compared with its tar: the same pipes without a checksum.
func BenchmarkSmallFiles(b *testing.B) {
	memory, err := os.MkdirTemp("/dev/shm", "shareproc-") //nolint:usetesting // in memory, wherever temporary files go
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(memory) })
	for i := range 20_000 {
		write(b, filepath.Join(memory, "in", fmt.Sprint("d", i/200), fmt.Sprint("file", i)), strings.Repeat("x", 2048))
	}
	tools := busyboxDirectory(b)
	root, err := Dial(b.Context(), localRunner{path: tools}, Where{PID: os.Getpid()})
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
