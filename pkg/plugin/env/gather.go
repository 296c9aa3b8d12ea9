// SPDX-License-Identifier: Apache-2.0

package env

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect/environ"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
)

type found = inspect.Found[environ.Variable, Summary]

// gather reads the environment of the process, and those of the objects in its spec that the question takes.
func gather(ctx context.Context, deps *cli.Deps, l *inspect.Look, opts *options) (found, error) {
	p := l.First()
	if opts.PID != 0 {
		p = l.Processes[0]
	}
	if p.PID == 0 {
		return found{}, fmt.Errorf("read the environment of container %s in pod/%s: no process of it runs", l.Target.Container, l.Pod)
	}
	readings, err := l.Host.Inspect(ctx, []int{p.PID}, process.Bytes("environ"))
	if err != nil {
		return found{}, err
	}
	own, reason := inspect.OwnEnvironment(p, readings.Of(p.PID, "environ"))
	f := found{Summary: &Summary{PID: p.PID, Name: p.Name, FromSpec: reason != ""}}
	pod := l.Target.Pod
	c := environ.ContainerOf(pod, cmp.Or(p.Container, l.Target.Container))
	if reason != "" && (opts.stale || c == nil) {
		return f, fmt.Errorf("read the environment of process %d (%s) in pod/%s: %s", p.PID, remote.Escape(p.Name), l.Pod, reason)
	}
	objects := environ.Objects{}
	if c != nil {
		if objects, f.Notes, err = fetch(ctx, deps, l.Namespace, wanted(c, opts, reason != "")); err != nil {
			return f, err
		}
	}
	switch {
	case reason != "":
		f.Items = environ.Declared(pod, c, objects)
		f.Notes = append(f.Notes, fmt.Sprintf("process %d (%s): %s; what follows is the pod's spec, with ConfigMaps as they are now", p.PID, remote.Escape(p.Name), reason))
	case opts.stale && c != nil:
		f.Items = environ.Stale(pod, c, own, objects)
	case opts.stale:
		f.Notes = append(f.Notes, fmt.Sprintf("process %d (%s) is in no container of the pod's spec, so there is nothing to compare with", p.PID, remote.Escape(p.Name)))
	default:
		f.Items = environ.Explain(pod, c, own, objects)
	}
	if opts.Diff {
		f.Items = ownOfPod(f.Items, pod.Name)
	}
	f.Items = environ.Show(f.Items, opts.showSecrets)
	if opts.stale && len(f.Items) == 0 {
		deps.Report.Say("process %d (%s) in pod/%s has what its spec, ConfigMaps and Secrets say now", p.PID, p.Name, l.Pod)
	}
	return f, nil
}

// wanted are the objects to ask for: those whose keys have to be known, those that are compared, or those that stand for the
// process. A Secret is read only to compare, or to be shown.
func wanted(c *corev1.Container, opts *options, instead bool) []environ.Ref {
	refs := environ.Refs(c, !opts.stale && !instead)
	return slices.DeleteFunc(refs, func(r environ.Ref) bool {
		return r.Kind == environ.Secret && !opts.stale && (!instead || !opts.showSecrets)
	})
}

// fetch reads ConfigMaps and Secrets.
func fetch(ctx context.Context, deps *cli.Deps, namespace string, refs []environ.Ref) (environ.Objects, []string, error) {
	if len(refs) == 0 {
		return environ.Objects{}, nil, nil
	}
	client, err := deps.Client()
	if err != nil {
		return nil, nil, err
	}
	config, err := inspect.ReadConfig(ctx, client, namespace, refs)
	return config.Objects, config.Notes, err
}
