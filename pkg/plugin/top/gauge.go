// SPDX-License-Identifier: Apache-2.0

package top

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
)

// A gauge asks again and again what a container and its processes use.
type gauge struct {
	meter inspect.Meter
	group proc.Cgroup
	// files are those of the control group that are there.
	files []string
}

func newGauge(l *inspect.Look) *gauge {
	return &gauge{meter: inspect.Meter{Host: l.Host}, files: proc.CgroupFiles()}
}

// sinceStart has the first reading say what was used since the container started.
func (g *gauge) sinceStart(l *inspect.Look) {
	g.group = proc.NoUsage(time.Duration(l.First().StartTicks) * time.Second / 100) //nolint:gosec // ticks of an uptime
}

// read asks what is used now, of the processors since the last time.
func (g *gauge) read(ctx context.Context, l *inspect.Look) (all found, err error) {
	if all.Items, err = g.meter.Read(ctx, l.Processes); err != nil {
		return all, err
	}
	now, note, err := g.cgroup(ctx, l)
	if err != nil {
		return all, err
	}
	summary := now.Since(g.group)
	all.Summary, g.group = &summary, now
	for _, text := range []string{note, inspect.DeniedFiles(all.Items)} {
		if text != "" {
			all.Notes = append(all.Notes, text)
		}
	}
	return all, nil
}

// cgroup reads the container's control group, through any of its processes that lets the helper open its files.
func (g *gauge) cgroup(ctx context.Context, l *inspect.Look) (group proc.Cgroup, note string, err error) {
	for _, p := range l.Processes {
		if !p.RootReadable {
			continue
		}
		readings, err := l.Host.Cgroup(ctx, p.PID, g.files...)
		switch {
		case errors.Is(err, fs.ErrPermission):
			continue
		case errors.Is(err, fs.ErrNotExist):
			return group, "no control group is mounted in container " + l.Target.Container + ": its limits are unknown", nil
		case err != nil:
			return group, "", err
		}
		if group = proc.NewCgroup(readings); group.Version == 0 {
			return group, "container " + l.Target.Container + " does not see its own control group: its limits are unknown", nil
		}
		g.files = nil
		for file := range readings {
			g.files = append(g.files, file)
		}
		return group, "", nil
	}
	return group, "the control group of container " + l.Target.Container +
		" cannot be read: no process of it lets the helper open its files", nil
}
