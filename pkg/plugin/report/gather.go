// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/report"
)

// A gathering puts a report together. What cannot be read becomes a note.
type gathering struct {
	*inspect.Look
	report   Report
	interval time.Duration
	// before and now are the two samples.
	before, now sample
	sockets     []proc.Socket
	files       []proc.OpenFile
	threads     []proc.Thread
	changed     report.Section
	client      kubernetes.Interface
	config      inspect.Config
}

// A sample is what the kernel says at one moment.
type sample struct {
	processes []inspect.Process
	readings  process.Readings
	cgroup    proc.Cgroup
}

// gather asks the cluster and the helper at once.
func gather(ctx context.Context, deps *cli.Deps, l *inspect.Look, opts *options) (Report, error) {
	client, err := deps.Client()
	if err != nil {
		return Report{}, err
	}
	pod, container := l.Target.Pod, l.Target.Container
	more := ""
	if flag := deps.Config.Namespace; flag != nil && *flag != "" {
		more += " -n " + l.Namespace
	}
	if container != pod.Spec.Containers[0].Name {
		more += " -c " + container
	}
	g := &gathering{Look: l, client: client, interval: opts.interval, report: Report{
		TypeMeta: output.NewTypeMeta("Report"), Namespace: l.Namespace, Pod: l.Pod, Container: container, Sections: []report.Section{},
		facts: report.Facts{Pod: pod, Container: container, Command: pod.Name + more, All: opts.all(more), Interval: opts.interval},
	}}
	var events []corev1.Event
	var log, previous []string
	var eventErr, logErr, previousErr error
	group := crash.NewGroup(ctx)
	group.Go(func() { events, eventErr = eventsOf(ctx, client, pod) })
	group.Go(func() { log, logErr = logOf(ctx, client, pod, container, false) })
	if restarted(pod, container) {
		group.Go(func() { previous, previousErr = logOf(ctx, client, pod, container, true) })
	}
	readTraits(g)
	err = g.look(ctx)
	group.Wait()
	if err = cmp.Or(err, context.Cause(ctx)); err != nil {
		return Report{}, err
	}
	for _, failed := range []error{eventErr, logErr, previousErr} {
		if failed != nil {
			g.note("%v", failed)
		}
	}
	g.report.Time = deps.Now()
	g.report.facts.Events, g.report.facts.Now = events, g.report.Time
	g.sections(events, log, previous)
	return g.report, nil
}

func restarted(pod *corev1.Pod, container string) bool {
	return slices.ContainsFunc(pod.Status.ContainerStatuses, func(st corev1.ContainerStatus) bool {
		return st.Name == container && st.LastTerminationState.Terminated != nil
	})
}

func (g *gathering) note(format string, args ...any) {
	g.report.Notes = append(g.report.Notes, fmt.Sprintf(format, args...))
}

// look reads two samples, and what is read once between them.
func (g *gathering) look(ctx context.Context) error {
	if g.First().PID == 0 {
		g.note("container %s has no process that can be inspected", g.Target.Container)
		return nil
	}
	meter := &inspect.Meter{Host: g.Host}
	var err error
	if g.before, err = g.sample(ctx, meter); err != nil {
		return err
	}
	began := time.Now()
	for _, read := range []func(context.Context, *gathering) error{readSockets, readFileSystems, readConfig, readRoot, readCertificates} {
		if err := read(ctx, g); err != nil {
			return err
		}
	}
	if left := g.interval - time.Since(began); left > 0 {
		if err := inspect.Wait(ctx, left); err != nil {
			return err
		}
	}
	if g.now, err = g.sample(ctx, meter); err != nil {
		return err
	}
	g.report.facts.Interval = time.Since(began).Round(time.Second / 10)
	judgeSamples(g)
	return nil
}

// sample reads what changes all the time.
func (g *gathering) sample(ctx context.Context, meter *inspect.Meter) (s sample, err error) {
	if s.processes, err = meter.Read(ctx, g.Processes); err != nil {
		return s, err
	}
	s.readings, err = g.Host.Inspect(ctx, g.PIDs(), process.OfNode("uptime"), process.Threads, process.Machine, process.Descriptors, process.Clock)
	if err != nil {
		return s, err
	}
	texts, err := g.Host.Cgroup(ctx, g.First().PID, proc.CgroupFiles()...)
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist):
		if len(g.before.processes) > 0 {
			g.note("memory and CPU of the container are not known: %v", err)
		}
		return s, nil
	case err != nil:
		return s, err
	}
	s.cgroup = proc.NewCgroup(texts)
	for name, text := range texts {
		g.raw("cgroup/"+name, text.Text)
	}
	return s, nil
}

// raw keeps a text for the bundle; a later one of the same name counts.
func (g *gathering) raw(name, text string) {
	g.report.raw = slices.DeleteFunc(g.report.raw, func(f rawFile) bool { return f.name == "raw/"+name })
	g.report.raw = append(g.report.raw, rawFile{"raw/" + name, []byte(text)})
}

func readSockets(ctx context.Context, g *gathering) error {
	sockets, notes, err := inspect.Sockets(ctx, g.Look)
	g.sockets = sockets
	g.report.Notes = append(g.report.Notes, notes...)
	return err
}
