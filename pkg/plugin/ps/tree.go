// SPDX-License-Identifier: Apache-2.0

package ps

import "github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"

// tree puts the processes of a namespace below their parents, children in the order of the list, with the lines that lead to each.
func tree(list []inspect.Process) (ordered []inspect.Process, branches []string) {
	known, done := map[int]bool{}, map[int]bool{}
	children := map[int][]inspect.Process{}
	for _, p := range list {
		known[p.PID] = true
		children[p.PPID] = append(children[p.PPID], p)
	}
	var walk func(p inspect.Process, branch, lead string)
	walk = func(p inspect.Process, branch, lead string) {
		done[p.PID] = true
		ordered, branches = append(ordered, p), append(branches, branch)
		for i, child := range children[p.PID] {
			switch last := i == len(children[p.PID])-1; {
			case done[child.PID]:
			case last:
				walk(child, lead+"└── ", lead+"    ")
			default:
				walk(child, lead+"├── ", lead+"│   ")
			}
		}
	}
	for _, p := range list {
		if !known[p.PPID] {
			walk(p, "", "")
		}
	}
	// Parents that were read at different times may form a circle, which has no root.
	for _, p := range list {
		if !done[p.PID] {
			walk(p, "", "")
		}
	}
	return ordered, branches
}
