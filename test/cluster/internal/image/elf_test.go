// SPDX-License-Identifier: Apache-2.0

package image

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestReadFollowsLinksInsideTheSource(t *testing.T) {
	dir := t.TempDir()
	for _, directory := range []string{"usr/lib/real", "lib64"} {
		if err := os.MkdirAll(filepath.Join(dir, directory), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "usr/lib/real/ld.so"), []byte("loader"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{
		"lib64/absolute": "/lib/real/ld.so", "usr/lib/relative": "real/ld.so", "lib64/round": "round",
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"/lib64/absolute", "/usr/lib/relative", "/lib/relative", "/lib/real/ld.so"} {
		if body, err := Source(dir).read(name); err != nil || string(body) != "loader" {
			t.Errorf("read(%s) = %q, %v", name, body, err)
		}
	}
	if _, err := Source(dir).read("/lib64/round"); err == nil {
		t.Error("a link to itself was read")
	}
	if _, err := Source(dir).read("/lib/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("read of a file that is not there: %v", err)
	}
}
