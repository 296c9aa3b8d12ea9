// SPDX-License-Identifier: Apache-2.0

package target

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

func pod(edit func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop"},
		Spec: corev1.PodSpec{
			NodeName:       "node-1",
			InitContainers: []corev1.Container{{Name: "setup"}},
			Containers:     []corev1.Container{{Name: "web"}, {Name: "proxy"}},
		},
		Status: corev1.PodStatus{
			Phase: corev1.PodRunning,
			ContainerStatuses: []corev1.ContainerStatus{
				{Name: "web", ContainerID: "containerd://aaaa", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}},
				{Name: "proxy", ContainerID: "containerd://bbbb", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}},
			},
		},
	}
	if edit != nil {
		edit(p)
	}
	return p
}

func TestParseName(t *testing.T) {
	for arg, want := range map[string]string{"web": "web", "pod/web": "web", "pods/web": "web", "po/web": "web", "Pod/web": "web"} {
		if got, err := ParseName(arg); err != nil || got != want {
			t.Errorf("ParseName(%q) = %q, %v", arg, got, err)
		}
	}
	for _, arg := range []string{"", "pod/", "deploy/web", "web/x/y", "we b", "../web", "WEB", "\x1b[31mweb"} {
		if got, err := ParseName(arg); err == nil {
			t.Errorf("ParseName(%q) = %q, no error", arg, got)
		}
	}
}

func TestResolvePicksTheContainer(t *testing.T) {
	annotated := func(value string) func(*corev1.Pod) {
		return func(p *corev1.Pod) { p.Annotations = map[string]string{defaultContainer: value} }
	}
	for _, c := range []struct {
		what      string
		edit      func(*corev1.Pod)
		container string
		want      string
	}{
		{"the first by default", nil, "", "web"},
		{"the one the annotation names", annotated("proxy"), "", "proxy"},
		{"the first where the annotation names none", annotated("gone"), "", "web"},
		{"the one asked for, whatever the annotation says", annotated("proxy"), "web", "web"},
		{"an init container", nil, "setup", "setup"},
	} {
		got, err := Resolve(t.Context(), fake.NewClientset(pod(c.edit)), "shop", Ref{Arg: "pod/web", Container: c.container}, nil)
		if err != nil || got.Container != c.want {
			t.Errorf("%s: got %q, %v", c.what, got.Container, err)
		}
	}
}

func TestResolveErrorsSayWhatIsThere(t *testing.T) {
	client := fake.NewClientset(pod(func(p *corev1.Pod) {
		p.Spec.EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "shareproc-x"}}}
	}))
	for _, c := range []struct {
		namespace string
		ref       Ref
		want, try string
	}{
		{"shop", Ref{Arg: "web", Container: "nope"}, "container \"nope\" not found in pod/web", "web, proxy, setup"},
		{"shop", Ref{Arg: "web", Container: "shareproc-x"}, "is an ephemeral container in pod/web", "-c with one of: web, proxy, setup"},
		{"shop", Ref{Arg: "web", Container: "no\x1b[31m"}, `"no\x1b[31m" is not a valid container name`, "-c with"},
		{"other", Ref{Arg: "web"}, "pod \"web\" not found in namespace \"other\"", "kubectl get pods -n other"},
		{"other", Ref{Arg: "deploy/web"}, "deployment \"web\" not found in namespace \"other\"", "kubectl get deployments -n other"},
		{"other", Ref{Arg: "cj/web"}, "cronjob \"web\" not found in namespace \"other\"", "kubectl get cronjobs -n other"},
	} {
		_, err := Resolve(t.Context(), client, c.namespace, c.ref, nil)
		wantError(t, c.ref, err, c.want, c.try)
	}
}

// wantError wants both texts, in the error and in its advice.
func wantError(t *testing.T, what any, err error, want, try string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v: got %v, want %q in it", what, err, want)
		return
	}
	if got := hint.Of(err); !strings.Contains(got, try) || (try == "") != (got == "") {
		t.Errorf("%v: try %q, want %q in it", what, got, try)
	}
}

func TestContainerOf(t *testing.T) {
	target := Target{Pod: pod(func(p *corev1.Pod) {
		p.Status.EphemeralContainerStatuses = []corev1.ContainerStatus{{Name: "shareproc-x", ContainerID: "containerd://cccc"}}
	}), Container: "web"}
	for text, want := range map[string]string{
		"0::/kubepods/burstable/pod1/aaaa\n":                 "web",
		"0::/../cri-containerd-bbbb.scope\n":                 "proxy",
		"12:pids:/k8s.io/cccc\n0::/\n":                       "shareproc-x",
		"0::/kubepods/besteffort/pod1/cri-containerd-dddd\n": "",
		"": "",
	} {
		if got := target.ContainerOf(text); got != want {
			t.Errorf("ContainerOf(%q) = %q, want %q", text, got, want)
		}
	}
	if got := target.ContainerID(); got != "aaaa" {
		t.Errorf("ContainerID = %q", got)
	}
}

// A container without an id yet must not match every process.
func TestContainerOfIgnoresContainersWithoutID(t *testing.T) {
	target := Target{Pod: pod(func(p *corev1.Pod) { p.Status.ContainerStatuses[0].ContainerID = "" }), Container: "web"}
	if got := target.ContainerOf("0::/anything"); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestShared(t *testing.T) {
	for _, c := range []struct {
		what string
		edit func(*corev1.Pod)
		want bool
	}{
		{"by default", nil, false},
		{"said no", func(p *corev1.Pod) { p.Spec.ShareProcessNamespace = new(false) }, false},
		{"said yes", func(p *corev1.Pod) { p.Spec.ShareProcessNamespace = new(true) }, true},
		{"the node's", func(p *corev1.Pod) { p.Spec.HostPID = true }, true},
	} {
		if got := (Target{Pod: pod(c.edit)}).Shared(); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
}
