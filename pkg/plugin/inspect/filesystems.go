// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

// A FileSystem is one that is mounted in a container.
type FileSystem struct {
	proc.Mount
	process.Capacity
	// Volume is nil where it is none of the pod's.
	Volume *podspec.Volume
}

// FileSystems are what a process of the container has mounted.
type FileSystems struct {
	Items []FileSystem
	// Notes say what is not known, and Text is the process's mountinfo.
	Notes []string
	Text  string
}

// FileSystemsOf asks how full the file systems are of the container's first process that the helper may look into; with all also
// the kernel's, those without a size, and the kubelet's own files.
func FileSystemsOf(ctx context.Context, l *Look, all bool) (found FileSystems, err error) {
	p := firstReadable(l)
	if p.PID == 0 {
		return found, fmt.Errorf("find a process of container %s in pod/%s: %w", l.Target.Container, l.Pod, remote.ErrNoProcess)
	}
	readings, err := l.Host.Inspect(ctx, []int{p.PID}, process.Text("mountinfo"))
	if err != nil {
		return found, err
	}
	found.Text = readings.Of(p.PID, "mountinfo").Text
	every := proc.Mounts(found.Text)
	if len(every) > 0 && !slices.ContainsFunc(every, func(m proc.Mount) bool { return m.Point == "/proc" }) {
		found.Notes = append(found.Notes, fmt.Sprintf("process %d (%s) has changed its root: only what is mounted below that is shown", p.PID, remote.Escape(p.Name)))
	}
	if _, ok := proc.MountOf(every, "/"); !ok {
		every = append(every, proc.Mount{Mount: process.Mount{Point: "/", Type: "unknown"}}) // the root that it has changed to
	}
	volumes := podspec.VolumesOf(l.Target.Pod, cmp.Or(p.Container, l.Target.Container))
	mounts := slices.DeleteFunc(slices.Clone(every), func(m proc.Mount) bool { return m.Hidden || !all && leftOut(m, every, volumes, l) })
	slices.SortFunc(mounts, func(a, b proc.Mount) int { return cmp.Compare(a.Point, b.Point) })
	capacities, err := capacitiesOf(ctx, l, p, mounts)
	if errors.Is(err, fs.ErrPermission) {
		found.Notes, err = append(found.Notes, fmt.Sprintf("sizes are unknown: the helper may not open the root of process %d (%s, user %d:%d); "+
			"use --profile general if the cluster admits a helper as root", p.PID, remote.Escape(p.Name), p.UID, p.GID)), nil
	}
	for i, c := range capacities {
		if all || c.Err != nil || c.Size > 0 {
			found.Items = append(found.Items, FileSystem{mounts[i], c, VolumeAt(volumes, mounts[i].Point)})
		}
		if errors.Is(c.Err, remote.ErrStuck) || errors.Is(c.Err, remote.ErrClosedMount) {
			found.Notes = append(found.Notes, fmt.Sprintf("%s: %v", remote.Escape(mounts[i].Point), c.Err))
		}
	}
	return found, err
}

// capacitiesOf has one for each mount. With fs.ErrPermission each of them has that.
func capacitiesOf(ctx context.Context, l *Look, p session.Process, mounts []proc.Mount) ([]process.Capacity, error) {
	points := make([]string, len(mounts))
	for i, m := range mounts {
		points[i] = m.Point
	}
	capacities, err := l.Host.Capacities(ctx, p.PID, points)
	if errors.Is(err, fs.ErrPermission) {
		capacities = slices.Repeat([]process.Capacity{{Err: fs.ErrPermission}}, len(points))
	}
	return capacities, err
}

// firstReadable is the first process whose root opens, or the first one where none does.
func firstReadable(l *Look) session.Process {
	first := l.First()
	for _, p := range l.Processes {
		if p.RootReadable && (!first.RootReadable || p.StartTicks < first.StartTicks) {
			first = p
		}
	}
	return first
}

// leftOut reports whether a mount says nothing of the container's files: the kernel's, what a runtime hides in those, and single
// files of the kubelet.
func leftOut(m proc.Mount, mounts []proc.Mount, volumes map[string]podspec.Volume, l *Look) bool {
	if m.Kernel() {
		return true
	}
	if VolumeAt(volumes, m.Point) != nil {
		return false
	}
	logs := []string{"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/dev/termination-log"}
	if c, ok := podspec.Container(l.Target.Pod, l.Target.Container); ok {
		logs = append(logs, c.TerminationMessagePath)
	}
	return slices.Contains(logs, m.Point) ||
		slices.ContainsFunc(mounts, func(k proc.Mount) bool { return k.Kernel() && k.Point != "/" && proc.Under(m.Point, k.Point) })
}

// VolumeAt is the volume at a mount point; nil for none. In most images /var/run is a link to /run.
func VolumeAt(volumes map[string]podspec.Volume, point string) *podspec.Volume {
	v, ok := volumes[point]
	if !ok && strings.HasPrefix(point, "/run/") {
		v, ok = volumes["/var"+point]
	}
	if !ok {
		return nil
	}
	return &v
}
