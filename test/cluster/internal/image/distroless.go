// SPDX-License-Identifier: Apache-2.0

package image

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// Distroless returns an error unless everything in the tree that could be run is the given program, the dynamic loader or
// a library: no shell, no busybox, no coreutils, under whatever name and with or without the right to be executed.
func Distroless(tree Tree, program string) error {
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		entry := tree[name]
		if name == program || entry.Mode.IsDir() {
			continue
		}
		if entry.Mode&fs.ModeSymlink != 0 {
			if tools(path.Base(name)) || tools(path.Base(entry.Link)) {
				return fmt.Errorf("check %s: a link to a tool", name)
			}
			continue
		}
		library := isLibrary(path.Base(name))
		elf := bytes.HasPrefix(entry.Body, []byte("\x7fELF"))
		switch {
		case entry.Hard != "":
			return fmt.Errorf("check %s: another name of a file", name)
		case bytes.HasPrefix(entry.Body, []byte("#!")):
			return fmt.Errorf("check %s: a script", name)
		case library && elf && !bytes.Contains(entry.Body, []byte("BusyBox v")):
			continue
		case elf:
			return fmt.Errorf("check %s: a program", name)
		case entry.Mode.Perm()&0o111 != 0:
			return fmt.Errorf("check %s: executable", name)
		}
	}
	return nil
}

// isLibrary knows a library or the loader by its name: ld-linux-x86-64.so.2, libc.so.6, libpcre2-8.so.0, libfoo.so.
func isLibrary(name string) bool {
	stem, version, ok := strings.Cut(name, ".so")
	return ok && (strings.HasPrefix(stem, "ld-") || strings.HasPrefix(stem, "lib")) && strings.Trim(version, ".0123456789") == ""
}

// tools reports whether a name is that of something a distroless image is defined by not having.
func tools(name string) bool {
	return slices.Contains([]string{
		"sh", "bash", "dash", "ash", "zsh", "ksh", "busybox", "toybox", "coreutils", "cat", "ls", "ps", "cp", "mv", "env",
		"head", "tail", "find", "grep", "tar", "perl", "python3",
	}, name)
}
