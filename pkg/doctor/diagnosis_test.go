// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"
	fakediscovery "k8s.io/client-go/discovery/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// newClinic is a cluster that knows its version and serves ephemeral containers.
func newClinic(t *testing.T, pod target.Target) *fakeAPI {
	t.Helper()
	c := newCluster(pod)
	c.Resources = []*metav1.APIResourceList{{GroupVersion: "v1", APIResources: []metav1.APIResource{{Name: "pods/ephemeralcontainers"}}}}
	c.Discovery().(*fakediscovery.FakeDiscovery).FakedServerVersion = &version.Info{GitVersion: "v1.34.1-gke.100"}
	t.Cleanup(func() {
		if w := c.writes(); len(w) > 0 {
			t.Errorf("a diagnosis changed the cluster by: %v", w)
		}
	})
	return c
}

func (c *fakeAPI) diagnose(t *testing.T, pod string, want session.Request) Diagnosis {
	t.Helper()
	way := ForHelper
	if want.Copy {
		way = ForCopy
	}
	d, err := Diagnose(t.Context(), c.deps(), "shop", target.Ref{Arg: pod}, way, want)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// verdicts puts a policy's answers into one line.
func verdicts(d Diagnosis) string {
	var list []string
	for _, a := range d.Policy {
		list = append(list, fmt.Sprintf("%s as %s: %s", a.For, a.As, a.Admitted))
	}
	return strings.Join(list, "\n")
}

func noRoot(sc *corev1.SecurityContext) error {
	if sc != nil && *sc.RunAsUser == 0 {
		return forbidden("violates PodSecurity")
	}
	return nil
}

func TestDiagnosisOfAPodWhereAllIsAllowed(t *testing.T) {
	c := newClinic(t, newTarget(nil))
	d := c.diagnose(t, "web", session.Request{})
	if !d.Works || d.Err() != nil || d.Missing != nil || d.Target == nil {
		t.Fatalf("got %+v", d)
	}
	want := `helper as root with SYS_PTRACE: yes
helper as root with default capabilities: yes
helper as user 65534:65534 without capabilities: yes
copy as root with SYS_PTRACE: yes
copy as root with default capabilities: yes
copy as user 65534:65534 without capabilities: yes`
	if got := verdicts(d); got != want {
		t.Errorf("got\n%s", got)
	}
	if got := *d.Target; got.UserSource != "unknown" || !got.Running || got.Processes != "container" || got.Static {
		t.Errorf("target %+v", got)
	}
	s := d.Server
	if s.EphemeralContainers.Result != Yes || s.ShareProcessNamespace.Result != Yes || s.ImageVolumes.Result != No || s.Node.Unknown == "" {
		t.Errorf("server %+v, node %+v", s, s.Node)
	}
}

func TestDiagnosisFindsWhatIsMissing(t *testing.T) {
	with := newTarget
	mirror := func(p *corev1.Pod) { p.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: "x"} }
	for _, c := range []struct {
		sentence string
		target   target.Target
		pod      string
		want     session.Request
		denied   []string
		refuse   func(*corev1.SecurityContext) error
		problem  string // "" where it works
		try      string
		rules    string // of the missing Role
	}{
		{"a permission", with(nil), "web", session.Request{}, []string{"patch pods/ephemeralcontainers"}, nil, "you lack permission to patch pods/ephemeralcontainers in namespace shop", "--role", "patch pods/ephemeralcontainers"},
		{"two of them", with(nil), "web", session.Request{}, []string{"get pods", "create pods/exec"}, nil, "you lack permission to get pods and create pods/exec in", "--role", "get pods; create pods/exec"},
		{"what exec does without is not missed", with(nil), "web", session.Request{}, []string{"get pods/exec"}, nil, "", "", ""},
		{"what only a copy needs is not missed", with(nil), "web", session.Request{}, []string{"create pods", "delete pods", "list pods"}, nil, "", "", ""},
		{"a copy does miss it", with(nil), "web", session.Request{Copy: true}, []string{"create pods", "patch pods/ephemeralcontainers"}, nil, "debug --copy will not work: you lack permission to create pods", "--role", "create pods"},
		{"without a pod", with(nil), "", session.Request{}, []string{"patch pods/ephemeralcontainers"}, nil, "check namespace shop: debug will not work: you lack permission to patch", "--role", "patch pods/ephemeralcontainers"},
		{"without a pod nothing is known without create", with(nil), "", session.Request{}, []string{"create pods"}, nil, "unknown whether policy admits a helper: needs create pods", "doctor POD", ""},
		{"a policy that admits no root leaves a pod of another user", with(nil), "", session.Request{}, nil, noRoot, "", "", ""},
		{"but not a target that is root", with(nil), "web", session.Request{}, nil, noRoot, "denies every helper that can read the files of container web", "exception", ""},
		{"unless the user decides", with(nil), "web", session.Request{Override: podspec.Override{User: &podspec.User{UID: 5, GID: 5}}}, nil, noRoot, "", "", ""},
		{"a policy that admits nothing", with(nil), "", session.Request{}, nil, func(*corev1.SecurityContext) error { return forbidden("no") }, "policy denies every security context", "exception", ""},
		{"a webhook that is away is no refusal", with(nil), "web", session.Request{}, nil, func(*corev1.SecurityContext) error { return apierrors.NewInternalError(errors.New("webhook away")) }, "unknown whether policy admits a helper: Internal error occurred: webhook away", "again", ""},
		{"a pod that has finished", with(func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }), "web", session.Request{}, nil, nil, "has completed (phase Failed)", "--copy", ""},
		{"which can be copied", with(func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }), "web", session.Request{Copy: true}, nil, nil, "", "", ""},
		{"a static pod", with(mirror), "web", session.Request{}, nil, nil, "is a static pod", "--copy", ""},
		{"a helper that runs needs no more", with(withHelper("shareproc-a", "web", "i", nowRunning())), "web", session.Request{}, []string{"patch pods/ephemeralcontainers"}, noRoot, "", "", "patch pods/ephemeralcontainers"},
		{"but exec", with(withHelper("shareproc-a", "web", "i", nowRunning())), "web", session.Request{}, []string{"create pods/exec"}, nil, "you lack permission to create pods/exec", "--role", "create pods/exec"},
	} {
		cluster := newClinic(t, c.target)
		cluster.denied = c.denied
		if c.refuse != nil {
			cluster.refuse = c.refuse
		}
		d := cluster.diagnose(t, c.pod, c.want)
		err := d.Err()
		if d.Works != (c.problem == "") || (err == nil) != d.Works {
			t.Errorf("%s: works %t, %v", c.sentence, d.Works, err)
			continue
		}
		if err != nil && (!strings.Contains(err.Error(), c.problem) || !strings.Contains(hint.Of(err), c.try)) {
			t.Errorf("%s: %v; try %q", c.sentence, err, hint.Of(err))
		}
		var rules []string
		if d.Missing != nil {
			for _, r := range d.Missing.Role.Rules {
				rules = append(rules, strings.Join(r.Verbs, ",")+" "+strings.Join(r.Resources, ","))
			}
		}
		if got := strings.Join(rules, "; "); got != c.rules {
			t.Errorf("%s: the Role has %q", c.sentence, got)
		}
	}
}

// ways puts the answers for every way into one line.
func (d *Diagnosis) ways() string {
	var list []string
	for _, w := range d.Modes {
		text := w.Command + ": works"
		if !w.Works {
			text = w.Command + ": " + w.Problems[0].Text
		}
		list = append(list, text)
	}
	return strings.Join(list, "\n")
}

func TestDiagnosisOfEveryWay(t *testing.T) {
	alone := func(p *corev1.Pod) { p.Spec.Volumes = nil }
	owned := func(p *corev1.Pod) {
		p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "StatefulSet", Name: "db", Controller: new(true)}}
	}
	for _, c := range []struct {
		sentence string
		edit     func(*corev1.Pod)
		arg      string
		denied   []string
		refuse   func(*corev1.SecurityContext) error
		want     string
	}{
		{"all is allowed", owned, "web", nil, nil, "debug: works\ndebug --root: works\ndebug --copy: works\ndebug --patch: works"},
		{"a pod without a controller", alone, "web", nil, nil, "debug --patch: pod/web has no workload to patch"},
		{
			"no root admitted, target another user", func(p *corev1.Pod) { owned(p); as(101, 102)(p) }, "web", nil, noRoot,
			"debug: works\ndebug --root: policy denies every helper that could use the target's root as /\ndebug --copy: works",
		},
		{"the workload may not be patched", owned, "web", []string{"patch statefulsets"}, nil, "debug --copy: works\ndebug --patch: you lack permission to patch statefulsets.apps in namespace shop"},
		{"what only other kinds need is not missed", owned, "web", []string{"patch deployments", "get daemonsets"}, nil, "debug --patch: works"},
		{"no pods may be made", owned, "web", []string{"create pods"}, nil, "debug --copy: you lack permission to create pods in namespace shop\ndebug --patch: works"},
		{"no pod is named", nil, "", []string{"patch daemonsets"}, nil, "debug --root: works\ndebug --copy: works\ndebug --patch: you lack permission to patch daemonsets.apps in namespace shop"},
		{"a claim for one pod alone", func(p *corev1.Pod) {
			p.Spec.Volumes = []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "once"}}}}
		}, "web", nil, nil, "debug --copy: copy pod/web: claim once is ReadWriteOncePod and in use by this pod"},
	} {
		pod := newTarget(c.edit)
		cl := newClinic(t, pod)
		cl.denied = c.denied
		if c.refuse != nil {
			cl.refuse = c.refuse
		}
		set := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: "db", Namespace: "shop"}, Spec: appsv1.StatefulSetSpec{
			Selector: &metav1.LabelSelector{}, Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web"}}}},
		}}
		claim := &corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Name: "once", Namespace: "shop"},
			Spec:       corev1.PersistentVolumeClaimSpec{AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOncePod}},
		}
		for _, object := range []runtime.Object{set, claim} {
			if err := cl.Tracker().Add(object); err != nil {
				t.Fatal(err)
			}
		}
		cl.PrependReactor("patch", "statefulsets", func(clienttesting.Action) (bool, runtime.Object, error) {
			patched := set.DeepCopy()
			patched.Spec.Template.Spec.ShareProcessNamespace = new(true)
			return true, patched, nil
		})
		for _, way := range diagnosed() {
			d, err := Diagnose(t.Context(), cl.deps(), "shop", target.Ref{Arg: c.arg}, way, session.Request{})
			if err != nil {
				t.Fatal(err)
			}
			if got := d.ways(); !strings.Contains(got, c.want) {
				t.Errorf("%s: got\n%s", c.sentence, got)
			}
			if i := slices.IndexFunc(d.Modes, func(w ModeReport) bool { return w.For == way }); d.Works != d.Modes[i].Works || (d.Err() == nil) != d.Works {
				t.Errorf("%s: %s works %t, %v", c.sentence, way, d.Works, d.Err())
			}
		}
	}
}

// Who may not even read the pod gets the rules all the same.
func TestDiagnosisOfAPodThatCannotBeRead(t *testing.T) {
	c := newClinic(t, newTarget(nil))
	c.denied = []string{"get pods"}
	c.PrependReactor("get", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, forbidden("who are you")
	})
	d := c.diagnose(t, "web", session.Request{})
	if d.Works || d.Target != nil || len(d.Problems) != 1 || d.Missing.Role.Rules[0].Resources[0] != "pods" {
		t.Errorf("got %+v", d)
	}
}

func TestDiagnosisWithoutAServerIsAnError(t *testing.T) {
	away := errors.New("connection refused")
	for _, c := range []struct {
		sentence string
		err      error
		isError  bool
	}{
		{"no connection", away, true},
		{"unknown user", apierrors.NewUnauthorized("log in"), true},
		{"reviews are forbidden", apierrors.NewForbidden(schema.GroupResource{Resource: "selfsubjectaccessreviews"}, "", errors.New("no")), false},
	} {
		cluster := newClinic(t, newTarget(nil))
		cluster.PrependReactor("create", "selfsubjectaccessreviews", func(clienttesting.Action) (bool, runtime.Object, error) {
			return true, nil, c.err
		})
		d, err := Diagnose(t.Context(), cluster.deps(), "shop", target.Ref{Arg: "web"}, ForHelper, session.Request{})
		if (err != nil) != c.isError || err != nil && !errors.Is(err, c.err) {
			t.Errorf("%s: %v", c.sentence, err)
		}
		if !c.isError && (!d.Works || d.Permissions[0].Allowed != Unknown || d.Permissions[0].Reason == "") {
			t.Errorf("%s: got %+v", c.sentence, d.Permissions[0])
		}
	}
	if _, err := Diagnose(t.Context(), newClinic(t, newTarget(nil)).deps(), "shop", target.Ref{Arg: "gone"}, ForHelper, session.Request{}); err == nil {
		t.Error("a pod that is not there was diagnosed")
	}
}

func TestDiagnosisEndsWithItsContext(t *testing.T) {
	c := newClinic(t, newTarget(nil))
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupted")
	c.PrependReactor("create", "selfsubjectaccessreviews", func(clienttesting.Action) (bool, runtime.Object, error) {
		cancel(interrupted)
		return true, nil, ctx.Err()
	})
	if _, err := Diagnose(ctx, c.deps(), "shop", target.Ref{Arg: "web"}, ForHelper, session.Request{}); !errors.Is(err, interrupted) {
		t.Errorf("got %v", err)
	}
}

func TestPermissionsThatAWorkloadNeeds(t *testing.T) {
	for arg, want := range map[string]string{
		"web":        "get pods",
		"deploy/web": "list pods, get deployments.apps",
		"cj/web":     "list pods, get cronjobs.batch, list jobs.batch",
		"svc/web":    "list pods, get services",
	} {
		requests, err := target.Ref{Arg: arg}.Requests()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range permissions("", requests) {
			if p.Needed {
				got = append(got, p.String())
			}
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s: %q", arg, got)
		}
	}
}

// debug and fs try different candidates: a diagnosis misses none of either.
func TestLaddersHaveEveryRung(t *testing.T) {
	for _, uid := range []int64{0, 1000} {
		all := allCandidates(subjectAs(uid))
		for _, access := range []podspec.Access{podspec.ReadAll, podspec.ReadRoot, podspec.SeeProcesses} {
			for _, c := range podspec.Candidates(subjectAs(uid), access) {
				if !slices.ContainsFunc(all, func(o podspec.Candidate) bool { return podspec.EqualSecurityContext(o.Security, c.Security) }) {
					t.Errorf("user %d: %s is missing", uid, c.Name)
				}
			}
		}
	}
}

// What a session would not add to a pod in the node's process namespace is not asked about either, and so not answered.
func TestNodesProcessesAreNotAskedToBeTraced(t *testing.T) {
	pod := &corev1.Pod{Spec: corev1.PodSpec{HostPID: true, Containers: []corev1.Container{{Name: "agent"}}}}
	for _, c := range allCandidates(podspec.TargetUserOf(pod, "agent")) {
		if caps := c.Security.Capabilities; caps != nil && slices.Contains(caps.Add, "SYS_PTRACE") {
			t.Errorf("asked about %s", c.Name)
		}
	}
}

func TestGrantNamesWhoAndWhat(t *testing.T) {
	get := []Permission{{Verb: "get", Resource: "pods"}, {Verb: "get", Group: "apps", Resource: "deployments"}, {Verb: "list", Resource: "pods"}}
	anna, bert := grant("shop", "anna", get), grant("shop", "bert", get)
	if anna.Role.Name == bert.Role.Name || anna.Role.Name == grant("shop", "anna", get[:1]).Role.Name || anna.Role.Name != grant("shop", "anna", get).Role.Name {
		t.Errorf("names %s, %s", anna.Role.Name, bert.Role.Name)
	}
	if len(anna.Role.Rules) != 2 || strings.Join(anna.Role.Rules[0].Verbs, " ") != "get list" {
		t.Errorf("rules %+v", anna.Role.Rules)
	}
	bot := grant("shop", "system:serviceaccount:ci:bot", get).RoleBinding.Subjects[0]
	if bot.Kind != "ServiceAccount" || bot.Namespace != "ci" || bot.Name != "bot" || bot.APIGroup != "" {
		t.Errorf("subject %+v", bot)
	}
	if grant("shop", "", get).RoleBinding != nil {
		t.Error("bound to nobody")
	}
}

func TestDiagnosisOfWindows(t *testing.T) {
	c := newClinic(t, newTarget(nil))
	windowsNode(t, c)
	for _, want := range []session.Request{{}, {Copy: true}} {
		if d := c.diagnose(t, "web", want); d.Works || !strings.Contains(d.Target.Blocked, "Windows") || d.Err() == nil {
			t.Errorf("%+v: got %+v", want, d.Target)
		}
	}
}

func windowsNode(t *testing.T, c *fakeAPI) {
	t.Helper()
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1", Labels: map[string]string{corev1.LabelOSStable: "windows"}}}
	if err := c.Tracker().Add(node); err != nil {
		t.Fatal(err)
	}
}
