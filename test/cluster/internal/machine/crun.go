// SPDX-License-Identifier: Apache-2.0

//go:build linux

package machine

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/image"
)

// CrunDir is where the machine has a second runtime, with a C library that is not the one of the other programs.
const CrunDir = "/crun"

// addCrun adds crun of the packages, with its loader and its libraries, to the tree.
func addCrun(tree image.Tree, packages image.Source) error {
	found := image.Tree{}
	if err := packages.Program(found, "/usr/bin/crun"); err != nil {
		return err
	}
	for name, entry := range found {
		name, body := path.Base(name), entry.Body
		switch {
		case !entry.Mode.IsRegular():
			continue
		case strings.HasPrefix(name, "ld-linux"):
			name = "ld.so"
		case name == "crun":
			var err error
			if body, err = loadedBy(body, CrunDir+"/ld.so"); err != nil {
				return err
			}
		}
		tree.File(strings.TrimPrefix(CrunDir, "/")+"/"+name, 0o755, body)
	}
	return nil
}

// loadedBy gives a program another dynamic loader, whose path must be shorter than that of its own.
func loadedBy(program []byte, loader string) ([]byte, error) {
	file, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		return nil, err
	}
	for _, segment := range file.Progs {
		if segment.Type == elf.PT_INTERP && uint64(len(loader)) < segment.Filesz {
			changed := bytes.Clone(program)
			at := changed[segment.Off : segment.Off+segment.Filesz]
			clear(at[copy(at, loader):])
			return changed, nil
		}
	}
	return nil, fmt.Errorf("find a place for the loader's path %s: %w", loader, errors.ErrUnsupported)
}
