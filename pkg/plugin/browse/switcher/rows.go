// SPDX-License-Identifier: Apache-2.0

package switcher

import (
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/place"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/pick"
)

// A Row leads to a spot: one without a pod to a namespace, and one without anything to this machine.
type Row struct {
	place.Spot
	Depth      int
	text, note string
	style      output.Style
}

// known is what was heard of.
type known struct {
	spaces  []string
	pods    []pick.Row
	of      string                           // the namespace of pods
	running map[place.Spot][]inspect.Process // by container
}

// rows are what a namespace has, or all namespaces, where it has what is typed.
func (k *known) rows(here Here, namespace, filter string) (rows []Row) {
	has := func(text string) bool { return strings.Contains(strings.ToLower(text), strings.ToLower(filter)) }
	if filter == "" {
		rows = append(rows, Row{text: "this machine"})
	}
	if namespace == Everywhere {
		for _, name := range k.spaces {
			if has(name) {
				rows = append(rows, Row{Spot: place.Spot{Namespace: name}, text: name})
			}
		}
		return rows
	}
	if filter == "" {
		rows = append(rows, Row{Spot: place.Spot{Namespace: Everywhere}, text: ".. all namespaces"})
	}
	var pods []pick.Row
	if k.of == namespace {
		pods = k.pods
	}
	own := func(pod pick.Row) bool { return namespace == here.Namespace && pod.Name == here.Pod }
	if namespace == here.Namespace && !slices.ContainsFunc(pods, own) {
		pods = slices.Concat([]pick.Row{pick.Unknown(here.Pod)}, pods)
	}
	for _, pod := range pods {
		if own(pod) || has(pod.Name+" "+pod.Status) {
			rows = append(rows, Row{Spot: place.Spot{Namespace: namespace, Pod: pod.Name}, text: pod.Name, note: pod.Note(), style: pod.Style()})
		}
		if own(pod) {
			rows = append(rows, k.inside(here)...)
		}
	}
	return rows
}

// inside are the containers and processes of the pod on the screen.
func (k *known) inside(here Here) (rows []Row) {
	for _, container := range here.Containers {
		at := place.Spot{Namespace: here.Namespace, Pod: here.Pod, Container: container}
		rows = append(rows, Row{Spot: at, Depth: 1, text: container})
		for _, run := range k.running[at] {
			text := strconv.Itoa(run.PID) + " " + output.EscapeLine(run.CommandCell())
			at.PID = run.PID
			rows = append(rows, Row{Spot: at, Depth: 2, text: text})
		}
	}
	return rows
}
