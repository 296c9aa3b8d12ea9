// SPDX-License-Identifier: Apache-2.0

// Package switcher answers "where else can one go?": the namespaces, the pods of one and, of the pod that is on the screen, its
// containers and processes, as rows. It asks no cluster, and goes nowhere itself.
package switcher

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/place"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/pick"
)

// Everywhere is in the place of a namespace where they are listed.
const Everywhere = "*"

// A Switcher lists where else one can go.
type Switcher struct {
	// Open says that it is there, and Focused that keys are about it.
	Open, Focused bool
	// Filter is what a row has to have in it.
	Filter string
	// Err is why there is no list.
	Err error
	// Rows are what is shown, and At is the one that keys are about.
	Rows []Row
	At   int

	known
	namespace string // that was chosen: "" for the pod's own, Everywhere for a list of all
	asking    string // the namespace that is asked about
	top       int
}

// Here is the pod on the screen that a Switcher is about.
type Here struct {
	place.Spot
	Containers []string
}

// A List is the pods of a namespace, or all namespaces in the place of Everywhere.
type List struct {
	Namespace  string
	Pods       []pick.Row
	Namespaces []string
	Err        error
}

// Show shows it, with the namespace of the pod on the screen.
func (s *Switcher) Show() {
	s.Open, s.Focused, s.Filter, s.asking = true, true, "", ""
	s.Choose("")
}

// Choose has the pods of a namespace be listed, "" for that of the pod on the screen. The cursor goes where one is.
func (s *Switcher) Choose(namespace string) { s.namespace, s.Rows = namespace, nil }

// Within is the namespace whose pods are listed.
func (s *Switcher) Within(here Here) string { return cmp.Or(s.namespace, here.Namespace) }

// Lacks reports whether the pods that would be listed are not known.
func (s *Switcher) Lacks(here Here) bool {
	namespace := s.Within(here)
	return namespace != s.of && namespace != Everywhere
}

// Ask notes that a namespace is asked about, and reports whether it was not yet.
func (s *Switcher) Ask(namespace string) bool {
	asked := s.asking == namespace
	s.asking = namespace
	return !asked
}

// Take takes a list, if it is still wanted. Of a namespace that may not be listed nothing is shown but why.
func (s *Switcher) Take(l List, here Here) {
	if l.Namespace != s.asking {
		return
	}
	s.asking, s.Err = "", l.Err
	if s.At < len(s.Rows) && s.Rows[s.At].Pod == "" {
		s.Rows = nil // the cursor goes where one is
	}
	switch {
	case l.Namespace == Everywhere && l.Err != nil:
		s.Err = fmt.Errorf("n takes a namespace by name: %w", l.Err)
	case l.Namespace == Everywhere:
		s.spaces = l.Namespaces
		s.Choose(Everywhere)
	case l.Err == nil || s.of != l.Namespace:
		s.of, s.pods = l.Namespace, l.Pods
	}
	s.Arrange(here)
}

// TakeProcesses takes what runs in a container.
func (s *Switcher) TakeProcesses(of place.Spot, processes []inspect.Process) {
	if s.running == nil {
		s.running = map[place.Spot][]inspect.Process{}
	}
	of.PID = 0
	s.running[of] = processes
}

// Arrange makes the rows, and leaves the cursor where it was, or where one is.
func (s *Switcher) Arrange(here Here) {
	at := here.Spot
	if s.At < len(s.Rows) {
		at = s.Rows[s.At].Spot
	}
	s.Rows = s.rows(here, s.Within(here), s.Filter)
	for _, at := range []place.Spot{at, here.Spot, {Namespace: here.Namespace}} {
		if s.At = slices.IndexFunc(s.Rows, func(r Row) bool { return r.Spot == at }); s.At >= 0 {
			return
		}
	}
	s.At = max(0, slices.IndexFunc(s.Rows, func(r Row) bool { return r.Pod != "" }))
}

// Move moves the cursor.
func (s *Switcher) Move(by int) { s.At = max(0, min(s.At+by, len(s.Rows)-1)) }

// Click moves the cursor to a line of the screen, and reports whether it was there already.
func (s *Switcher) Click(line int) (again bool) {
	row := s.top + line
	if row >= len(s.Rows) {
		return false
	}
	again = s.Focused && s.At == row
	s.Focused, s.At = true, row
	return again
}
