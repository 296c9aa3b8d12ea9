// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/diff"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// pruneMounts takes away what is mounted in the container, and the directories that were made only to mount it in.
func pruneMounts(image, container *side) error {
	var points []string
	for _, point := range container.tree.root.Mounts.Below("/") {
		switch {
		case proc.Under(container.top, point):
			return hint.With(fmt.Errorf("compare %s with the image: %s is mounted there, and is no part of it", container.end, remote.Escape(point)),
				"kubectl shareproc fs df "+container.end.pod)
		case proc.Under(point, container.top):
			points = append(points, strings.TrimPrefix(strings.TrimPrefix(point, container.top), "/"))
		}
	}
	mounted := func(name string) bool {
		return slices.ContainsFunc(points, func(point string) bool { return proc.Under(name, point) })
	}
	for _, s := range []*side{image, container} {
		for name := range s.list.Files {
			if mounted(name) {
				delete(s.list.Files, name)
			}
		}
	}
	for _, point := range points {
		for dir := path.Dir(point); dir != "."; dir = path.Dir(dir) {
			if _, inImage := image.list.Files[dir]; inImage || hasBelow(container.list, dir) {
				break
			}
			delete(container.list.Files, dir)
		}
	}
	return nil
}

// hasBelow reports whether something is listed below a directory.
func hasBelow(l diff.Listing, dir string) bool {
	for name := range l.Files {
		if strings.HasPrefix(name, dir+"/") {
			return true
		}
	}
	return false
}
