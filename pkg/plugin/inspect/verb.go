// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"context"
	"fmt"
	"slices"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// A Verb is a command that lists items T of a pod: how they are found, and how they are shown. S sums them up; struct{} where
// nothing does.
type Verb[T, S any] struct {
	// Kind is that of the document, such as OpenFileList.
	Kind string
	// Access is what the helper must be able to do.
	Access podspec.Access
	Gather func(context.Context, *Look) (Found[T, S], error)
	// Columns are those of the table.
	Columns []Column[T]
	// PodColumns are those of --all-pods, where that prints one row for each pod; nil for a row for each item.
	PodColumns []Column[List[T, S]]
	// Heading are lines above the table; nil for none. HeadingStyles is how each is shown; nil for plain.
	Heading       func(List[T, S]) []string
	HeadingStyles func(List[T, S]) []output.Style
	// Name is what -o name prints of an item.
	Name func(T) string
	// Key tells which items of two pods are the same, and Value whether they differ, for --diff.
	Key, Value func(T) string
}

// Found is what a look has found.
type Found[T, S any] struct {
	Items []T
	// Summary is about all of them; nil for none.
	Summary *S
	// Notes say what could not be read, and why.
	Notes []string
}

// A List is the document of a verb.
type List[T, S any] struct {
	output.TypeMeta
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	Container string `json:"container"`
	Summary   *S     `json:"summary,omitempty"`
	Items     []T    `json:"items"`
	// Notes say what could not be read.
	Notes []string `json:"notes,omitempty"`
}

// Run runs the command.
func (v Verb[T, S]) Run(ctx context.Context, deps *cli.Deps, a *Args) error {
	if a.AllPods {
		return v.runAll(ctx, deps, a)
	}
	t, err := a.Resolve(ctx, deps)
	if err != nil {
		return err
	}
	list, err := v.look(ctx, deps, a, t)
	if err != nil {
		return err
	}
	for _, note := range list.Notes {
		deps.Report.Warn("note: %s", note)
	}
	return v.print(deps, a, []List[T, S]{list})
}

// look looks into one pod.
func (v Verb[T, S]) look(ctx context.Context, deps *cli.Deps, a *Args, t target.Target) (list List[T, S], err error) {
	l, err := Open(ctx, deps, a, t, v.Access)
	if err != nil {
		return list, err
	}
	defer l.Close(ctx, &err)
	found, err := v.Gather(ctx, l)
	if found.Items == nil {
		found.Items = []T{}
	}
	return List[T, S]{
		TypeMeta: output.NewTypeMeta(v.Kind), Namespace: l.Namespace, Pod: l.Pod, Container: l.Target.Container,
		Summary: found.Summary, Items: found.Items, Notes: found.Notes,
	}, err
}

// print prints one list, or those of all pods.
func (v Verb[T, S]) print(deps *cli.Deps, a *Args, lists []List[T, S]) error {
	out := deps.Streams.Out
	switch {
	case output.IsDocument(a.Output) && !a.AllPods:
		return output.PrintList(out, a.Output, lists[0], !a.NoHeaders)
	case output.IsDocument(a.Output):
		return output.PrintList(out, a.Output, PodList[T, S]{output.NewTypeMeta("List"), lists}, !a.NoHeaders)
	case a.Output == "name":
		for _, list := range lists {
			for _, item := range list.Items {
				if _, err := fmt.Fprintln(out, remote.Escape(v.Name(item))); err != nil {
					return err
				}
			}
		}
		return nil
	}
	var pods []string
	if a.AllPods && v.PodColumns != nil {
		for _, list := range lists {
			pods = append(pods, list.Pod)
		}
		return printTable(deps, a, v.PodColumns, pods, lists)
	}
	if v.Heading != nil && !a.NoHeaders {
		for _, list := range lists {
			if err := v.heading(deps, list); err != nil {
				return err
			}
		}
	}
	var items []T
	for _, list := range lists {
		items, pods = append(items, list.Items...), append(pods, slices.Repeat([]string{list.Pod}, len(list.Items))...)
	}
	return printTable(deps, a, v.Columns, pods, items)
}

func (v Verb[T, S]) heading(deps *cli.Deps, list List[T, S]) error {
	out := deps.Streams.Out
	var styles []output.Style
	if v.HeadingStyles != nil {
		styles = v.HeadingStyles(list)
	}
	for i, line := range v.Heading(list) {
		style := output.Plain
		if i < len(styles) {
			style = styles[i]
		}
		if _, err := fmt.Fprintln(out, deps.Report.Paint(out, style, output.EscapeLine(line))); err != nil {
			return err
		}
	}
	return nil
}
