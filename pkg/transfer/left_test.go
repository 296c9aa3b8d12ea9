// SPDX-License-Identifier: Apache-2.0

//go:build unix

package transfer_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer/localfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/trees"
)

// A lostTree is a destination that is gone in the middle: nothing can be written, nor taken away.
type lostTree struct{ transfer.Tree }

func (l lostTree) Stage(ctx context.Context, directory, id string, preserve bool) (transfer.Stage, error) {
	s, err := l.Tree.Stage(ctx, directory, id, preserve)
	return lostStage{s}, err
}

type lostStage struct{ transfer.Stage }

func (lostStage) Put(context.Context, []transfer.Part, func(transfer.Receiver) error) ([]error, error) {
	return nil, errors.New("gone")
}

func (lostStage) Close(context.Context, bool) error { return errors.New("gone") }

// What a copy had to leave is named.
func TestWhatIsLeftIsNamed(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	trees.Plant(t, dir, map[string]string{"file": "x", "dest/": ""})
	report, err := transfer.Copy(t.Context(), lostTree{localfs.Tree()}, localfs.Tree(), transfer.Options{Source: "file", Dest: "dest"})
	if err == nil || !strings.HasPrefix(report.Left, filepath.Join(dir, "dest/.shareproc-")) {
		t.Errorf("%+v, %v", report, err)
	}
	report, err = transfer.Copy(t.Context(), localfs.Tree(), localfs.Tree(), transfer.Options{Source: "file", Dest: "dest"})
	if err != nil || report.Left != "" {
		t.Errorf("%+v, %v", report, err)
	}
}
