// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

// A part of a file is what the file has there, in files with holes too.
func TestReadRange(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			dir := helper.OpenDirectory(t)
			small := strings.Repeat("0123456789", 1000)
			helper.Write(t, filepath.Join(dir, "small"), small)
			large := strings.Repeat("0123456789abcdef", 1<<20)
			helper.Write(t, filepath.Join(dir, "large"), large)
			holes := make([]byte, 40<<20)
			copy(holes[25<<20:], "island")
			helper.Write(t, filepath.Join(dir, "holes"), "")
			sparse, err := os.OpenFile(filepath.Join(dir, "holes"), os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			_, err = sparse.WriteAt([]byte("island"), 25<<20)
			if err := errors.Join(err, sparse.Truncate(40<<20), sparse.Close()); err != nil {
				t.Fatal(err)
			}
			root := fakeRoot(t, r, dir)
			for _, c := range []struct {
				name     string
				text     string
				from, to int64
			}{
				{"small", small, 0, 1},
				{"small", small, 17, 4711},
				{"small", small, 0, 1 << 40},
				{"small", small, 9999, 10000},
				{"small", small, 10000, 10001},
				{"small", small, 5, 5},
				{"large", large, 0, 100},
				{"large", large, 12<<20 + 7, 13 << 20},
				{"large", large, 15 << 20, 99 << 20},
				{"holes", string(holes), 0, 100},
				{"holes", string(holes), 25<<20 - 3, 25<<20 + 9},
				{"holes", string(holes), 24 << 20, 40 << 20},
				{"holes", string(holes), 30 << 20, 31 << 20},
			} {
				info, err := root.Stat(t.Context(), c.name, true)
				if err != nil {
					t.Fatal(err)
				}
				var got bytes.Buffer
				err = root.ReadRange(t.Context(), info, c.from, c.to, &got)
				end := min(c.to, int64(len(c.text)))
				if want := c.text[min(c.from, end):end]; err != nil || got.String() != want {
					t.Errorf("%s %d-%d: %d bytes, want %d; %v", c.name, c.from, c.to, got.Len(), len(want), err)
				}
			}
		})
	}
}

// A log grows; any other change is reported.
func TestReadRangeOfWhatChanged(t *testing.T) {
	for name, r := range helper.Runners(t) {
		for what, change := range map[string]func(file string) error{
			"grew":    func(file string) error { return appendTo(file, "more") },
			"shorter": func(file string) error { return os.Truncate(file, 3) },
			"replaced": func(file string) error {
				return errors.Join(os.WriteFile(file+".new", []byte("0123456789"), 0o600), os.Rename(file+".new", file))
			},
		} {
			t.Run(fmt.Sprint(name, "/", what), func(t *testing.T) {
				dir := helper.OpenDirectory(t)
				file := filepath.Join(dir, "log")
				helper.Write(t, file, "0123456789")
				root := fakeRoot(t, r, dir)
				info, err := root.Stat(t.Context(), "log", true)
				if err != nil {
					t.Fatal(err)
				}
				if err := change(file); err != nil {
					t.Fatal(err)
				}
				var got bytes.Buffer
				err = root.ReadRange(t.Context(), info, 2, 100, &got)
				if what == "grew" && (err != nil || got.String() != "23456789") || what != "grew" && (!errors.Is(err, remote.ErrChanged) || got.Len() > 0) {
					t.Errorf("%q, %v", &got, err)
				}
			})
		}
	}
}

func appendTo(file, text string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
