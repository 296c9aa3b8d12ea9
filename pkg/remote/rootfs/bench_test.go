// SPDX-License-Identifier: Apache-2.0

//go:build linux

package rootfs

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
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
	root, err := Dial(b.Context(), helper.Local{}, Where{PID: os.Getpid()})
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
