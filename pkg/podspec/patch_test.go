// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/podgen"
)

func theirs() Patch {
	return Patch{
		Container: "shareproc-abcde", Image: "busybox:1.37.0-musl", Security: tracer().Security, By: "anna",
		At: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC), TTL: time.Hour,
	}
}

func deploymentOf(pod *corev1.Pod) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop", ResourceVersion: "42", Annotations: pod.Annotations, Labels: pod.Labels},
		Spec:       appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: pod.Labels}, Spec: pod.Spec}},
	}
}

// applied is what an API server makes of a JSON patch, with the library that it uses.
func applied(t *testing.T, d *appsv1.Deployment, ops []Op) (*appsv1.Deployment, error) {
	t.Helper()
	body, err := json.Marshal(ops)
	if err != nil {
		t.Fatal(err)
	}
	patch, err := jsonpatch.DecodePatch(body)
	if err != nil {
		t.Fatal(err)
	}
	before, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	after, err := patch.Apply(before)
	if err != nil {
		return nil, err
	}
	out := &appsv1.Deployment{}
	if err := json.Unmarshal(after, out); err != nil {
		t.Fatal(err)
	}
	return out, nil
}

func patched(t *testing.T, d *appsv1.Deployment) *appsv1.Deployment {
	t.Helper()
	ops, err := theirs().Of(d, &d.Spec.Template)
	if err != nil {
		t.Fatal(err)
	}
	out, err := applied(t, d, ops)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func text(t *testing.T, object any) string {
	t.Helper()
	out, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestPatchOfATemplate(t *testing.T) {
	d := deploymentOf(readPod(t, "web.yaml"))
	ops, err := theirs().Of(d, &d.Spec.Template)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "patch.golden.yaml", ops)
	mark, ok := MarkOf(patched(t, d), &patched(t, d).Spec.Template)
	if !ok || mark.By != "anna" || !mark.Expires.Equal(theirs().At.Add(time.Hour)) || mark.Before != BeforeUnset {
		t.Errorf("marked %+v", mark)
	}
	golden(t, "unpatch.golden.yaml", Unpatch(patched(t, d), &patched(t, d).Spec.Template, PatchMark{}))
}

// What a patch adds an undo takes away, and nothing else, for any template and whatever somebody else did to it in between.
func TestUnpatchUndoesThePatchAndNothingElse(t *testing.T) {
	changes := map[string]func(*appsv1.Deployment){
		"nothing": func(*appsv1.Deployment) {},
		"another image": func(d *appsv1.Deployment) {
			d.Spec.Template.Spec.Containers[0].Image = "web:2"
		},
		"a container in front": func(d *appsv1.Deployment) {
			d.Spec.Template.Spec.Containers = append([]corev1.Container{{Name: "new"}}, d.Spec.Template.Spec.Containers...)
		},
		"a label, an annotation and replicas": func(d *appsv1.Deployment) {
			d.Labels, d.Annotations = with(d.Labels), with(d.Annotations)
			d.Spec.Replicas = new(int32(7))
		},
		"an environment": func(d *appsv1.Deployment) {
			c := &d.Spec.Template.Spec.Containers[0]
			c.Env = append(c.Env, corev1.EnvVar{Name: "THEIRS", Value: "1"})
		},
	}
	for seed := range uint64(100) {
		before := deploymentOf(podgen.Pod(seed))
		for name, change := range changes {
			after := patched(t, before)
			sum, _ := MarkOf(after, &after.Spec.Template)
			if s := after.Spec.Template.Spec.ShareProcessNamespace; !after.Spec.Template.Spec.HostPID && (s == nil || !*s) {
				t.Fatalf("seed %d: the patch does not share the namespace", seed)
			}
			change(after)
			back, err := applied(t, after, Unpatch(after, &after.Spec.Template, PatchMark{}))
			if err != nil {
				t.Fatalf("seed %d, %s: %v", seed, name, err)
			}
			want := before.DeepCopy()
			change(want)
			if got, want := text(t, back), text(t, want); got != want {
				t.Fatalf("seed %d, %s: undone to\n%s\nwant\n%s", seed, name, got, want)
			}
			if same := SumOf(&back.Spec.Template) == sum.Sum; same != (text(t, back.Spec.Template) == text(t, before.Spec.Template)) {
				t.Fatalf("seed %d, %s: the sum says %v", seed, name, same)
			}
			if left := Unpatch(back, &back.Spec.Template, PatchMark{}); len(left) > 0 {
				t.Fatalf("seed %d, %s: there is more to undo: %v", seed, name, left)
			}
		}
	}
}

func with(all map[string]string) map[string]string {
	out := map[string]string{"example.com/theirs": "yes"}
	for key, value := range all {
		out[key] = value
	}
	return out
}

func TestUnpatchLeavesWhatOthersDecidedSince(t *testing.T) {
	d := patched(t, deploymentOf(readPod(t, "web.yaml")))
	for name, change := range map[string]func(*corev1.PodSpec){
		"the namespace is not shared any more": func(s *corev1.PodSpec) { s.ShareProcessNamespace = new(false) },
		"the sidecar is gone":                  func(s *corev1.PodSpec) { s.Containers = s.Containers[:len(s.Containers)-1] },
	} {
		changed := d.DeepCopy()
		change(&changed.Spec.Template.Spec)
		back, err := applied(t, changed, Unpatch(changed, &changed.Spec.Template, PatchMark{}))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, ok := Container(&corev1.Pod{Spec: back.Spec.Template.Spec}, "shareproc-abcde"); ok || back.Annotations[AnnotationPatch] != "" || back.Labels[LabelPatched] != "" {
			t.Errorf("%s: the patch is still there", name)
		}
		if s := changed.Spec.Template.Spec.ShareProcessNamespace; s != nil && !*s && text(t, back.Spec.Template.Spec.ShareProcessNamespace) != "false" {
			t.Errorf("%s: it is undone", name)
		}
	}
}

// A change that was made of an older workload is refused, and none of it happens.
func TestPatchAndUnpatchRefuseAnotherWorkload(t *testing.T) {
	d := deploymentOf(readPod(t, "web.yaml"))
	ops, err := theirs().Of(d, &d.Spec.Template)
	if err != nil {
		t.Fatal(err)
	}
	newer := d.DeepCopy()
	newer.ResourceVersion = "43"
	if _, err := applied(t, newer, ops); err == nil {
		t.Error("a patch of an older one is taken")
	}
	undo := Unpatch(patched(t, d), &patched(t, d).Spec.Template, PatchMark{})
	moved := patched(t, d)
	c := moved.Spec.Template.Spec.Containers
	c[0], c[len(c)-1] = c[len(c)-1], c[0]
	if _, err := applied(t, moved, undo); err == nil {
		t.Error("the wrong container is taken away")
	}
	other := patched(t, d)
	other.Annotations[AnnotationPatch] = strings.Replace(other.Annotations[AnnotationPatch], "anna", "bert", 1)
	if _, err := applied(t, other, undo); err == nil {
		t.Error("somebody else's patch is undone")
	}
}

// Who manages a workload may remove or rewrite its annotations. Neither what a session knows of its own patch nor what the
// container of one says of itself goes with them.
func TestUnpatchWithoutItsMarks(t *testing.T) {
	before := deploymentOf(readPod(t, "web.yaml"))
	known := theirs().Mark(&before.Spec.Template)
	rewrite := func(d *appsv1.Deployment, from, to string) {
		d.Annotations[AnnotationPatch] = strings.Replace(d.Annotations[AnnotationPatch], from, to, 1)
	}
	for name, change := range map[string]func(*appsv1.Deployment){
		"no annotation":           func(d *appsv1.Deployment) { delete(d.Annotations, AnnotationPatch) },
		"neither of them":         func(d *appsv1.Deployment) { d.Annotations, d.Labels = before.Annotations, before.Labels },
		"no JSON":                 func(d *appsv1.Deployment) { d.Annotations[AnnotationPatch] = "{" },
		"another container":       func(d *appsv1.Deployment) { rewrite(d, "shareproc-abcde", "shareproc-zzzzz") },
		"another value of before": func(d *appsv1.Deployment) { rewrite(d, "unset", "kept") },
	} {
		after := patched(t, before)
		change(after)
		if known.Marked(after) {
			t.Errorf("%s: the mark is taken for the one that was written", name)
		}
		for who, known := range map[string]PatchMark{"the session": known, "another program": {}} {
			back, err := applied(t, after, Unpatch(after, &after.Spec.Template, known))
			if err != nil {
				t.Fatalf("%s, %s: %v", name, who, err)
			}
			if got, want := text(t, back), text(t, before); got != want {
				t.Errorf("%s: %s undoes it to\n%s\nwant\n%s", name, who, got, want)
			}
		}
	}
}

// A mark that is renewed is still the mark of the same patch, and nobody's else is touched.
func TestRenewedMarkIsTheSamePatch(t *testing.T) {
	before := deploymentOf(readPod(t, "web.yaml"))
	d := patched(t, before)
	until := theirs().At.Add(5 * time.Hour)
	renewed, err := applied(t, d, Renew(d, "shareproc-abcde", until))
	if err != nil {
		t.Fatal(err)
	}
	if mark, ok := MarkOf(renewed, &renewed.Spec.Template); !ok || !mark.Expires.Equal(until) || mark.By != "anna" || !theirs().Mark(&before.Spec.Template).Marked(renewed) {
		t.Errorf("renewed to %+v", mark)
	}
	if ops := Renew(d, "shareproc-other", until); ops != nil {
		t.Errorf("another session renews it: %v", ops)
	}
	if ops := Renew(before, "shareproc-abcde", until); ops != nil {
		t.Errorf("what is not patched is renewed: %v", ops)
	}
	if _, err := applied(t, renewed, Renew(d, "shareproc-abcde", until)); err == nil {
		t.Error("an older mark replaces a newer one")
	}
}

func TestUnpatchLeavesAPatchOfAnotherSession(t *testing.T) {
	before := deploymentOf(readPod(t, "web.yaml"))
	gone := theirs()
	gone.Container = "shareproc-older"
	other := patched(t, before)
	if ops := Unpatch(other, &other.Spec.Template, gone.Mark(&before.Spec.Template)); len(ops) > 0 {
		t.Errorf("undone: %v", ops)
	}
}

func TestManagerOf(t *testing.T) {
	for _, c := range []struct {
		what string
		meta metav1.ObjectMeta
		want string
	}{
		{"nobody", metav1.ObjectMeta{Labels: map[string]string{LabelManagedBy: "me"}}, ""},
		{"Helm", metav1.ObjectMeta{Labels: map[string]string{LabelManagedBy: "Helm"}}, "Helm"},
		{"a Helm release", metav1.ObjectMeta{Annotations: map[string]string{"meta.helm.sh/release-name": "shop"}}, "Helm release shop"},
		{"Argo CD", metav1.ObjectMeta{Annotations: map[string]string{"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:x/web"}}, "Argo CD application shop"},
		{"Flux", metav1.ObjectMeta{Labels: map[string]string{"kustomize.toolkit.fluxcd.io/name": "shop"}}, "Flux Kustomization shop"},
		{
			"an operator",
			metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{Kind: "Postgres", Name: "db", Controller: new(true)}}},
			"the operator of Postgres db",
		},
		{"an owner that does not control", metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{Kind: "Postgres", Name: "db"}}}, ""},
	} {
		got, ok := ManagerOf(&c.meta)
		if got.Name != c.want || ok != (c.want != "") || ok && got.Reverts == "" {
			t.Errorf("%s: %+v, %v", c.what, got, ok)
		}
	}
}

func TestOpKeepsAFalse(t *testing.T) {
	if got := fmt.Sprint(text(t, Op{"replace", "/x", false})); !strings.Contains(got, `"value":false`) {
		t.Error(got)
	}
}
