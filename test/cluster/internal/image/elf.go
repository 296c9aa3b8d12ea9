// SPDX-License-Identifier: Apache-2.0

package image

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// A Source is a directory that holds installed programs: unpacked packages, or / itself.
type Source string

// Program adds a program, its dynamic loader and every library that these need to the tree, under the paths that the
// loader looks in.
func (s Source) Program(tree Tree, name string) error {
	body, err := s.read(name)
	if err != nil {
		return err
	}
	tree.File(strings.TrimPrefix(name, "/"), 0o755, body)
	dirs, err := s.libraryDirs()
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for todo := [][]byte{body}; len(todo) > 0; todo = todo[1:] {
		loader, needed, err := requirements(todo[0])
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		if loader != "" && !seen[path.Base(loader)] {
			seen[path.Base(loader)] = true
			found, err := s.read(loader)
			if err != nil {
				return err
			}
			tree.File(strings.TrimPrefix(loader, "/"), 0o755, found)
		}
		for _, library := range needed {
			if seen[library] {
				continue
			}
			seen[library] = true
			at, found, err := s.library(dirs, library)
			if err != nil {
				return fmt.Errorf("collect libraries of %s: %w", name, err)
			}
			tree.File(strings.TrimPrefix(at, "/"), 0o644, found)
			todo = append(todo, found)
		}
	}
	return nil
}

// requirements returns the dynamic loader and the libraries that an ELF file names; a static one names none.
func requirements(body []byte) (loader string, libraries []string, err error) {
	file, err := elf.NewFile(bytes.NewReader(body))
	if err != nil {
		return "", nil, err
	}
	for _, segment := range file.Progs {
		if segment.Type == elf.PT_INTERP {
			text := make([]byte, segment.Filesz)
			if _, err := segment.ReadAt(text, 0); err != nil {
				return "", nil, err
			}
			loader = strings.TrimRight(string(text), "\x00")
		}
	}
	libraries, err = file.ImportedLibraries()
	return loader, libraries, err
}

// libraryDirs returns the directories that a loader without a cache file searches (ld.so(8)): Debian's by architecture,
// and those of the others.
func (s Source) libraryDirs() ([]string, error) {
	var dirs []string
	for _, parent := range []string{"/lib", "/usr/lib"} {
		found, err := filepath.Glob(filepath.Join(string(s), parent, "*-linux-gnu*"))
		if err != nil {
			return nil, err
		}
		for _, dir := range found {
			dirs = append(dirs, path.Join(parent, filepath.Base(dir)))
		}
	}
	return append(dirs, "/lib64", "/usr/lib64", "/lib", "/usr/lib"), nil
}

func (s Source) library(dirs []string, name string) (string, []byte, error) {
	for _, dir := range dirs {
		at := path.Join(dir, name)
		body, err := s.read(at)
		if err == nil {
			return at, body, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", nil, err
		}
	}
	return "", nil, fmt.Errorf("find %s: %w", name, fs.ErrNotExist)
}

// read returns a file's content. Absolute links are followed inside the source, and /lib may stand for /usr/lib: packages
// made since the merger of the two name only the latter.
func (s Source) read(name string) ([]byte, error) {
	for range 8 {
		at := filepath.Join(string(s), name)
		info, err := os.Lstat(at)
		if errors.Is(err, fs.ErrNotExist) && !strings.HasPrefix(name, "/usr/") {
			name = "/usr" + name
			continue
		}
		if err != nil {
			return nil, err
		}
		if info.Mode().Type() != fs.ModeSymlink {
			return os.ReadFile(at)
		}
		link, err := os.Readlink(at)
		if err != nil {
			return nil, err
		}
		if !path.IsAbs(link) {
			link = path.Join(path.Dir(name), link)
		}
		name = link
	}
	return nil, fmt.Errorf("read %s: too many links", name)
}
