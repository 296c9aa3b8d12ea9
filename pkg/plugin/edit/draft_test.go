// SPDX-License-Identifier: Apache-2.0

package edit

import (
	"os"
	"path/filepath"
	"testing"
)

// The target chooses a file's name; on Windows some lead out of the draft's directory, to a stream or to a device.
func TestDraftStaysInItsDirectory(t *testing.T) {
	for name, want := range map[string]string{
		"app.conf": "app.conf", ".env": ".env", "a b": "a b", `..\..\Startup\x.bat`: "file", "x:stream": "file", "..": "file", "": "file", "/etc/x": "file",
	} {
		d := draft{directory: t.TempDir()}
		file, err := d.create(name)
		if err != nil {
			t.Fatal(err)
		}
		_ = file.Close()
		found, err := os.ReadDir(d.directory)
		if err != nil || len(found) != 1 || found[0].Name() != want || d.file != filepath.Join(d.directory, want) {
			t.Errorf("%q: %v in its directory, %s; %v", name, found, d.file, err)
		}
	}
}
