// SPDX-License-Identifier: Apache-2.0

package files

import (
	"cmp"
	"context"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
)

// A Start is when a container was started, and so what has changed in it.
type Start struct {
	Container string
	Since     time.Time
	// ClockSet says that the start is known to a second only.
	ClockSet bool
	Mounts   []proc.Mount
	Changes  proc.Changes
}

// StartOf finds out when the container was started whose root is looked at, over the same connection.
func StartOf(ctx context.Context, in Place) (Start, error) {
	host := process.On(in.Root.Conn())
	list, err := host.Processes(ctx)
	if err != nil {
		return Start{}, err
	}
	readings, err := host.Inspect(ctx, []int{in.Root.Process.PID}, process.Text("mountinfo"), process.Clock)
	if err != nil {
		return Start{}, err
	}
	first := firstBeside(list, in.Root.Process)
	start := first.Start
	if boot, ok := proc.Boot(readings["clock"].Text); ok {
		start = proc.StartOf(boot, first.StartTicks)
	}
	s := Start{Container: cmp.Or(in.Target.ContainerOf(first.Cgroup), in.Target.Container)}
	reported := time.Time{}
	if st, ok := podspec.Status(in.Target.Pod, s.Container); ok && st.State.Running != nil {
		reported = st.State.Running.StartedAt.Time
	}
	s.Since, s.ClockSet = proc.ContainerStart(start, reported)
	until := s.Since.Add(2 * time.Second)
	if later := reported.Add(time.Second); later.After(until) {
		until = later
	}
	s.Mounts = proc.Mounts(readings.Of(in.Root.Process.PID, "mountinfo").Text)
	s.Changes = proc.NewChanges(s.Since, until, s.Mounts)
	return s, nil
}

// firstBeside is the process of the same container that was started first.
func firstBeside(list []process.Process, p process.Process) process.Process {
	first := p
	for _, other := range list {
		if other.PID == p.PID {
			first = other
		}
	}
	for _, other := range list {
		if other.Cgroup == first.Cgroup && other.Cgroup != "" && !other.Helper && other.StartTicks < first.StartTicks {
			first = other
		}
	}
	return first
}
