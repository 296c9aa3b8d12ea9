// SPDX-License-Identifier: Apache-2.0

//go:build unix

package procfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A folder that is not the helper's to write in is said to be that, and is not taken for a stream that broke.
func TestPushIntoAFolderOfAnotherUserIsDenied(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to be another user")
	}
	for name, l := range runners(t) {
		t.Run(name, func(t *testing.T) {
			root := openFolder(t)
			write(t, filepath.Join(root, "closed", "file"), "")
			l.attr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			r := &countingRunner{Runner: l}
			source := Source{Name: "new", Mode: 0o644, Write: func(w io.Writer, _ Rest) error {
				_, err := io.WriteString(w, "text")
				return err
			}}
			proc := fakeProc(t, fakeProcess{pid: 8, root: root})
			if _, err := (Copying{}).pushIn(t.Context(), r, proc, Where{PID: 8, Path: "/closed/"}, source); !errors.Is(err, fs.ErrPermission) {
				t.Errorf("got %v", err)
			}
			if r.count != 1 {
				t.Errorf("%d commands for what can't work", r.count)
			}
		})
	}
}
