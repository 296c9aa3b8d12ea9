// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/rbac"
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

// judgment is what is found about one mode.
type judgment struct {
	*ModeReport
	d *Diagnosis
}

func (d *Diagnosis) evaluateMode(way Purpose, o blocker) ModeReport {
	r := ModeReport{Command: "debug" + flagOf(way), For: way}
	v := judgment{&r, d}
	if o.blocked != nil {
		v.add(o.blocked.Error(), hint.Of(o.blocked))
	}
	stopped := v.evaluatePermissions()
	if o.unread != nil && !stopped {
		v.add(o.unread.Error(), hint.Of(o.unread))
	}
	if (way == ForHelper || way == ForRoot) && d.Server.EphemeralContainers.Result == No {
		v.add("this server lacks ephemeral containers (Kubernetes 1.25 or later)", v.copyAdvice()+"upgrade the cluster")
	}
	if o.blocked == nil && o.unread == nil && !stopped {
		v.evaluatePolicy()
	}
	r.Works = len(r.Problems) == 0
	return r
}

func (v judgment) add(text, try string) {
	v.Problems = append(v.Problems, Problem{Text: text, Try: try})
}

func (d *Diagnosis) lacks(way Purpose) []Permission {
	return slices.DeleteFunc(slices.Clone(d.Permissions), func(p Permission) bool { return !p.neededFor(way) || p.Allowed != No })
}

// evaluatePermissions adds missing permissions. A running helper needs none for adding one.
func (v judgment) evaluatePermissions() (stopped bool) {
	var what []string
	for _, p := range v.d.lacks(v.For) {
		if v.d.helpers[v.For] == "" || !p.is("patch", "", "pods/ephemeralcontainers") {
			what = append(what, p.String())
		}
	}
	if len(what) == 0 {
		return false
	}
	try := "ask an admin to apply the Role above (--role prints only the Role)"
	if v.For != v.d.For {
		try = fmt.Sprintf("run %s%s --role to print the Role", v.d.doctor(), flagOf(v.For))
	}
	if slices.Equal(what, []string{"create pods/exec"}) {
		try = v.attachAdvice() + try
	}
	v.add(rbac.Lacking(what, v.d.Namespace), try)
	return true
}

// attachAdvice begins the advice if attach provides a shell.
func (v judgment) attachAdvice() string {
	may := slices.ContainsFunc(v.d.Permissions, func(p Permission) bool {
		return p.is("create", "", "pods/attach") && p.Allowed == Yes
	})
	if v.For != ForHelper || !may {
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
func (v judgment) evaluatePolicy() {
	made := v.For
	if made == ForRoot {
		made = ForHelper
	}
	purpose := made
	if !v.d.named() {
		purpose = ForPod
	}
	admitted, unknown, blocker := v.policyOn(purpose)
	if admitted {
		return
	}
	what := string(made)
	switch {
	case v.d.helpers[v.For] != "":
	case blocker != nil:
		v.add(blocker.Error(), hint.Of(blocker))
	case unknown != "" && !v.d.named():
		v.add("unknown whether policy admits a "+what+": "+unknown,
			"run kubectl shareproc doctor POD, which checks that pod instead of a test pod")
	case unknown != "":
		v.add("unknown whether policy admits a "+what+": "+unknown, "run it again")
	case v.For == ForRoot:
		v.add("policy denies every "+what+" that could use the target's root as /",
			"leave out --root and use /proc/PID/root, or use kubectl shareproc fs, which resolves links inside the target")
	case !v.d.named():
		v.add("policy denies every security context", "ask an admin for an exception")
	case v.For == ForPatch:
		v.add("policy denies every patch of "+v.d.Workload, v.copyAdvice()+"ask an admin for an exception")
	default:
		v.add(fmt.Sprintf("policy denies every %s that can read the files of container %s", what, v.d.Target.Container),
			v.copyAdvice()+"ask an admin for an exception")
	}
}

// policyOn reports whether a sufficient security context is admitted; otherwise what blocks all of them, or why nothing
// is known.
func (v judgment) policyOn(purpose Purpose) (admitted bool, unknown string, blocker error) {
	for _, a := range v.d.Policy {
		if a.For != purpose || !v.suffices(a) {
			continue
		}
		// A test pod that a quota denies stands for a copy, which the quota would deny, and for a helper, which it
		// would not.
		if a.Admitted == Yes && (a.blocker == nil || v.For == ForHelper || v.For == ForRoot) {
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
func (v judgment) suffices(a Admission) bool {
	if v.For == ForRoot {
		return a.Enters
	}
	return a.Opens != podspec.SeeProcesses || !v.d.want.Override.Empty() || v.For == ForPatch
}

// copyAdvice begins the advice if a copy is admitted instead.
func (v judgment) copyAdvice() string {
	admitted := slices.ContainsFunc(v.d.Policy, func(a Admission) bool { return a.For == ForCopy && a.Admitted == Yes })
	if v.For == ForCopy || !admitted {
		return ""
	}
	return fmt.Sprintf("run kubectl shareproc debug %s --copy, or ", v.d.Target.Pod)
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
