// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestSharingIsToldOnlyWhereItChangesSomething(t *testing.T) {
	lines := func(edit func(*corev1.PodSpec), command ...string) string {
		spec := &corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Command: command}}}
		if edit != nil {
			edit(spec)
		}
		return strings.Join(Sharing(spec), "\n")
	}
	for _, c := range []struct {
		what    string
		edit    func(*corev1.PodSpec)
		command []string
		want    string // "" for nothing at all
	}{
		{"one plain container", nil, []string{"nginx"}, ""},
		{"a command that only the image knows", nil, nil, ""},
		{"systemd", nil, []string{"/lib/systemd/systemd", "--system"}, "expects to be PID 1"},
		{"s6-overlay", nil, []string{"/init"}, "starts /init, which expects"},
		{"tini", nil, []string{"/sbin/tini", "--", "web"}, "reaps exited processes only as PID 1"},
		{"tini as a subreaper", nil, []string{"tini", "-s", "--", "web"}, ""},
		{"kill of PID 1", nil, []string{"sh", "-c", "web & kill -HUP 1; wait"}, "signals PID 1 in its command"},
		{"kill -s of PID 1", nil, []string{"sh", "-c", "/bin/kill -s TERM 1"}, "signals PID 1 in its command"},
		{"kill of PID 10", nil, []string{"sh", "-c", "kill -1 10; skill 1"}, ""},
		{"kill of PID 1 in a hook", func(s *corev1.PodSpec) {
			s.Containers[0].Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"kill", "-QUIT", "1"}}}}
		}, nil, "signals PID 1 in its preStop hook"},
		{"kill of PID 1 in a probe", func(s *corev1.PodSpec) {
			s.Containers[0].LivenessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"kill", "-0", "1"}}}}
		}, nil, "signals PID 1 in its liveness probe"},
		{"two containers", func(s *corev1.PodSpec) { s.Containers = append(s.Containers, corev1.Container{Name: "side"}) }, nil, "web and side will see each other's"},
		{"an init container with a rule of its own", func(s *corev1.PodSpec) {
			s.InitContainers = []corev1.Container{{Name: "once", RestartPolicy: new(corev1.ContainerRestartPolicyOnFailure)}}
		}, nil, ""},
		{"shared already", func(s *corev1.PodSpec) { s.ShareProcessNamespace = new(true) }, []string{"/init"}, ""},
		{"the node's", func(s *corev1.PodSpec) { s.HostPID = true }, []string{"/init"}, ""},
	} {
		if got := lines(c.edit, c.command...); !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%s: %q", c.what, got)
		}
	}
}

func TestWhatACopyDoesTwice(t *testing.T) {
	pod := func(edit func(*corev1.Pod)) *corev1.Pod {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web-0"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web"}}}}
		if edit != nil {
			edit(p)
		}
		return p
	}
	for _, c := range []struct {
		what string
		copy Copy
		edit func(*corev1.Pod)
		want []string // one for each line
	}{
		{"one container", Copy{}, nil, []string{"container web runs again in the copy: what it consumes"}},
		{"held", Copy{Hold: "web"}, nil, nil},
		{"held beside another", Copy{Hold: "web"}, func(p *corev1.Pod) {
			p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: "side"})
		}, []string{"container side runs"}},
		{"a job", Copy{}, func(p *corev1.Pod) {
			p.OwnerReferences = []metav1.OwnerReference{{Kind: "Job", Name: "j", Controller: new(true)}}
		}, []string{"pod/web-0 belongs to a Job"}},
		{"a leader", Copy{}, func(p *corev1.Pod) { p.Spec.Containers[0].Args = []string{"--leader-elect=true"} }, []string{"election (--leader-elect=true)"}},
		{"no leader", Copy{}, func(p *corev1.Pod) { p.Spec.Containers[0].Args = []string{"--leader-elect=false"} }, []string{"happens twice"}},
		{"a consumer", Copy{}, func(p *corev1.Pod) { p.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "KAFKA_BROKERS"}} }, []string{"consumes messages (KAFKA_BROKERS)"}},
		{"volumes", Copy{}, func(p *corev1.Pod) {
			p.Spec.Volumes = []corev1.Volume{
				{Name: "data", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "d-0"}}},
				{Name: "sock", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/run/x"}}},
				{Name: "tmp"},
			}
		}, []string{"happens twice", "the same volumes as pod/web-0: data (claim d-0 RWO), sock (/run/x on the node)"}},
		{"the node's network", Copy{}, func(p *corev1.Pod) { p.Spec.HostNetwork = true }, []string{"happens twice", "ports that the original listens on"}},
		{"labels", Copy{Edits: Edits{KeepLabels: true}}, func(p *corev1.Pod) { p.Labels = map[string]string{"a": "b"} }, []string{"happens twice", "keeps the labels"}},
	} {
		got := c.copy.DuplicateWork(pod(c.edit), map[string]string{"d-0": "RWO"})
		if len(got) != len(c.want) {
			t.Errorf("%s: %q", c.what, got)
			continue
		}
		for i := range got {
			if !strings.Contains(got[i], c.want[i]) {
				t.Errorf("%s: %q has no %q", c.what, got[i], c.want[i])
			}
		}
	}
}

func TestEditsOfACopy(t *testing.T) {
	pod := readPod(t, "web.yaml")
	pod.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "A", Value: "old"}}
	copied, _ := Copy{Name: "x", Edits: Edits{
		KeepLabels: true, KeepAnnotations: true, KeepLiveness: true, DropInitContainers: true, AnyNode: true,
		Images: map[string]string{"*": "any:1", "proxy": "proxy:2"}, Env: []corev1.EnvVar{{Name: "A", Value: "new"}, {Name: "B", Value: "b"}}, EnvOf: "web",
	}}.Of(pod)
	web, proxy := copied.Spec.Containers[0], copied.Spec.Containers[1]
	if web.Image != "any:1" || proxy.Image != "proxy:2" || len(copied.Spec.InitContainers) > 0 || copied.Spec.NodeName != "" {
		t.Errorf("images %s and %s, %d init containers, node %q", web.Image, proxy.Image, len(copied.Spec.InitContainers), copied.Spec.NodeName)
	}
	if want := []corev1.EnvVar{{Name: "A", Value: "new"}, {Name: "B", Value: "b"}}; !slices.Equal(web.Env, want) || len(proxy.Env) > 0 {
		t.Errorf("environment %v and %v", web.Env, proxy.Env)
	}
	if web.LivenessProbe == nil || web.ReadinessProbe != nil || web.StartupProbe != nil {
		t.Error("only the liveness probe was asked for")
	}
	if copied.Labels["app"] != "web" || copied.Labels["pod-template-hash"] != "" || copied.Annotations["prometheus.io/scrape"] == "" {
		t.Errorf("labels %v, annotations %v", copied.Labels, copied.Annotations)
	}
	// A controller of its own keeps every other from adopting it.
	if owner := metav1.GetControllerOf(copied); owner == nil || owner.Kind != "Pod" || owner.UID != pod.UID {
		t.Errorf("owned by %v", owner)
	}
	for what, e := range map[string]Edits{
		"an image of no container":             {Images: map[string]string{"nope": "x"}},
		"an init container, and none of those": {DropInitContainers: true, EnvOf: "sidecar"},
	} {
		if err := e.Check(pod); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
}

// A host's port is bound once, and in the node's network the API server declares it again.
func TestCopyInTheNodesNetworkDeclaresNoPorts(t *testing.T) {
	pod := readPod(t, "web.yaml")
	pod.Spec.HostNetwork = true
	copied, _ := Copy{Name: "x"}.Of(pod)
	if ports := copied.Spec.Containers[0].Ports; len(ports) > 0 {
		t.Errorf("declares %v", ports)
	}
}

// A DaemonSet names the node of each pod in an affinity.
func TestCopyOfADaemonSetsPodOnAnyNode(t *testing.T) {
	pod := readPod(t, "web.yaml")
	term := corev1.NodeSelectorTerm{MatchFields: []corev1.NodeSelectorRequirement{{Key: "metadata.name", Operator: "In", Values: []string{"node-1"}}}}
	zone := corev1.NodeSelectorTerm{MatchFields: term.MatchFields, MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "zone", Operator: "Exists"}}}
	for _, c := range []struct {
		terms []corev1.NodeSelectorTerm
		want  int
	}{{[]corev1.NodeSelectorTerm{term}, 0}, {[]corev1.NodeSelectorTerm{term, zone}, 1}} {
		pod.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: c.terms},
		}}
		copied, _ := Copy{Name: "x", Edits: Edits{AnyNode: true}}.Of(pod)
		got := copied.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
		if c.want == 0 && got != nil || c.want == 1 && (len(got.NodeSelectorTerms) != 1 || len(got.NodeSelectorTerms[0].MatchFields) > 0) {
			t.Errorf("of %d terms: %+v", len(c.terms), got)
		}
	}
}
