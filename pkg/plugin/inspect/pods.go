// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// A PodList is the document of --all-pods: one list for each pod.
type PodList[T, S any] struct {
	output.TypeMeta
	Items []List[T, S] `json:"items"`
}

// runAll looks into every pod. One that fails is reported and does not stop the others.
func (v Verb[T, S]) runAll(ctx context.Context, deps *cli.Deps, a *Args) error {
	lists := make([]List[T, S], 0)
	var mu sync.Mutex
	err := EachPod(ctx, deps, a, func(ctx context.Context, t target.Target) error {
		list, err := v.look(ctx, deps, a, t)
		mu.Lock()
		defer mu.Unlock()
		for _, note := range list.Notes {
			deps.Report.Warn("note: pod/%s: %s", t.Pod.Name, note)
		}
		if err == nil {
			lists = append(lists, list)
		}
		return err
	})
	if len(lists) == 0 {
		return err
	}
	slices.SortFunc(lists, func(x, y List[T, S]) int { return CompareNames(x.Pod, y.Pod) })
	if a.Diff {
		return errors.Join(v.printDiff(deps, a, lists), err)
	}
	return errors.Join(v.print(deps, a, lists), err)
}

// EachPod calls do with every pod that is meant, as cli.EachPod does.
func EachPod(ctx context.Context, deps *cli.Deps, a *Args, do func(context.Context, target.Target) error) error {
	return cli.EachPod(ctx, deps, &a.HelperFlags, a.ref(), a.Parallel, do)
}

// CompareNames orders web-2 before web-10.
func CompareNames(a, b string) int {
	return cmp.Or(len(a)-len(b), strings.Compare(a, b))
}

// A Difference is a row of --diff.
type Difference struct {
	Key string `json:"key"`
	// Values are what each pod has, by its name; a pod that has none is left out.
	Values map[string]string `json:"values"`
}

// A DifferenceList is the document of --diff.
type DifferenceList struct {
	output.TypeMeta
	Pods  []string     `json:"pods"`
	Items []Difference `json:"items"`
}

// Differences are the keys whose values are not the same in all pods, by the pods' names; sorted.
func Differences(values map[string]map[string]string) DifferenceList {
	d := DifferenceList{TypeMeta: output.NewTypeMeta("DifferenceList"), Pods: slices.SortedFunc(maps.Keys(values), CompareNames), Items: []Difference{}}
	keys := map[string]map[string]string{}
	for pod, own := range values {
		for key, value := range own {
			if keys[key] == nil {
				keys[key] = map[string]string{}
			}
			keys[key][pod] = value
		}
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if differ(keys[key], d.Pods) {
			d.Items = append(d.Items, Difference{Key: key, Values: keys[key]})
		}
	}
	return d
}

func differ(values map[string]string, pods []string) bool {
	first, ok := values[pods[0]]
	return !ok || len(values) != len(pods) || slices.ContainsFunc(pods, func(pod string) bool { return values[pod] != first })
}

// Odd is the pod that has another value than all others for the most keys, where these agree; "" where no pod stands out. It takes
// three pods to tell.
func (d DifferenceList) Odd() (pod string, keys int) {
	counts := map[string]int{}
	for _, item := range d.Items {
		by := map[string][]string{}
		for _, pod := range d.Pods {
			value, ok := item.Values[pod]
			by[fmt.Sprint(ok, value)] = append(by[fmt.Sprint(ok, value)], pod)
		}
		for _, pods := range by {
			if len(by) == 2 && len(pods) == 1 && len(d.Pods) > 2 {
				counts[pods[0]]++
			}
		}
	}
	for _, candidate := range d.Pods {
		switch n := counts[candidate]; {
		case n > keys:
			pod, keys = candidate, n
		case n == keys && n > 0:
			pod = ""
		}
	}
	return pod, keys
}

// differences are the keys whose values are not the same in all pods, in the order in which they come first.
func (v Verb[T, S]) differences(lists []List[T, S]) DifferenceList {
	values, order := map[string]map[string]string{}, map[string]int{}
	for _, list := range lists {
		own := map[string]string{}
		values[list.Pod] = own
		for _, item := range list.Items {
			key := v.Key(item)
			if _, ok := order[key]; !ok {
				order[key] = len(order)
			}
			if before, ok := own[key]; ok {
				own[key] = before + ", " + v.Value(item)
			} else {
				own[key] = v.Value(item)
			}
		}
	}
	d := Differences(values)
	slices.SortFunc(d.Items, func(a, b Difference) int { return order[a.Key] - order[b.Key] })
	return d
}

// printDiff prints a column for each pod, and only the rows that differ.
func (v Verb[T, S]) printDiff(deps *cli.Deps, a *Args, lists []List[T, S]) error {
	return printDifferences(deps, v.differences(lists), a.Output, !a.NoHeaders, func(value string) string { return value })
}

// PrintDifferences prints a column for each pod, with what show makes of the values, and says which pod stands out.
func PrintDifferences(deps *cli.Deps, d DifferenceList, format string, show func(string) string) error {
	return printDifferences(deps, d, format, true, show)
}

func printDifferences(deps *cli.Deps, d DifferenceList, format string, headers bool, show func(string) string) error {
	if output.IsDocument(format) {
		return output.PrintList(deps.Streams.Out, format, d, headers)
	}
	if len(d.Items) == 0 {
		deps.Report.Say("no differences between %s", output.Plural(len(d.Pods), "pod", "pods"))
		return nil
	}
	if pod, keys := d.Odd(); pod != "" {
		defer deps.Report.Say("pod/%s differs from all others in %d of %d", pod, keys, len(d.Items))
	}
	rows := [][]string{append([]string{"KEY"}, d.Pods...)}
	if !headers {
		rows = nil
	}
	for _, item := range d.Items {
		row := []string{remote.Escape(item.Key)}
		for _, pod := range d.Pods {
			value, ok := item.Values[pod]
			if ok {
				value = remote.Escape(show(value))
			} else {
				value = "<none>"
			}
			row = append(row, value)
		}
		rows = append(rows, row)
	}
	return deps.Report.Table(deps.Streams.Out, rows, func(int, int) output.Style { return output.Plain })
}
