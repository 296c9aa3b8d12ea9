// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func TestHeldContainer(t *testing.T) {
	pod := readPod(t, "web.yaml")
	pod.Spec.Containers[0].Command, pod.Spec.Containers[0].Args = []string{"web", "it's"}, []string{"--flag=$(MINE)", ""}
	copied, _ := Copy{Name: "web-shareproc-abcde", Image: "busybox:1.37.0-musl", TTL: time.Hour, Security: tracer().Security, Hold: "web"}.Of(pod)
	held, _ := Container(copied, "web")
	if want := []string{"web", "it's", "--flag=$(MINE)", ""}; !slices.Equal(held.Args, want) {
		t.Errorf("its own words: %q, want %q", held.Args, want)
	}
	if held.Command[0] != ToolsDir+"/sh" || held.Image != pod.Spec.Containers[0].Image {
		t.Errorf("runs %q of %s", held.Command, held.Image)
	}
	tools := copied.Spec.InitContainers[0]
	if tools.Name != ToolsContainer || tools.Image != "busybox:1.37.0-musl" || !EqualSecurityContext(tools.SecurityContext, tracer().Security) {
		t.Errorf("the tools come from %+v", tools)
	}
	for _, c := range []corev1.Container{*held, tools} {
		i := slices.IndexFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == holdMount })
		if i < 0 || !slices.ContainsFunc(copied.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == c.VolumeMounts[i].Name }) {
			t.Errorf("%s does not mount the tools: %+v", c.Name, c.VolumeMounts)
		}
	}
	if original := pod.Spec.Containers[0]; original.Command[0] != "web" || len(pod.Spec.InitContainers) != 1 {
		t.Error("holding changed the original")
	}
}

func TestHeldInitContainerComesAfterItsTools(t *testing.T) {
	pod := readPod(t, "web.yaml")
	copied, _ := Copy{Name: "x", TTL: time.Hour, Hold: "sidecar"}.Of(pod)
	if inits := copied.Spec.InitContainers; len(inits) != 2 || inits[0].Name != ToolsContainer || inits[1].Command[0] != ToolsDir+"/sh" {
		t.Errorf("got %+v", inits)
	} else if !slices.ContainsFunc(inits[1].VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == holdMount }) {
		t.Errorf("it does not mount them: %+v", inits[1].VolumeMounts)
	}
}

func TestCommandOf(t *testing.T) {
	pod := readPod(t, "web.yaml")
	c := &pod.Spec.Containers[0]
	for _, x := range []struct {
		command, args, want []string
		known               bool
	}{
		{[]string{"a"}, []string{"b"}, []string{"a", "b"}, true},
		{nil, []string{"b"}, []string{"b"}, false},
		{nil, nil, []string{}, false},
	} {
		c.Command, c.Args = x.command, x.args
		if got, known := CommandOf(pod, c.Name); !slices.Equal(got, x.want) || known != x.known {
			t.Errorf("%q %q: %q, %v", x.command, x.args, got, known)
		}
	}
}

// A held copy can be copied and held again, and so can a pod that has what we call ours.
func TestHeldCopyOfAHeldCopy(t *testing.T) {
	pod := readPod(t, "web.yaml")
	hold := func(pod *corev1.Pod, container string, edits Edits) *corev1.Pod {
		copied, _ := Copy{Name: "x", Image: "i", TTL: time.Hour, Hold: container, Edits: edits}.Of(pod)
		return copied
	}
	own := pod.DeepCopy()
	own.Spec.InitContainers = append(own.Spec.InitContainers, corev1.Container{Name: ToolsContainer})
	own.Spec.Volumes = append(own.Spec.Volumes, corev1.Volume{Name: holdVolume})
	for what, copied := range map[string]*corev1.Pod{
		"the same container":               hold(hold(pod, "web", Edits{}), "web", Edits{}),
		"another container":                hold(hold(pod, "proxy", Edits{}), "web", Edits{}),
		"without init containers":          hold(hold(pod, "web", Edits{}), "web", Edits{DropInitContainers: true}),
		"a pod that has the names":         hold(own, "web", Edits{}),
		"a pod that has the names, thrice": hold(hold(own, "web", Edits{}), "web", Edits{}),
	} {
		names, mounts := map[string]int{}, map[string]int{}
		for _, c := range slices.Concat(copied.Spec.InitContainers, copied.Spec.Containers) {
			names[c.Name]++
		}
		for _, v := range copied.Spec.Volumes {
			names["volume "+v.Name]++
		}
		held, _ := Container(copied, "web")
		for _, m := range held.VolumeMounts {
			mounts[m.MountPath]++
			if names["volume "+m.Name] != 1 {
				t.Errorf("%s: volume %s of %s: %d times", what, m.Name, m.MountPath, names["volume "+m.Name])
			}
		}
		for _, all := range []map[string]int{names, mounts} {
			for name, n := range all {
				if n > 1 {
					t.Errorf("%s: %s is there %d times", what, name, n)
				}
			}
		}
		if mounts[holdMount] != 1 || held.Command[0] != ToolsDir+"/sh" || slices.Contains(held.Args, ToolsDir+"/hold") {
			t.Errorf("%s: runs %q %q with %+v", what, held.Command, held.Args, held.VolumeMounts)
		}
	}
}
