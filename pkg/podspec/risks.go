// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Sharing describes what changes for containers in a shared process namespace, one line per risk; nothing if they
// already share one. What the image itself starts is unknown. See
// https://kubernetes.io/docs/tasks/configure-pod-container/share-process-namespace/
func Sharing(spec *corev1.PodSpec) []string {
	if spec.HostPID || spec.ShareProcessNamespace != nil && *spec.ShareProcessNamespace {
		return nil
	}
	var said, lasting []string
	for i := range spec.InitContainers {
		if c := &spec.InitContainers[i]; sidecar(c) {
			lasting = append(lasting, c.Name)
		}
	}
	for i := range spec.Containers {
		c := &spec.Containers[i]
		lasting = append(lasting, c.Name)
		if init, why := needsFirst(c); init != "" {
			said = append(said, fmt.Sprintf("container %s starts %s, which %s", c.Name, init, why))
		}
		for _, place := range killsFirst(c) {
			said = append(said, fmt.Sprintf("container %s signals PID 1 in %s: in a shared process namespace PID 1 is the pod's sandbox, not its own process", c.Name, place))
		}
	}
	if len(lasting) > 1 {
		said = append(said, fmt.Sprintf("containers %s will see each other's processes: only Unix permissions protect arguments, environment and files",
			list(lasting)))
	}
	return said
}

// needsFirst reports whether the command is an init that must be PID 1. s6-overlay, systemd and the inits of
// distributions refuse to run otherwise; tini without -s warns, and reaps nothing.
func needsFirst(c *corev1.Container) (init, why string) {
	if len(c.Command) == 0 {
		return "", ""
	}
	first := c.Command[0]
	switch path.Base(first) {
	case "systemd", "init", "s6-linux-init", "s6-overlay-suexec", "runit-init", "openrc-init":
		return first, "expects to be PID 1: in a shared process namespace it is not, and may refuse to start"
	case "tini", "docker-init", "dumb-init":
		if !slices.ContainsFunc(c.Command[1:], func(word string) bool { return word == "-s" }) {
			return first, "reaps exited processes only as PID 1: in a shared process namespace they are left to the pod's sandbox"
		}
	}
	return "", ""
}

// killsFirst lists where the spec contains "kill 1".
func killsFirst(c *corev1.Container) []string {
	var places []string
	look := func(place string, words ...string) {
		if killsOne(strings.Join(words, " ")) {
			places = append(places, place)
		}
	}
	look("its command", append(append([]string{}, c.Command...), c.Args...)...)
	handler := func(place string, exec *corev1.ExecAction) {
		if exec != nil {
			look(place, exec.Command...)
		}
	}
	if l := c.Lifecycle; l != nil {
		if l.PostStart != nil {
			handler("its postStart hook", l.PostStart.Exec)
		}
		if l.PreStop != nil {
			handler("its preStop hook", l.PreStop.Exec)
		}
	}
	for place, p := range map[string]*corev1.Probe{"its liveness probe": c.LivenessProbe, "its readiness probe": c.ReadinessProbe, "its startup probe": c.StartupProbe} {
		if p != nil {
			handler(place, p.Exec)
		}
	}
	slices.Sort(places)
	return places
}

// DuplicateWork describes what a copy of a running pod does twice, and what both use, one line per risk. modes are the
// access modes of its claims by name, as far as known.
func (c Copy) DuplicateWork(pod *corev1.Pod, modes map[string]string) []string {
	var said []string
	owner := controller(pod)
	switch running := c.runs(pod); {
	case len(running) == 0:
	case owner == "Job":
		said = append(said, fmt.Sprintf("pod/%s belongs to a Job: the copy does its work again, and the Job does not know", pod.Name))
	default:
		line := fmt.Sprintf("%s %s again in the copy: what it consumes, schedules or writes happens twice", plural(running, "container"), verb(running, "runs", "run"))
		if len(running) > 1 {
			line = strings.Replace(line, "what it consumes, schedules or writes", "what they consume, schedule or write", 1)
		}
		said = append(said, line+workloadHints(pod, running))
	}
	if shared := shares(&pod.Spec, modes); len(shared) > 0 {
		said = append(said, fmt.Sprintf("the copy uses the same %s as pod/%s: %s", verb(shared, "volume", "volumes"), pod.Name, strings.Join(shared, ", ")))
	}
	if pod.Spec.HostNetwork {
		said = append(said, "the copy uses the network of its node: ports that the original listens on are in use")
	}
	if c.Edits.KeepLabels && len(pod.Labels) > 0 {
		said = append(said, fmt.Sprintf("the copy keeps the labels: Services, disruption budgets and policies that select pod/%s also select the copy; it is deleted with the original", pod.Name))
	}
	return said
}

// runs lists the containers whose command starts in the copy.
func (c Copy) runs(pod *corev1.Pod) []string {
	var names []string
	for i := range pod.Spec.Containers {
		if name := pod.Spec.Containers[i].Name; name != c.Hold {
			names = append(names, name)
		}
	}
	return names
}

// killsOne finds "kill 1" in a line of shell, with any options.
func killsOne(line string) bool {
	words := strings.Fields(line)
	for i, word := range words {
		if path.Base(strings.TrimLeft(word, ";&|(")) != "kill" {
			continue
		}
		rest := words[i+1:]
		for len(rest) > 0 && strings.HasPrefix(rest[0], "-") {
			n := 1
			if rest[0] == "-s" || rest[0] == "-n" {
				n = 2
			}
			rest = rest[min(n, len(rest)):]
		}
		if len(rest) > 0 && strings.TrimRight(rest[0], ";&|)") == "1" {
			return true
		}
	}
	return false
}

func controller(pod *corev1.Pod) string {
	for _, o := range pod.OwnerReferences {
		if o.Controller != nil && *o.Controller {
			return o.Kind
		}
	}
	return ""
}

// workloadHints guesses from names whether it is a consumer or takes part in leader election.
func workloadHints(pod *corev1.Pod, running []string) string {
	queue := func(name string) bool {
		return slices.ContainsFunc([]string{"kafka", "amqp", "rabbit", "nats", "queue", "sqs", "pubsub", "pulsar", "celery", "consumer"}, func(sign string) bool {
			return strings.Contains(strings.ToLower(name), sign)
		})
	}
	leader := func(word string) bool {
		return strings.Contains(strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(word)), "leaderelect")
	}
	var signs []string
	for i := range pod.Spec.Containers {
		c := &pod.Spec.Containers[i]
		if !slices.Contains(running, c.Name) {
			continue
		}
		for _, word := range slices.Concat(c.Command, c.Args) {
			if leader(word) && !strings.HasSuffix(strings.ToLower(word), "=false") {
				signs = append(signs, "takes part in leader election ("+word+")")
			}
		}
		for _, v := range c.Env {
			switch {
			case leader(v.Name):
				signs = append(signs, "takes part in leader election ("+v.Name+")")
			case queue(v.Name):
				signs = append(signs, "consumes messages ("+v.Name+")")
			}
		}
	}
	if len(signs) == 0 {
		return ""
	}
	return "; it apparently " + list(slices.Compact(signs))
}

// shares lists the volumes that the copy and the original have in common.
func shares(spec *corev1.PodSpec, modes map[string]string) []string {
	var said []string
	for i := range spec.Volumes {
		v := &spec.Volumes[i]
		switch {
		case v.PersistentVolumeClaim != nil:
			claim := v.PersistentVolumeClaim.ClaimName
			said = append(said, fmt.Sprintf("%s (claim %s)", v.Name, strings.TrimSpace(claim+" "+modes[claim])))
		case v.HostPath != nil:
			said = append(said, fmt.Sprintf("%s (%s on the node)", v.Name, v.HostPath.Path))
		case v.NFS != nil:
			said = append(said, fmt.Sprintf("%s (%s:%s)", v.Name, v.NFS.Server, v.NFS.Path))
		}
	}
	for _, r := range spec.ResourceClaims {
		if r.ResourceClaimName != nil {
			said = append(said, fmt.Sprintf("%s (resource claim %s)", r.Name, *r.ResourceClaimName))
		}
	}
	return said
}

func plural(names []string, noun string) string {
	return verb(names, noun, noun+"s") + " " + list(names)
}

func verb(names []string, one, many string) string {
	if len(names) == 1 {
		return one
	}
	return many
}

// list joins names with commas and "and".
func list(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}
