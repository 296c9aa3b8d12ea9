// SPDX-License-Identifier: Apache-2.0

package place

import (
	"slices"
	"strconv"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
)

// A Spot is where files are: in a container of a pod, as a process sees them; the zero one is this machine.
type Spot struct {
	Namespace, Pod, Container string
	PID                       int
}

// Local reports whether it is this machine.
func (s Spot) Local() bool { return s.Pod == "" }

// Args is a command line about it: a verb, the pod, what follows that, and flags.
func (s Spot) Args(verb []string, words ...string) []string {
	return slices.Concat(verb, []string{"pod/" + s.Pod}, words, []string{"-c", s.Container})
}

// End is a path in it, as cp takes it.
func (s Spot) End(name string) files.End {
	end := files.End{Namespace: s.Namespace, Container: s.Container, PID: s.PID, Path: name}
	if !s.Local() {
		end.Pod = "pod/" + s.Pod
	}
	return end
}

// Word is a path in it, as fs diff takes it from somebody who is at home in a namespace.
func (s Spot) Word(home, name string) string {
	if s.Local() {
		return name
	}
	text := "pod/" + s.Pod + ":"
	if s.Namespace != home {
		text = s.Namespace + "/" + text
	}
	if s.PID != 0 {
		text += strconv.Itoa(s.PID) + ":"
	}
	return text + name
}

// An Opened is a spot that is open: its container is known by name, and Dir is where its process works.
type Opened struct {
	Spot
	Place
	Title, Dir string
	Name       string // to go to in Dir
	Containers []string
}
