// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/place"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// First opens a pod that the command line names, at a path of it.
func (b *Backend) First(ctx context.Context, deps *cli.Deps, flags cli.HelperFlags, arg string, pid int, name string) (place.Opened, error) {
	o, err := b.open(ctx, deps, flags, arg, pid)
	if err != nil {
		return o, err
	}
	p := o.Place.(*place.Pod) //nolint:forcetypeassert // it opens no other
	files.SayPartial(deps, p.Session, p.Root)
	o.Dir, o.Name, err = begin(ctx, p.Root, name)
	return o, files.PathError(ctx, p.Session, pid, p.Root, err)
}

// open opens a spot of which only the pod has to be known. arg names the pod where it is a workload's.
func (b *Backend) open(ctx context.Context, deps *cli.Deps, flags cli.HelperFlags, arg string, pid int) (o place.Opened, err error) {
	want := session.Request{Access: podspec.ReadRoot, AnyProcess: pid != 0}
	s, err := cli.Open(ctx, deps, arg, &flags, want, 0)
	if err != nil {
		return o, err
	}
	root, err := s.Dial(ctx, pid)
	if err != nil {
		err = files.PathError(ctx, s, pid, root, &fs.PathError{Op: "open", Path: "/", Err: err})
		s.CloseInto(ctx, &err)
		return o, err
	}
	p := place.NewPod(s, root)
	b.mu.Lock()
	b.opened = append(b.opened, p)
	b.mu.Unlock()
	o = place.Opened{Spot: place.Spot{Namespace: s.Namespace, Pod: s.Pod, Container: s.Target.Container, PID: pid}, Place: p, Title: title(b.home, p, pid), Dir: "/"}
	o.Containers = containersOf(s.Target.Pod)
	if pid != 0 {
		if at, err := root.Absolute(ctx, "./"); err == nil {
			o.Dir = path.Clean(at)
		}
	}
	return o, nil
}

// containersOf names those that run or may run: an init container only as long as it does, as those do that are sidecars.
func containersOf(pod *corev1.Pod) []string {
	return slices.DeleteFunc(target.Containers(pod), func(name string) bool {
		return slices.ContainsFunc(pod.Status.InitContainerStatuses, func(c corev1.ContainerStatus) bool { return c.Name == name && c.State.Running == nil })
	})
}

// Visit opens a spot while the screen is shown.
func (b *Backend) Visit(ctx context.Context, at place.Spot) (place.Opened, error) {
	flags := b.flags
	flags.Selector, flags.Container = "", at.Container
	return b.open(ctx, b.silent(at.Namespace), flags, "pod/"+at.Pod, at.PID)
}

// title names a pod, its container and whose files are seen as.
func title(home string, p *place.Pod, pid int) string {
	text := "pod/" + p.Pod + " " + p.Target.Container
	if p.Namespace != home {
		text = p.Namespace + "/" + text
	}
	user := cmp.Or(p.Root.Process.User, fmt.Sprint("uid ", p.Root.Process.UID))
	if pid != 0 {
		return fmt.Sprintf("%s %d %s (%s)", text, pid, p.Root.Process.Name, user)
	}
	return text + " (" + user + ")"
}

// begin is the directory of a path, and the name in it where the path is a file's.
func begin(ctx context.Context, root *rootfs.Root, name string) (dir, file string, err error) {
	if name, err = root.Absolute(ctx, name); err != nil {
		return "", "", err
	}
	info, err := root.Stat(ctx, name, true)
	switch {
	case err != nil:
		return "", "", err
	case info.FileMode().IsDir():
		return info.Path, "", nil
	case info.Path == "/":
		return "", "", &fs.PathError{Op: "open", Path: name, Err: errors.New("not a directory")}
	}
	return path.Dir(info.Path), path.Base(info.Path), nil
}
