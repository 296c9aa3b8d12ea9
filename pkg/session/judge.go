// SPDX-License-Identifier: Apache-2.0

package session

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
)

// judge finds the problems, the one to mend first at the head: without a target no permission helps, and without
// permission no policy is asked.
func (d *Diagnosis) judge(blocked, unread error) {
	if blocked != nil {
		d.add(blocked.Error(), hint.Of(blocked))
	}
	missing := d.judgePermissions()
	if unread != nil && len(missing) == 0 {
		d.add(unread.Error(), hint.Of(unread))
	}
	if d.For == ForHelper && d.Server.EphemeralContainers.Result == No {
		d.add("this server has no ephemeral containers (Kubernetes 1.25 has)", d.copyAdvice()+"an API server of that version")
	}
	if blocked == nil && unread == nil && len(missing) == 0 {
		d.judgePolicy()
	}
	d.Works = len(d.Problems) == 0
}

func (d *Diagnosis) add(text, try string) {
	d.Problems = append(d.Problems, Problem{Text: text, Try: try})
}

// judgePermissions returns those without which it does not work. Where a helper runs already, none has to be added.
func (d *Diagnosis) judgePermissions() []Permission {
	var missing, stops []Permission
	for _, p := range d.Permissions {
		if !p.Needed || p.Allowed != No {
			continue
		}
		missing = append(missing, p)
		if p.Verb != "patch" || !d.reuses() {
			stops = append(stops, p)
		}
	}
	if len(missing) > 0 {
		g := grant(d.Namespace, d.User, missing)
		d.Missing = &g
	}
	if len(stops) > 0 {
		var what []string
		for _, p := range stops {
			what = append(what, p.String())
		}
		d.add(fmt.Sprintf("you may not %s in namespace %s", strings.Join(what, ", nor "), d.Namespace),
			"have the Role printed here applied by whoever may grant it; --role prints it alone")
	}
	return stops
}

func (d *Diagnosis) reuses() bool {
	return d.For == ForHelper && d.Target != nil && d.Target.Helper != ""
}

// judgePolicy looks for one security context that is admitted and does.
func (d *Diagnosis) judgePolicy() {
	purpose := d.For
	if d.Target == nil {
		purpose = ForPod
	}
	var unknown string
	for _, a := range d.Policy {
		if a.For != purpose || !d.does(a) {
			continue
		}
		if a.Admitted == Yes {
			return
		}
		if a.Admitted == Unknown {
			unknown = a.Reason
		}
	}
	switch {
	case d.reuses():
	case unknown != "" && d.Target == nil:
		d.add("whether the cluster's policy admits a "+string(d.For)+" is not known: "+unknown,
			"kubectl shareproc doctor POD, which asks about that pod and not about one of its own")
	case unknown != "":
		d.add("whether the cluster's policy admits a "+string(purpose)+" is not known: "+unknown, "the same command again")
	case d.Target == nil:
		d.add("the cluster's policy refuses every security context", "ask the cluster's administrators for an exception")
	default:
		d.add(fmt.Sprintf("the cluster's policy refuses every %s that opens the files of container %s", purpose, d.Target.Container),
			d.copyAdvice()+"ask the cluster's administrators for an exception")
	}
}

// does tells whether a security context is worth having: it opens the target's files, or is what the user decided on.
func (d *Diagnosis) does(a Admission) bool {
	return a.Opens != podspec.SeeProcesses || !d.want.Override.Empty()
}

// copyAdvice begins a sentence of advice, where a copy is admitted in place of a helper.
func (d *Diagnosis) copyAdvice() string {
	admitted := slices.ContainsFunc(d.Policy, func(a Admission) bool { return a.For == ForCopy && a.Admitted == Yes })
	if d.For != ForHelper || !admitted {
		return ""
	}
	return fmt.Sprintf("kubectl shareproc debug %s --copy, or ", d.Target.Pod)
}

func (d *Diagnosis) failure() error {
	what := "namespace " + d.Namespace
	switch {
	case d.Target != nil:
		what = "pod/" + d.Target.Pod
	case d.ref.Arg != "":
		what = d.ref.Arg
	case d.ref.Selector != "":
		what = "pods with labels " + d.ref.Selector
	}
	command := "debug"
	if d.For == ForCopy {
		command = "debug --copy"
	}
	var texts []string
	for _, p := range d.Problems {
		texts = append(texts, p.Text)
	}
	return hint.With(fmt.Errorf("diagnose %s: %s would not work: %s", what, command, strings.Join(texts, "; ")), d.Problems[0].Try)
}
