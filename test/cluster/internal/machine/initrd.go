// SPDX-License-Identifier: Apache-2.0

//go:build linux

package machine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/image"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/machine/order"
)

// WriteInitrd writes the file system that the machine begins with: its first process, the modules, the order, and files of
// this computer with their paths, for the disk. Of a directory it takes all.
func WriteInitrd(to, machine string, o order.Order, files ...string) error {
	tree := image.Tree{}
	body, err := os.ReadFile(filepath.Join(machine, guest))
	if err != nil {
		return err
	}
	tree.File("init", 0o755, body)
	if err := add(tree, filepath.Join(machine, "machine/modules"), order.Modules); err != nil {
		return err
	}
	if body, err = json.Marshal(o); err != nil {
		return err
	}
	tree.File(strings.TrimPrefix(order.File, "/"), 0o600, body)
	for _, file := range files {
		if err := add(tree, file, path.Join(order.Files, file)); err != nil {
			return err
		}
	}
	var out bytes.Buffer
	if err := cpio(&out, tree); err != nil {
		return err
	}
	return os.WriteFile(to, out.Bytes(), 0o600)
}

func add(tree image.Tree, from, to string) error {
	return filepath.WalkDir(from, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		at := strings.TrimPrefix(path.Join(to, strings.TrimPrefix(name, from)), "/")
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if entry.IsDir() {
			tree.Dir(at, info.Mode().Perm(), 0)
			return nil
		}
		body, err := os.ReadFile(name)
		tree.File(at, info.Mode().Perm(), body)
		return err
	})
}

// cpio writes directories and regular files in the "newc" form (the kernel's Documentation/driver-api/early-userspace/
// buffer-format.rst).
func cpio(w io.Writer, tree image.Tree) error {
	write := func(name string, mode int, body []byte) error {
		const links, owner, time, device = 1, 0, 0, 0
		_, err := fmt.Fprintf(w, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00", 0, mode, owner, owner, links, time,
			len(body), device, device, device, device, len(name)+1, 0, name)
		// The header and the content are each filled up to a multiple of four bytes; the header has 110.
		return errors.Join(err, pad(w, 110+len(name)+1), send(w, body), pad(w, len(body)))
	}
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		const directory, regular = 0o040000, 0o100000
		kind := regular
		if tree[name].Mode.IsDir() {
			kind = directory
		}
		if err := write(name, kind|int(tree[name].Mode.Perm()), tree[name].Body); err != nil {
			return err
		}
	}
	return write("TRAILER!!!", 0, nil)
}

func pad(w io.Writer, written int) error { return send(w, make([]byte, -written&3)) }

func send(w io.Writer, body []byte) error {
	_, err := w.Write(body)
	return err
}
