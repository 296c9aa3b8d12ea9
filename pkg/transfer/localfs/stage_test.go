// SPDX-License-Identifier: Apache-2.0

//go:build unix

package localfs

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/trees"
)

// Somebody else's directory of the stage's name is not taken up.
func TestStageOfOthersIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	id := ".shareproc-X.partial"
	if err := errors.Join(os.Mkdir(filepath.Join(dir, id), 0o777), os.Chmod(filepath.Join(dir, id), 0o777)); err != nil {
		t.Fatal(err)
	}
	s, err := Tree().Stage(t.Context(), dir, id, false)
	if err != nil {
		t.Fatal(err)
	}
	if s.(*stage).name == id {
		t.Error("took up a directory that all may write to")
	}
	if err := errors.Join(s.Close(t.Context(), false), os.Chmod(filepath.Join(dir, id), 0o700)); err != nil {
		t.Fatal(err)
	}
	trees.Only(t, dir, id)
	s, err = Tree().Stage(t.Context(), dir, id, false)
	if err != nil {
		t.Fatal(err)
	}
	if s.(*stage).name != id {
		t.Error("did not take up its own")
	}
	if err := s.Close(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	trees.Only(t, dir, id)
}
