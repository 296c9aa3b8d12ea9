// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

// A file of one endless line costs the helper no more than a bound: it is named, and the others are searched.
func TestGrepOfAnEndlessLine(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			dir := helper.OpenDirectory(t)
			root := dial(t, r, "/proc", Where{PID: os.Getpid()})
			helper.Write(t, filepath.Join(dir, "tree/a"), "needle\n")
			helper.Write(t, filepath.Join(dir, "tree/z"), "needle\n")
			helper.Write(t, filepath.Join(dir, "tree/short"), strings.Repeat("x", 8<<20)+"needle\n")
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
			if !errors.As(err, &partly) || partly.Count != 1 || !errors.As(partly.Failures[0], &cause) || cause.Path != long || !errors.Is(cause, remote.ErrLongLine) {
				t.Errorf("tree: %v", err)
			}
			if len(found) != 3 {
				t.Errorf("found in %v", found)
			}
			if _, err := Grep(t.Context(), root, long, GrepOptions{Pattern: "needle"}, func(Match) error { return nil }); !errors.Is(err, remote.ErrLongLine) {
				t.Errorf("one file: %v", err)
			}
		})
	}
}
