// SPDX-License-Identifier: Apache-2.0

package dump

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
)

// destination is where the dump goes: standard output, or a file that is there only once the dump is whole. end ends it.
func destination(deps *cli.Deps, path string) (out io.Writer, end func(*error), err error) {
	if path == "" {
		screen := deps.Report.Screen(false)
		return screen, screen.Close, nil
	}
	// Stacks may hold what others must not read: the file is its owner's only.
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.partial")
	if err != nil {
		return nil, nil, fmt.Errorf("write %s: %w", path, err)
	}
	return file, func(failed *error) {
		size, err := file.Seek(0, io.SeekEnd)
		if closed := file.Close(); err == nil {
			err = closed
		}
		if err == nil && *failed == nil {
			err = os.Rename(file.Name(), path)
		}
		switch {
		case *failed != nil:
			_ = os.Remove(file.Name()) // what is in it is not whole
		case err != nil:
			_ = os.Remove(file.Name())
			*failed = fmt.Errorf("write %s: %w", path, err)
		default:
			deps.Report.Say("wrote %s (%s)", path, output.HumanBytes(size))
		}
	}, nil
}
