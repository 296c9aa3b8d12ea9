// SPDX-License-Identifier: Apache-2.0

package cp

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
)

// admit refuses a copy that does not fit, or for which the kubelet would evict the pod.
func (o *cpOptions) admit(ctx context.Context, deps *cli.Deps, to copySide, name, dir string, bytes int64) error {
	if to.session == nil || o.force {
		return nil
	}
	if err := o.fits(ctx, to, name, dir, bytes); err != nil {
		return err
	}
	s := storageOf(to.session.Target.Pod, to.session.Target.Container, name)
	if s.limit == nil {
		return nil
	}
	there, beside := int64(0), ""
	if s.mount != "" && bytes <= s.limit.Value() {
		u := usage{storage: s, seen: map[[2]uint64]bool{}}
		if _, err := to.root.Walk(ctx, s.mount, rootfs.WalkOptions{TreeOptions: rootfs.TreeOptions{OneFileSystem: true}}, u.add); err != nil {
			deps.Report.Say("how much %s holds already was not counted: only the copy is compared with %s (%s)", remote.Escape(s.mount), s.of, s.limit)
		}
		there, beside = u.bytes, fmt.Sprintf(" beside the %s that it holds", output.HumanBytes(u.bytes))
	}
	if bytes+there <= s.limit.Value() {
		return nil
	}
	return hint.With(fmt.Errorf("write %s in pod/%s: %s%s exceeds %s (%s): the kubelet would evict the pod",
		remote.Escape(name), to.session.Pod, output.HumanBytes(bytes), beside, s.of, s.limit), "add --force if the pod may be evicted")
}

// smallCopy is the size, in bytes, of copies that are not worth a question.
const smallCopy = 1 << 20

// fits refuses a copy that the file system has no room for: one that is full breaks the target, and the sandbox's (/dev/shm) stays
// so when the container starts again. With --resume part of it may be there.
func (o *cpOptions) fits(ctx context.Context, to copySide, name, dir string, bytes int64) error {
	if bytes < smallCopy {
		return nil
	}
	found, err := process.On(to.root.Conn()).Capacities(ctx, to.root.Process.PID, []string{dir})
	if err != nil || found[0].Err != nil {
		return nil // what is wrong there shows in the copy
	}
	used, more := found[0].Used, uint64(bytes)
	if o.resume {
		more -= min(more, used)
	}
	if free := found[0].Size - used; more > free {
		return hint.With(fmt.Errorf("write %s in pod/%s: %s exceeds the %s that are free in %s", remote.Escape(name), to.session.Pod,
			output.HumanBytes(int64(more)), output.HumanBytes(int64(min(free, math.MaxInt64))), remote.Escape(dir)), "add --force to write as much as fits")
	}
	limit := podspec.MemoryLimit(&to.session.Target.Pod.Spec)
	if limit == nil || !to.root.Mounts.InMemory(dir) {
		return nil
	}
	var memory *proc.Memory
	if texts, err := process.On(to.root.Conn()).Cgroup(ctx, to.root.Process.PID, proc.CgroupFiles()...); err == nil {
		memory = proc.NewCgroup(texts).Memory
	}
	if left := limit.Value() - int64(min(memory.Fixed(used)+helperMemory, math.MaxInt64)); int64(more) > left {
		return hint.With(fmt.Errorf("write %s in pod/%s: %s in memory exceeds the %s left of the pod's memory limit (%s): the kernel would end its processes",
			remote.Escape(name), to.session.Pod, output.HumanBytes(int64(more)), output.HumanBytes(max(left, 0)), limit), "add --force if they may be ended, or copy to a disk")
	}
	return nil
}

// helperMemory is what the programs of a helper take during a copy. Of the pod's control group, which nobody sees from inside,
// that of the target, the helper and the file system are known: other containers may use more.
const helperMemory = 4 << 20

// storage is what limits a path of a container.
type storage struct {
	limit *resource.Quantity
	// of says what has the limit.
	of string
	// mount is where the volume with the limit is mounted, and other where others are; "" for the container's own disk, of
	// which nobody knows from inside how much is used.
	mount string
	other []string
}

// usageMost is how many files are counted: a walk of more takes longer than most copies.
const usageMost = 20_000

var errTooMany = errors.New("too many files")

// usage adds up what a volume holds.
type usage struct {
	storage
	files int
	bytes int64
	seen  map[[2]uint64]bool // files with several names
}

func (u *usage) add(path string, e rootfs.Entry) error { return u.count(path, e.Stat()) }

func (u *usage) count(path string, info *remote.Stat) error {
	if u.files++; u.files > usageMost {
		u.bytes = 0
		return errTooMany
	}
	if info == nil || slices.ContainsFunc(u.other, func(point string) bool { return path == point || strings.HasPrefix(path, point+"/") }) {
		return nil // Walk says at its end what it could not read
	}
	id := [2]uint64{info.Dev, info.Ino}
	if !u.seen[id] {
		u.bytes += info.Blocks * 512
	}
	u.seen[id] = u.seen[id] || info.Nlink > 1 && !info.FileMode().IsDir()
	return nil
}

// storageOf is what limits how much a container's path may hold; nothing where the file system itself sees to it.
func storageOf(pod *corev1.Pod, container, name string) storage {
	var spec corev1.Container
	for _, c := range append(append([]corev1.Container(nil), pod.Spec.Containers...), pod.Spec.InitContainers...) {
		if c.Name == container {
			spec = c
		}
	}
	var s storage
	volume := ""
	for _, m := range spec.VolumeMounts {
		point := path.Clean(m.MountPath)
		if len(point) > len(s.mount) && strings.HasPrefix(name+"/", strings.TrimSuffix(point, "/")+"/") {
			s.mount, volume = point, m.Name
		}
	}
	for _, m := range spec.VolumeMounts {
		if point := path.Clean(m.MountPath); strings.HasPrefix(point, strings.TrimSuffix(s.mount, "/")+"/") {
			s.other = append(s.other, point)
		}
	}
	for _, v := range pod.Spec.Volumes {
		if v.Name == volume && v.EmptyDir != nil && v.EmptyDir.Medium == corev1.StorageMediumDefault {
			s.limit, s.of = v.EmptyDir.SizeLimit, "the sizeLimit of volume "+v.Name
			return s
		}
	}
	if quantity, ok := spec.Resources.Limits[corev1.ResourceEphemeralStorage]; ok && volume == "" {
		return storage{limit: &quantity, of: "the container's limit of ephemeral-storage"}
	}
	return storage{}
}
