// SPDX-License-Identifier: Apache-2.0

//go:build linux

package image

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/build"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/debian"
)

// open returns a place to take busybox and nginx from: their packages, unpacked below dir; without apt-get, this machine's
// own files.
func open(ctx context.Context, dir string, narration io.Writer) (Source, error) {
	if !build.HasApt() {
		var missing []string
		for _, file := range []string{"/usr/sbin/nginx", "/bin/busybox"} {
			if _, err := Source("/").read(file); err != nil {
				missing = append(missing, file)
			}
		}
		if len(missing) > 0 {
			return "", fmt.Errorf("make test images: this machine lacks %s (busybox must be a static one), and apt-get to get them",
				strings.Join(missing, " and "))
		}
		return "/", nil
	}
	root, err := debian.Own(filepath.Join(dir, "own")).Unpack(ctx, narration, "nginx", "busybox-static")
	return Source(root), err
}

// newerBusybox unpacks the static busybox of Debian's newer release below dir.
func newerBusybox(ctx context.Context, dir string, narration io.Writer) (Source, error) {
	root, err := debian.Newer(dir).Unpack(ctx, narration, "busybox-static")
	return Source(root), err
}
