// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

// evaluate finds the problems of every mode, first the one to fix first: a target, then permissions, then policy.
func (d *Diagnosis) evaluate(found map[Purpose]blocker) {
	for _, way := range diagnosed() {
		r := d.evaluateMode(way, found[way])
		d.Modes = append(d.Modes, r)
		if way == d.For {
			d.Works, d.Problems = r.Works, r.Problems
		}
	}
	if missing := d.lacks(d.For); len(missing) > 0 {
		g := grantOf(d, missing)
		d.Missing = &g
	}
}

func (d *Diagnosis) evaluateMode(way Purpose, o blocker) ModeReport {
	r := ModeReport{Command: "debug" + flagOf(way), For: way}
	if o.blocked != nil {
		r.add(o.blocked.Error(), hint.Of(o.blocked))
	}
	stopped := d.evaluatePermissions(&r)
	if o.unread != nil && !stopped {
		r.add(o.unread.Error(), hint.Of(o.unread))
	}
	if (way == ForHelper || way == ForRoot) && d.Server.EphemeralContainers.Result == No {
		r.add("this server lacks ephemeral containers (Kubernetes 1.25 or later)", d.copyAdvice(way)+"upgrade the cluster")
	}
	if o.blocked == nil && o.unread == nil && !stopped {
		d.evaluatePolicy(&r)
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

// evaluatePermissions adds missing permissions. A running helper needs none for adding one.
func (d *Diagnosis) evaluatePermissions(r *ModeReport) (stopped bool) {
	var what []string
	for _, p := range d.lacks(r.For) {
		if d.helpers[r.For] == "" || !p.is("patch", "", "pods/ephemeralcontainers") {
			what = append(what, p.String())
		}
	}
	if len(what) == 0 {
		return false
	}
	try := "ask an admin to apply the Role above (--role prints only the Role)"
	if r.For != d.For {
		try = fmt.Sprintf("run %s%s --role to print the Role", d.doctor(), flagOf(r.For))
	}
	if slices.Equal(what, []string{"create pods/exec"}) {
		try = d.attachAdvice(r.For) + try
	}
	r.add(session.Lacking(what, d.Namespace), try)
	return true
}

// attachAdvice begins the advice if attach provides a shell.
func (d *Diagnosis) attachAdvice(way Purpose) string {
	may := slices.ContainsFunc(d.Permissions, func(p Permission) bool {
		return p.is("create", "", "pods/attach") && p.Allowed == Yes
	})
	if way != ForHelper || !may {
		return ""
	}
	return "run kubectl shareproc debug POD without a command to attach to a shell; for everything else, "
}

// doctor is the given command line, without the flag of the mode.
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

// evaluatePolicy looks for a security context that is admitted and sufficient.
func (d *Diagnosis) evaluatePolicy(r *ModeReport) {
	made := r.For
	if made == ForRoot {
		made = ForHelper
	}
	purpose := made
	if !d.named() {
		purpose = ForPod
	}
	admitted, unknown, blocker := policyOn(d, purpose, r.For)
	if admitted {
		return
	}
	what := string(made)
	switch {
	case d.helpers[r.For] != "":
	case blocker != nil:
		r.add(blocker.Error(), hint.Of(blocker))
	case unknown != "" && !d.named():
		r.add("unknown whether policy admits a "+what+": "+unknown,
			"run kubectl shareproc doctor POD, which checks that pod instead of a test pod")
	case unknown != "":
		r.add("unknown whether policy admits a "+what+": "+unknown, "run it again")
	case r.For == ForRoot:
		r.add("policy denies every "+what+" that could use the target's root as /",
			"leave out --root and use /proc/PID/root, or use kubectl shareproc fs, which resolves links inside the target")
	case !d.named():
		r.add("policy denies every security context", "ask an admin for an exception")
	case r.For == ForPatch:
		r.add("policy denies every patch of "+d.Workload, d.copyAdvice(r.For)+"ask an admin for an exception")
	default:
		r.add(fmt.Sprintf("policy denies every %s that can read the files of container %s", what, d.Target.Container),
			d.copyAdvice(r.For)+"ask an admin for an exception")
	}
}

// policyOn reports whether a sufficient security context is admitted; otherwise what blocks all of them, or why nothing
// is known.
func policyOn(d *Diagnosis, purpose, way Purpose) (admitted bool, unknown string, blocker error) {
	for _, a := range d.Policy {
		if a.For != purpose || !d.suffices(a, way) {
			continue
		}
		// A test pod that a quota denies stands for a copy, which the quota would deny, and for a helper, which it
		// would not.
		if a.Admitted == Yes && (a.blocker == nil || way == ForHelper || way == ForRoot) {
			return true, "", nil
		}
		if a.blocker != nil {
			blocker = a.blocker
		}
		if a.Admitted == Unknown {
			unknown = a.Reason
		}
	}
	return false, unknown, blocker
}

// suffices reports whether a security context opens the files of the target, or is what the user chose. The user that a
// patch will meet is unknown.
func (d *Diagnosis) suffices(a Admission, way Purpose) bool {
	if way == ForRoot {
		return a.Enters
	}
	return a.Opens != podspec.SeeProcesses || !d.want.Override.Empty() || way == ForPatch
}

// copyAdvice begins the advice if a copy is admitted instead.
func (d *Diagnosis) copyAdvice(way Purpose) string {
	admitted := slices.ContainsFunc(d.Policy, func(a Admission) bool { return a.For == ForCopy && a.Admitted == Yes })
	if way == ForCopy || !admitted {
		return ""
	}
	return fmt.Sprintf("run kubectl shareproc debug %s --copy, or ", d.Target.Pod)
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
	return hint.With(fmt.Errorf("check %s: %s will not work: %s", what, "debug"+flagOf(d.For), strings.Join(texts, "; ")), d.Problems[0].Try)
}
