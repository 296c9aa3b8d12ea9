// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/doctor"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
)

// printDiagnosis prints the answer, and then what is in the way, or all that was checked.
func printDiagnosis(deps *cli.Deps, d doctor.Diagnosis, all bool) error {
	styles := map[string]output.Style{"no": output.Red, "denied": output.Red, "unknown": output.Yellow}
	if err := printAnswers(deps, d, styles); err != nil {
		return err
	}
	rows := [][]string{{"CHECK", "RESULT", "DETAIL"}}
	policy := d.Policy
	if !all {
		policy = refusals(d)
	}
	for _, section := range [][][]string{permissionRows(d), serverRows(d.Server), targetRows(d.Target), policyRows(policy)} {
		if !all {
			section = troubles(section, styles)
		}
		rows = append(rows, section...)
	}
	closing := ""
	if !all {
		closing = "Everything else is fine; --verbose prints all checks.\n"
	}
	if len(rows) == 1 {
		rows, closing = nil, "All checks are fine; --verbose prints them.\n"
	}
	for _, row := range rows {
		for i := range row {
			row[i] = oneLine(row[i])
		}
	}
	if err := deps.Report.Table(deps.Streams.Out, rows, output.ByWord(rows, 1, styles)); err != nil {
		return err
	}
	if _, err := io.WriteString(deps.Streams.Out, closing); err != nil || d.Missing == nil {
		return err
	}
	if _, err := io.WriteString(deps.Streams.Out, "\n# Missing permissions, for kubectl apply -f -\n"); err != nil {
		return err
	}
	return printGrant(deps, *d.Missing)
}

func oneLine(text string) string { return output.EscapeLine(strings.ReplaceAll(text, "\n", " ")) }

// printAnswers says of each way of debug whether it would work, as which user, and why not.
func printAnswers(deps *cli.Deps, d doctor.Diagnosis, styles map[string]output.Style) error {
	out := deps.Streams.Out
	for _, w := range d.Modes {
		result, said := answer(d, w)
		if _, err := fmt.Fprintf(out, "%s: %s, %s\n", w.Command, deps.Report.Paint(out, styles[result], result), oneLine(said)); err != nil {
			return err
		}
	}
	_, err := io.WriteString(out, "\n")
	return err
}

// troubles are the rows of a section that are not fine, below its head.
func troubles(section [][]string, styles map[string]output.Style) [][]string {
	var list [][]string
	for i, row := range section {
		// A node that may not be read stands in nobody's way.
		if _, trouble := styles[row[1]]; trouble && i > 0 && !strings.HasPrefix(row[0], "  node ") {
			list = append(list, row)
		}
	}
	if len(list) == 0 {
		return nil
	}
	return append(section[:1:1], list...)
}

// refusals are what the policy denies to the ways that do not work, for each the weakest that was tried: the policy's least demand.
func refusals(d doctor.Diagnosis) []doctor.Admission {
	works := map[doctor.Purpose]bool{doctor.ForPod: d.Works}
	for _, w := range d.Modes {
		works[w.For] = w.Works
	}
	var list []doctor.Admission
	for _, a := range d.Policy {
		if works[a.For] || a.Admitted == doctor.Yes {
			continue
		}
		list = append(slices.DeleteFunc(list, func(b doctor.Admission) bool { return a.For == b.For }), a)
	}
	return list
}

func printGrant(deps *cli.Deps, g doctor.Grant) error {
	if err := output.PrintObject(deps.Streams.Out, "yaml", g.Role); err != nil || g.RoleBinding == nil {
		return err
	}
	if _, err := io.WriteString(deps.Streams.Out, "---\n"); err != nil {
		return err
	}
	return output.PrintObject(deps.Streams.Out, "yaml", g.RoleBinding)
}

func permissionRows(d doctor.Diagnosis) [][]string {
	rows := [][]string{{"permissions", "", fmt.Sprintf("of %s in namespace %s", cmp.Or(d.User, "an unknown user"), d.Namespace)}}
	for _, p := range d.Permissions {
		var purposes []string
		for _, purpose := range p.For {
			purposes = append(purposes, string(purpose))
		}
		rows = append(rows, check(p.String(), string(p.Allowed), "for "+strings.Join(purposes, ", "), p.Reason))
	}
	return rows
}

func serverRows(s doctor.Server) [][]string {
	rows := [][]string{
		{"server", "", cmp.Or(s.Version, "unknown version")},
		check("ephemeral containers", string(s.EphemeralContainers.Result), s.EphemeralContainers.Detail),
		check("shareProcessNamespace", string(s.ShareProcessNamespace.Result), s.ShareProcessNamespace.Detail),
		check("image volumes", string(s.ImageVolumes.Result), s.ImageVolumes.Detail),
	}
	if n := s.Node; n != nil {
		rows = append(rows, check("node "+n.Name, cmp.Or(n.Kubelet, string(doctor.Unknown)), n.Runtime, n.Unknown))
	}
	return rows
}

func targetRows(t *doctor.TargetReport) [][]string {
	if t == nil {
		return nil
	}
	user := fmt.Sprintf("%d:%d", t.UID, t.GID)
	from := "from the pod's " + t.UserSource
	if t.UserSource == string(doctor.Unknown) {
		user, from = t.UserSource, "not in the pod's status or spec; assumed to be "+user
	}
	sees := map[string]string{
		"container": "a helper sees the processes of this container",
		"pod":       "a helper sees the processes of all containers",
		"node":      "the pod uses the node's process namespace",
	}
	running := string(doctor.No)
	if t.Running {
		running = string(doctor.Yes)
	}
	return [][]string{
		{"target", "", fmt.Sprintf("container %s in pod/%s", t.Container, t.Pod)},
		check("running", running, cmp.Or(t.Blocked, "ready")),
		check("user", user, from),
		check("processes", t.Processes, sees[t.Processes]),
		helperRow(t),
	}
}

func helperRow(t *doctor.TargetReport) []string {
	const name = "existing helper"
	switch {
	case t.Helper != "":
		return check(name, "running", t.Helper+" will be reused")
	case len(t.Helpers) > 0:
		return check(name, "running", strings.Join(t.Helpers, ", ")+" not usable for debug")
	default:
		return check(name, "none", "no helper is running")
	}
}

func policyRows(list []doctor.Admission) [][]string {
	if len(list) == 0 {
		return nil
	}
	rows := [][]string{{"policy", "", "dry runs, strongest first"}}
	words := map[doctor.Verdict]string{doctor.Yes: "admitted", doctor.No: "denied", doctor.Unknown: "unknown"}
	opens := map[podspec.Access]string{
		podspec.ReadAll:      "can open every process",
		podspec.ReadRoot:     "can open the target's files",
		podspec.SeeProcesses: "lists processes only",
	}
	for _, a := range list {
		can := opens[a.Opens]
		if a.For == doctor.ForPod && a.Opens == podspec.ReadRoot {
			can = "can open the files of targets with the same user"
		}
		rows = append(rows, check(fmt.Sprintf("%s as %s", a.For, a.As), words[a.Admitted], can, a.Changed, a.Reason))
	}
	return rows
}

// answer says whether a way would work, and as which user or why not. What to do about the one that was asked about is said with
// the error.
func answer(d doctor.Diagnosis, w doctor.ModeReport) (result, said string) {
	if !w.Works {
		var problems []string
		for _, p := range w.Problems {
			problems = append(problems, p.Text)
		}
		if try := w.Problems[0].Try; try != "" && w.For != d.For {
			problems = append(problems, "try: "+try)
		}
		return string(doctor.No), strings.Join(problems, "; ")
	}
	does := map[doctor.Purpose]string{
		doctor.ForHelper: "a helper next to the container" + as(d) + "; nothing restarts",
		doctor.ForRoot:   "the same, with the target's files as /",
		doctor.ForCopy:   "a copy of the pod, deleted when the session ends",
		doctor.ForPatch:  fmt.Sprintf("all pods of %s restart twice", cmp.Or(d.Workload, "a workload")),
	}
	return string(doctor.Yes), does[w.For]
}

// as says as which user the helper would run.
func as(d doctor.Diagnosis) string {
	if d.Target != nil && d.Target.Helper != "" {
		return ", the existing " + d.Target.Helper
	}
	for _, a := range d.Policy {
		if (a.For == doctor.ForHelper || a.For == doctor.ForPod) && a.Admitted == doctor.Yes {
			return ", as " + a.As
		}
	}
	return ""
}

// check is a row below its section's head.
func check(name, result string, detail ...string) []string {
	var said []string
	for _, text := range detail {
		if text != "" {
			said = append(said, text)
		}
	}
	return []string{"  " + name, result, strings.Join(said, "; ")}
}
