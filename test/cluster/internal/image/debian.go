// SPDX-License-Identifier: Apache-2.0

//go:build linux

package image

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/build"
)

// open returns a place to take busybox and nginx from: their packages, fetched and unpacked below dir but not installed
// (nginx's would start a server here); without apt-get, this machine's own files.
func open(ctx context.Context, dir string, narration io.Writer) (source, error) {
	if !build.HasApt() {
		var missing []string
		for _, file := range []string{"/usr/sbin/nginx", "/bin/busybox"} {
			if _, err := source("/").read(file); err != nil {
				missing = append(missing, file)
			}
		}
		if len(missing) > 0 {
			return "", fmt.Errorf("make test images: this machine lacks %s (busybox must be a static one), and apt-get to get them",
				strings.Join(missing, " and "))
		}
		return "/", nil
	}
	packages, err := closure(ctx, "nginx", "busybox-static")
	if err != nil {
		// Most likely there are no package lists yet.
		if err := build.Apt(ctx, dir, narration, "update"); err != nil {
			return "", err
		}
		if packages, err = closure(ctx, "nginx", "busybox-static"); err != nil {
			return "", err
		}
	}
	if err := build.Apt(ctx, dir, narration, append([]string{"download"}, packages...)...); err != nil {
		return "", err
	}
	archives, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil {
		return "", err
	}
	root := filepath.Join(dir, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		return "", err
	}
	for _, archive := range archives {
		cmd := exec.CommandContext(ctx, "dpkg-deb", "--extract", archive, root)
		cmd.Stderr = narration
		if err := cmd.Run(); err != nil {
			return "", fmt.Errorf("unpack %s: %w", filepath.Base(archive), err)
		}
	}
	return source(root), nil
}

// closure returns the packages and those of their dependencies that can hold the program or a library.
func closure(ctx context.Context, names ...string) ([]string, error) {
	for done := 0; done < len(names); done++ {
		cmd := exec.CommandContext(ctx, "apt-cache", "depends", "--no-recommends", "--no-suggests", "--no-conflicts",
			"--no-breaks", "--no-replaces", "--no-enhances", names[done])
		cmd.Env = append(os.Environ(), "LC_ALL=C")
		text, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("list dependencies of package %s: %w", names[done], err)
		}
		for _, name := range dependencies(text) {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names, nil
}

// dependencies reads the output of apt-cache depends. Of nginx's packages only those with the server itself count: the
// others are modules, or the same server built differently.
func dependencies(text []byte) []string {
	var names []string
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		_, name, ok := strings.Cut(lines.Text(), "epends: ")
		if !ok || strings.HasPrefix(name, "libnginx-mod") {
			continue
		}
		library := strings.HasPrefix(name, "lib") || strings.HasPrefix(name, "zlib")
		if library || slices.Contains([]string{"nginx", "nginx-core", "nginx-common"}, name) {
			names = append(names, name)
		}
	}
	return names
}
