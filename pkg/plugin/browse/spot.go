// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// A spot is where files are: in a container of a pod, as a process sees them; the zero one is this machine.
type spot struct {
	namespace, pod, container string
	pid                       int
}

func (s spot) local() bool { return s.pod == "" }

// args is a command line about it: a verb, the pod, what follows that, and flags.
func (s spot) args(verb []string, words ...string) []string {
	return slices.Concat(verb, []string{"pod/" + s.pod}, words, []string{"-c", s.container})
}

// end is a path in it, as cp takes it.
func (s spot) end(name string) files.End {
	end := files.End{Namespace: s.namespace, Container: s.container, PID: s.pid, Path: name}
	if !s.local() {
		end.Pod = "pod/" + s.pod
	}
	return end
}

// word is a path in it, as fs diff takes it from somebody who is at home in a namespace.
func (s spot) word(home, name string) string {
	if s.local() {
		return name
	}
	text := "pod/" + s.pod + ":"
	if s.namespace != home {
		text = s.namespace + "/" + text
	}
	if s.pid != 0 {
		text += strconv.Itoa(s.pid) + ":"
	}
	return text + name
}

// An opened is a spot that is open: its container is known by name, and dir is where its process works.
type opened struct {
	spot
	place
	title, dir string
	name       string // to go to in dir
	containers []string
}

// open opens a spot of which only the pod has to be known. arg names the pod where it is a workload's.
func (b *browser) open(ctx context.Context, deps *cli.Deps, flags cli.HelperFlags, arg string, pid int) (o opened, err error) {
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
	p := newPod(s, root)
	b.mu.Lock()
	b.opened = append(b.opened, p)
	b.mu.Unlock()
	o = opened{spot: spot{s.Namespace, s.Pod, s.Target.Container, pid}, place: p, title: title(b.home, p, pid), dir: "/"}
	o.containers = containersOf(s.Target.Pod)
	if pid != 0 {
		if at, err := root.Absolute(ctx, "./"); err == nil {
			o.dir = path.Clean(at)
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

// visit opens a spot while the screen is shown.
func (b *browser) visit(ctx context.Context, at spot) (opened, error) {
	flags := b.opts.HelperFlags
	flags.Selector, flags.Container = "", at.container
	return b.open(ctx, b.silent(at.namespace), flags, "pod/"+at.pod, at.pid)
}

// title names a pod, its container and whose files are seen as.
func title(home string, p *pod, pid int) string {
	text := "pod/" + p.Pod + " " + p.Target.Container
	if p.Namespace != home {
		text = p.Namespace + "/" + text
	}
	user := cmp.Or(p.root.Process.User, fmt.Sprint("uid ", p.root.Process.UID))
	if pid != 0 {
		return fmt.Sprintf("%s %d %s (%s)", text, pid, p.root.Process.Name, user)
	}
	return text + " (" + user + ")"
}

// begin is the directory of a path, and the name in it where the path is a file's.
func begin(ctx context.Context, root *remote.Root, name string) (dir, file string, err error) {
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
