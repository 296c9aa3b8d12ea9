// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect/environ"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/report"
)

// readTraits notes by what pods of a workload may differ: image, arguments and variables of the container that are no secrets.
func readTraits(g *gathering) {
	g.report.traits = map[string]string{}
	c := environ.ContainerOf(g.Target.Pod, g.Target.Container)
	if c == nil {
		return
	}
	g.report.traits["image"] = c.Image
	if st, ok := podspec.Status(g.Target.Pod, c.Name); ok && st.ImageID != "" {
		g.report.traits["image"] = st.ImageID
	}
	g.report.traits["command"] = strings.Join(slices.Concat(c.Command, c.Args), " ")
	addTraits(g, environ.Declared(g.Target.Pod, c, environ.Objects{}), environ.Spec)
}

func addTraits(g *gathering, list []environ.Variable, source string) {
	for _, v := range environ.Show(list, false) {
		if v.Source.Kind == source && !v.Source.Uncertain && !v.Masked && !v.Unknown {
			g.report.traits["variable "+v.Name] = v.Value
		}
	}
}

// readConfig compares the variables of the container's first process with the ConfigMaps that they came from. Secrets are not
// read unasked.
func readConfig(ctx context.Context, g *gathering) error {
	c := environ.ContainerOf(g.Target.Pod, g.Target.Container)
	if c == nil {
		return nil
	}
	refs, secret := environ.Refs(c, false), ""
	for _, f := range mountedFiles(g.Target.Pod, c) {
		if !slices.Contains(refs, f.ref) {
			refs = append(refs, f.ref)
		}
	}
	refs = slices.DeleteFunc(refs, func(r environ.Ref) bool {
		if r.Kind == environ.Secret {
			secret = r.String()
		}
		return r.Kind != environ.ConfigMap
	})
	if secret != "" {
		g.note("%s was not read, so that what comes from it was not compared: kubectl shareproc env %s --stale does", secret, g.report.facts.Command)
	}
	if len(refs) == 0 {
		return nil
	}
	var err error
	if g.config, err = inspect.ReadConfig(ctx, g.client, g.Namespace, refs); err != nil {
		g.note("%v", err)
		return ctx.Err()
	}
	g.report.Notes = append(g.report.Notes, g.config.Notes...)
	p := g.First()
	readings, err := g.Host.Inspect(ctx, []int{p.PID}, process.Bytes("environ"))
	if err != nil {
		return err
	}
	own, reason := inspect.OwnEnvironment(p, readings.Of(p.PID, "environ"))
	if reason != "" {
		if len(environ.Refs(c, false)) > 0 {
			g.note("variables of process %d (%s) were not compared: %s", p.PID, remote.Escape(p.Name), reason)
		}
		return nil
	}
	for _, v := range environ.Stale(g.Target.Pod, c, own, g.config.Objects) {
		if ref := (environ.Ref{Kind: v.Source.Kind, Name: v.Source.Name}); ref.Kind == environ.ConfigMap && newer(g, ref) {
			g.report.facts.Stale = append(g.report.facts.Stale, report.Stale{Name: "variable " + v.Name, Source: ref.String()})
		}
	}
	addTraits(g, environ.Explain(g.Target.Pod, c, own, g.config.Objects), environ.ConfigMap)
	return nil
}

// newer reports whether an object may have been written since the container started: what a program has changed itself is no
// older configuration.
func newer(g *gathering, ref environ.Ref) bool {
	changed := g.config.Changed[ref]
	st, ok := podspec.Status(g.Target.Pod, g.Target.Container)
	return changed.IsZero() || !ok || st.State.Running == nil || !changed.Before(st.State.Running.StartedAt.Time)
}

// A mountedFile is a key of a ConfigMap that is mounted as a single file (subPath): the kubelet never updates it.
type mountedFile struct {
	ref       environ.Ref
	key, path string
}

// mountedFiles lists them. All other files of a ConfigMap are kept as new as it is.
func mountedFiles(pod *corev1.Pod, c *corev1.Container) []mountedFile {
	var list []mountedFile
	add := func(m corev1.VolumeMount, name string, items []corev1.KeyToPath) {
		key := m.SubPath
		if i := slices.IndexFunc(items, func(item corev1.KeyToPath) bool { return item.Path == m.SubPath }); i >= 0 {
			key = items[i].Key
		}
		list = append(list, mountedFile{environ.Ref{Kind: environ.ConfigMap, Name: name}, key, m.MountPath})
	}
	for _, m := range c.VolumeMounts {
		i := slices.IndexFunc(pod.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name })
		if i < 0 || m.SubPath == "" {
			continue
		}
		v := pod.Spec.Volumes[i]
		if v.ConfigMap != nil {
			add(m, v.ConfigMap.Name, v.ConfigMap.Items)
		}
		if v.Projected != nil {
			for _, s := range v.Projected.Sources {
				if s.ConfigMap != nil {
					add(m, s.ConfigMap.Name, s.ConfigMap.Items)
				}
			}
		}
	}
	return list
}

// readMounted compares the files that the kubelet does not update with the ConfigMaps that they came from.
func readMounted(ctx context.Context, g *gathering, root *rootfs.Root) error {
	c := environ.ContainerOf(g.Target.Pod, g.Target.Container)
	if c == nil {
		return nil
	}
	for _, f := range mountedFiles(g.Target.Pod, c) {
		want, known := g.config.Objects[f.ref][f.key]
		if !known {
			continue
		}
		got, err := readText(ctx, root, f.path, int64(len(want))+1)
		if err != nil {
			g.note("%s was not compared with %s: %v", f.path, f.ref, err)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			continue
		}
		if got != want {
			g.report.facts.Stale = append(g.report.facts.Stale, report.Stale{Name: "file " + f.path, Source: f.ref.String()})
		}
	}
	return nil
}

// readText reads a file of the container, or the beginning of it.
func readText(ctx context.Context, root *rootfs.Root, name string, most int64) (string, error) {
	f, err := rootfs.FS(ctx, root).Open(strings.TrimPrefix(name, "/"))
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(io.LimitReader(f, most))
	if err = cmp.Or(err, f.Close()); err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	return string(text), nil
}
