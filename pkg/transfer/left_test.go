// SPDX-License-Identifier: Apache-2.0

//go:build unix

package transfer

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

// A lostTree is a destination that is gone in the middle: nothing can be written, nor taken away.
type lostTree struct{ Tree }

func (l lostTree) Stage(ctx context.Context, directory, id string, preserve bool) (Stage, error) {
	s, err := l.Tree.Stage(ctx, directory, id, preserve)
	return lostStage{s}, err
}

type lostStage struct{ Stage }

func (lostStage) Put(context.Context, []Part, func(Receiver) error) ([]error, error) {
	return nil, errors.New("gone")
}

func (lostStage) Close(context.Context, bool) error { return errors.New("gone") }

// What a copy had to leave is named.
func TestWhatIsLeftIsNamed(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	plant(t, dir, map[string]string{"file": "x", "dest/": ""})
	report, err := Copy(t.Context(), lostTree{Local()}, Local(), Options{Source: "file", Dest: "dest"})
	if err == nil || !strings.HasPrefix(report.Left, filepath.Join(dir, "dest/.shareproc-")) {
		t.Errorf("%+v, %v", report, err)
	}
	report, err = Copy(t.Context(), Local(), Local(), Options{Source: "file", Dest: "dest"})
	if err != nil || report.Left != "" {
		t.Errorf("%+v, %v", report, err)
	}
}
