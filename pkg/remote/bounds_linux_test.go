// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer/localfs"
)

// A file of one endless line costs the helper no more than a bound: it is named, and the others are searched.
func TestGrepOfAnEndlessLine(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			dir := openDirectory(t)
			root := dialSelf(t, r)
			write(t, filepath.Join(dir, "tree/a"), "needle\n")
			write(t, filepath.Join(dir, "tree/z"), "needle\n")
			write(t, filepath.Join(dir, "tree/short"), strings.Repeat("x", 8<<20)+"needle\n")
			long := filepath.Join(dir, "tree/long")
			file, err := os.Create(long)
			if err != nil {
				t.Fatal(err)
			}
			text := []byte(strings.Repeat("x", 1<<20))
			for range 160 {
				if _, err := file.Write(text); err != nil {
					t.Fatal(err)
				}
			}
			if err := file.Close(); err != nil {
				t.Fatal(err)
			}
			found := map[string]bool{}
			_, err = Grep(t.Context(), root, filepath.Join(dir, "tree"), GrepOptions{Pattern: "needle", Recursive: true}, func(m Match) error {
				found[filepath.Base(m.Path)] = true
				return nil
			})
			var partly *TreeError
			var cause *fs.PathError
			if !errors.As(err, &partly) || partly.Count != 1 || !errors.As(partly.Failures[0], &cause) || cause.Path != long || !errors.Is(cause, ErrLongLine) {
				t.Errorf("tree: %v", err)
			}
			if len(found) != 3 {
				t.Errorf("found in %v", found)
			}
			if _, err := Grep(t.Context(), root, long, GrepOptions{Pattern: "needle"}, func(Match) error { return nil }); !errors.Is(err, ErrLongLine) {
				t.Errorf("one file: %v", err)
			}
		})
	}
}

// A file of 15 TB without a block is one hole, and its length is kept.
func TestFileWithoutBlocksIsOneHole(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			dir := openDirectory(t)
			file := filepath.Join(dir, "giant")
			write(t, file, "")
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
			if _, err := Grep(t.Context(), root, dir, GrepOptions{Pattern: "x", Recursive: true}, func(Match) error { matches++; return nil }); err != nil || matches > 0 {
				t.Errorf("grep: %d, %v", matches, err)
			}
		})
	}
}
