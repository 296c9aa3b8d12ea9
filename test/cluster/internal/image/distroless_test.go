// SPDX-License-Identifier: Apache-2.0

package image

import (
	"maps"
	"strings"
	"testing"
)

// server is what a distroless image may hold: the program, its loader and libraries, and files that can't be run.
func server() Tree {
	elf := []byte("\x7fELF...")
	tree := Tree{}
	tree.File("usr/sbin/nginx", 0o755, elf)
	tree.File("lib64/ld-linux-x86-64.so.2", 0o755, elf)
	tree.File("lib/x86_64-linux-gnu/libc.so.6", 0o755, elf)
	tree.File("lib/x86_64-linux-gnu/libpcre2-8.so.0", 0o644, elf)
	tree.File("usr/lib/x86_64-linux-gnu/libssl.so.3", 0o644, elf)
	tree.File("etc/nginx/nginx.conf", 0o644, []byte("user nginx;\n"))
	tree.Symlink("var/run", "/run")
	tree.Dir("tmp", 0o777, 0)
	return tree
}

func TestDistrolessAcceptsAServerAlone(t *testing.T) {
	if err := Distroless(server(), "usr/sbin/nginx"); err != nil {
		t.Error(err)
	}
}

func TestDistrolessRefusesWhateverCanBeRun(t *testing.T) {
	cases := map[string]func(Tree){
		"bin/sh":           func(t Tree) { t.File("bin/sh", 0o755, []byte("\x7fELF...")) },
		"bin/tool":         func(t Tree) { t.File("bin/tool", 0o755, []byte("\x7fELF...")) },
		"opt/data":         func(t Tree) { t.File("opt/data", 0o644, []byte("\x7fELF...")) },
		"opt/run.txt":      func(t Tree) { t.File("opt/run.txt", 0o644, []byte("#!/bin/sh\n")) },
		"opt/empty":        func(t Tree) { t.File("opt/empty", 0o755, nil) },
		"usr/bin/ls":       func(t Tree) { t.Symlink("usr/bin/ls", "../sbin/nginx") },
		"usr/bin/x":        func(t Tree) { t.Symlink("usr/bin/x", "/bin/busybox") },
		"usr/bin/y":        func(t Tree) { t.Hardlink("usr/bin/y", "usr/sbin/nginx") },
		"lib/libshell.so":  func(t Tree) { t.File("lib/libshell.so", 0o755, []byte("\x7fELF BusyBox v1.35.0")) },
		"lib/libscript.so": func(t Tree) { t.File("lib/libscript.so", 0o755, []byte("#!/bin/sh\n")) },
	}
	for name, add := range cases {
		tree := maps.Clone(server())
		add(tree)
		err := Distroless(tree, "usr/sbin/nginx")
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("with %s: %v, want an error that names it", name, err)
		}
	}
}
