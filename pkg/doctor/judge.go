// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
)

// judge finds the problems of every way, the one to mend first at the head: without a target no permission helps, and
// without permission no policy is asked.
func (d *Diagnosis) judge(found map[Purpose]obstacle) {
	for _, way := range diagnosed() {
		r := d.judgeWay(way, found[way])
		d.Ways = append(d.Ways, r)
		if way == d.For {
			d.Works, d.Problems = r.Works, r.Problems
		}
	}
	if missing := d.lacks(d.For); len(missing) > 0 {
		g := grantOf(d, missing)
		d.Missing = &g
	}
}

func (d *Diagnosis) judgeWay(way Purpose, o obstacle) ModeReport {
	r := ModeReport{Command: "debug" + flagOf(way), For: way}
	if o.blocked != nil {
		r.add(o.blocked.Error(), hint.Of(o.blocked))
	}
	stopped := d.judgePermissions(&r)
	if o.unread != nil && !stopped {
		r.add(o.unread.Error(), hint.Of(o.unread))
	}
	if (way == ForHelper || way == ForRoot) && d.Server.EphemeralContainers.Result == No {
		r.add("this server has no ephemeral containers (Kubernetes 1.25 has)", d.copyAdvice(way)+"an API server of that version")
	}
	if o.blocked == nil && o.unread == nil && !stopped {
		d.judgePolicy(&r)
	}
	r.Works = len(r.Problems) == 0
	return r
}

func (r *ModeReport) add(text, try string) {
	r.Problems = append(r.Problems, Problem{Text: text, Try: try})
}

func (d *Diagnosis) lacks(way Purpose) []Permission {
	return slices.DeleteFunc(slices.Clone(d.Permissions), func(p Permission) bool { return !p.neededFor(way) || p.Allowed != No })
}

// judgePermissions tells whether it does not work without some. Where a helper runs already, none has to be added.
func (d *Diagnosis) judgePermissions(r *ModeReport) (stopped bool) {
	var what []string
	for _, p := range d.lacks(r.For) {
		if d.helpers[r.For] == "" || !p.is("patch", "", "pods/ephemeralcontainers") {
			what = append(what, p.String())
		}
	}
	if len(what) == 0 {
		return false
	}
	try := "have the Role printed here applied by whoever may grant it; --role prints it alone"
	if r.For != d.For {
		try = fmt.Sprintf("%s%s --role, for the Role", d.doctor(), flagOf(r.For))
	}
	if slices.Equal(what, []string{"create pods/exec"}) {
		try = d.attachAdvice(r.For) + try
	}
	r.add(fmt.Sprintf("you may not %s in namespace %s", strings.Join(what, ", nor "), d.Namespace), try)
	return true
}

// attachAdvice begins a sentence of advice, where a shell is to be had by attaching.
func (d *Diagnosis) attachAdvice(way Purpose) string {
	may := slices.ContainsFunc(d.Permissions, func(p Permission) bool {
		return p.is("create", "", "pods/attach") && p.Allowed == Yes
	})
	if way != ForHelper || !may {
		return ""
	}
	return "kubectl shareproc debug POD without a command, for a shell that you attach to; for all else "
}

// doctor is the command line that was given, without flags for the way.
func (d *Diagnosis) doctor() string {
	switch {
	case d.ref.Arg != "":
		return "kubectl shareproc doctor " + d.ref.Arg
	case d.ref.Selector != "":
		return "kubectl shareproc doctor -l " + d.ref.Selector
	default:
		return "kubectl shareproc doctor"
	}
}

// judgePolicy looks for one security context that is admitted and does.
func (d *Diagnosis) judgePolicy(r *ModeReport) {
	made := r.For
	if made == ForRoot {
		made = ForHelper
	}
	purpose := made
	if !d.named() {
		purpose = ForPod
	}
	admitted, unknown, obstacle := policyOn(d, purpose, r.For)
	if admitted {
		return
	}
	what := string(made)
	switch {
	case d.helpers[r.For] != "":
	case obstacle != nil:
		r.add(obstacle.Error(), hint.Of(obstacle))
	case unknown != "" && !d.named():
		r.add("whether the cluster's policy admits a "+what+" is not known: "+unknown,
			"kubectl shareproc doctor POD, which asks about that pod and not about one of its own")
	case unknown != "":
		r.add("whether the cluster's policy admits a "+what+" is not known: "+unknown, "the same command again")
	case r.For == ForRoot:
		r.add("the cluster's policy refuses every "+what+" in which the target's root could be a shell's /",
			"debug without --root, where it is /proc/PID/root; fs follows its links")
	case !d.named():
		r.add("the cluster's policy refuses every security context", "ask the cluster's administrators for an exception")
	case r.For == ForPatch:
		r.add("the cluster's policy refuses every patch of "+d.Workload, d.copyAdvice(r.For)+"ask the cluster's administrators for an exception")
	default:
		r.add(fmt.Sprintf("the cluster's policy refuses every %s that opens the files of container %s", what, d.Target.Container),
			d.copyAdvice(r.For)+"ask the cluster's administrators for an exception")
	}
}

// policyOn tells whether a security context is admitted that does, or else what stands against all of them alike, or why
// nothing is known.
func policyOn(d *Diagnosis, purpose, way Purpose) (admitted bool, unknown string, obstacle error) {
	for _, a := range d.Policy {
		if a.For != purpose || !d.does(a, way) {
			continue
		}
		// A small pod that a quota refuses stands for a copy that it would refuse, and for a helper that it would not.
		if a.Admitted == Yes && (a.obstacle == nil || way == ForHelper || way == ForRoot) {
			return true, "", nil
		}
		if a.obstacle != nil {
			obstacle = a.obstacle
		}
		if a.Admitted == Unknown {
			unknown = a.Reason
		}
	}
	return false, unknown, obstacle
}

// does tells whether a security context is worth having: it opens the target's files, or is what the user decided on. Whom
// a patch will meet is not known before.
func (d *Diagnosis) does(a Admission, way Purpose) bool {
	if way == ForRoot {
		return a.Enters
	}
	return a.Opens != podspec.SeeProcesses || !d.want.Override.Empty() || way == ForPatch
}

// copyAdvice begins a sentence of advice, where a copy is admitted in place of what is not.
func (d *Diagnosis) copyAdvice(way Purpose) string {
	admitted := slices.ContainsFunc(d.Policy, func(a Admission) bool { return a.For == ForCopy && a.Admitted == Yes })
	if way == ForCopy || !admitted {
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
	var texts []string
	for _, p := range d.Problems {
		texts = append(texts, p.Text)
	}
	return hint.With(fmt.Errorf("diagnose %s: %s would not work: %s", what, "debug"+flagOf(d.For), strings.Join(texts, "; ")), d.Problems[0].Try)
}
