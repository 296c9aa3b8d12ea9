// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/doctor"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
)

func printDiagnosis(deps *cli.Deps, d doctor.Diagnosis) error {
	rows := [][]string{{"CHECK", "RESULT", "DETAIL"}}
	rows = append(rows, permissionRows(d)...)
	rows = append(rows, serverRows(d.Server)...)
	rows = append(rows, targetRows(d.Target)...)
	rows = append(rows, policyRows(d.Policy)...)
	rows = append(rows, wayRows(d)...)
	for _, row := range rows {
		for i := range row {
			row[i] = output.EscapeLine(strings.ReplaceAll(row[i], "\n", " "))
		}
	}
	styles := map[string]output.Style{"no": output.Red, "refused": output.Red, "unknown": output.Yellow}
	if err := deps.Report.Table(deps.Streams.Out, rows, output.ByWord(rows, 1, styles)); err != nil || d.Missing == nil {
		return err
	}
	if _, err := io.WriteString(deps.Streams.Out, "\n# Missing permissions, for kubectl apply -f -\n"); err != nil {
		return err
	}
	return printGrant(deps, *d.Missing)
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
		{"server", "", cmp.Or(s.Version, "of an unknown version")},
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
	from := "from the pod's " + t.UserFrom
	if t.UserFrom == string(doctor.Unknown) {
		user, from = t.UserFrom, "not in the pod's status or spec; assumed to be "+user
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
	words := map[doctor.Verdict]string{doctor.Yes: "admitted", doctor.No: "refused", doctor.Unknown: "unknown"}
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

// wayRows say of each way whether it would work, and why not. What to do about the one that was asked about is said with the
// error.
func wayRows(d doctor.Diagnosis) [][]string {
	does := map[doctor.Purpose]string{
		doctor.ForHelper: "a helper next to the container; nothing restarts",
		doctor.ForRoot:   "the same, with the target's files as /",
		doctor.ForCopy:   "a copy of the pod, deleted when the session ends",
		doctor.ForPatch:  fmt.Sprintf("all pods of %s restart twice", cmp.Or(d.Workload, "a workload")),
	}
	rows := [][]string{{"modes", "", "of debug"}}
	for _, w := range d.Ways {
		result, said := doctor.Yes, []string{does[w.For]}
		if !w.Works {
			result, said = doctor.No, nil
			for _, p := range w.Problems {
				said = append(said, p.Text)
			}
			if try := w.Problems[0].Try; try != "" && w.For != d.For {
				said = append(said, "try: "+try)
			}
		}
		rows = append(rows, check(w.Command, string(result), said...))
	}
	return rows
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
