// SPDX-License-Identifier: Apache-2.0

package target

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

// tier is how good a pod is to look into.
type tier int

const (
	// unusable pods have nothing to look at, now or ever.
	unusable tier = iota
	// ended is a ready pod whose chosen container, an init container, has done its work. The user asked
	// for that one, and CheckRunning will say what became of it.
	ended
	// running pods are not ready, but the chosen container runs.
	running
	ready
)

func (t tier) String() string {
	if t == running {
		return "running but not ready"
	}
	return "ready"
}

// candidate is a pod that may be meant. lacks is set where it has no container of the name asked for.
type candidate struct {
	Target
	lacks error
	tier  tier
}

// choose takes the newest of the best pods and says so. pods are sorted, newest first.
func (f finder) choose(w workload, pods []corev1.Pod, container string, say func(string, ...any)) (Target, error) {
	if len(pods) == 0 {
		return Target{}, f.noPods(w)
	}
	all := make([]candidate, 0, len(pods))
	for i := range pods {
		all = append(all, evaluate(&pods[i], container))
	}
	if !slices.ContainsFunc(all, func(c candidate) bool { return c.lacks == nil }) {
		return Target{}, all[0].lacks
	}
	best := slices.MaxFunc(all, func(a, b candidate) int { return int(a.tier - b.tier) })
	if best.tier == unusable {
		return Target{}, f.noneUsable(w, all)
	}
	same := 0
	for _, c := range all {
		if c.tier == best.tier {
			same++
		}
	}
	name := best.Pod.Name
	switch {
	case len(all) == 1 && best.tier == running:
		say("using pod/%s%s, which is not ready", name, w.of)
	case len(all) == 1:
		say("using pod/%s%s", name, w.of)
	case same == 1:
		say("using pod/%s, the only %s pod%s", name, best.tier, w.of)
	default:
		say("using pod/%s, the newest of %d %s pods%s", name, same, best.tier, w.of)
	}
	return best.Target, nil
}

func evaluate(pod *corev1.Pod, container string) candidate {
	t, err := pick(pod, container)
	if err != nil {
		return candidate{Target: Target{Pod: pod}, lacks: err}
	}
	c := candidate{Target: t}
	st := t.Status()
	runs := st != nil && st.State.Running != nil
	isReady := slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
	switch {
	case t.Terminating() || Finished(pod):
	case runs && isReady:
		c.tier = ready
	case runs:
		c.tier = running
	case isReady:
		c.tier = ended
	}
	return c
}

func (f finder) noPods(w workload) error {
	if w.name == "" {
		return hint.With(fmt.Errorf("no pods%s found in namespace %s", w.of, f.namespace),
			fmt.Sprintf("run kubectl get pods -n %s --show-labels, or use -n for another namespace", f.namespace))
	}
	err := fmt.Errorf("no pods%s found", w.of)
	if w.state != "" {
		err = fmt.Errorf("no pods%s found (%s)", w.of, w.state)
	}
	try := fmt.Sprintf("kubectl describe -n %s %s", f.namespace, w.name)
	if w.scaled {
		try = fmt.Sprintf("run kubectl scale -n %s %s --replicas=1, or %s", f.namespace, w.name, try)
	}
	return hint.With(err, try)
}

// maxReasons is how many pods an error names; the advice lists all of them.
const maxReasons = 5

func (f finder) noneUsable(w workload, all []candidate) error {
	var why []string
	for _, c := range all[:min(len(all), maxReasons)] {
		why = append(why, fmt.Sprintf("%s (%s)", c.Pod.Name, c.why()))
	}
	if more := len(all) - maxReasons; more > 0 {
		why = append(why, fmt.Sprintf("and %d more", more))
	}
	try := fmt.Sprintf("run kubectl get pods -n %s -l %s", f.namespace, quote(w.selector.String()))
	// What has no running container may still have one in a copy.
	if i := slices.IndexFunc(all, func(c candidate) bool { return !c.Terminating() }); i >= 0 {
		try += fmt.Sprintf(", or debug one of them with kubectl shareproc debug %s --copy", all[i].Pod.Name)
	}
	return hint.With(fmt.Errorf("no usable pod%s among %s: %s", w.of, count(len(all), "pod"), strings.Join(why, ", ")), try)
}

// why describes why the pod is not usable.
func (c candidate) why() string {
	pod := c.Pod
	switch {
	case c.Terminating():
		return "being deleted"
	case Finished(pod):
		return strings.TrimSuffix("finished: "+string(pod.Status.Phase)+", "+pod.Status.Reason, ", ")
	case c.lacks != nil:
		return "no such container"
	case pod.Spec.NodeName == "":
		_, reason := unscheduled(pod)
		return strings.TrimSuffix("pending: "+reason, ": ")
	}
	if init := c.blocker(); init != nil {
		return "init container " + init.Name + ": " + brief(init.State)
	}
	if st := c.Status(); st != nil {
		return brief(st.State)
	}
	return "not started yet"
}

func brief(s corev1.ContainerState) string {
	switch {
	case s.Running != nil:
		return "running"
	case s.Terminated != nil:
		return fmt.Sprintf("terminated with exit code %d", s.Terminated.ExitCode)
	case s.Waiting != nil && s.Waiting.Reason != "":
		return s.Waiting.Reason
	}
	return "waiting"
}

// quote makes one word of a selector in a shell. Validated selectors hold no quotes.
func quote(selector string) string {
	if strings.ContainsAny(selector, " ()!<>") {
		return "'" + selector + "'"
	}
	return selector
}
