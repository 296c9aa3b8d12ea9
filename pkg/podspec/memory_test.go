// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

func TestMemoryLimitOfAPod(t *testing.T) {
	list := func(limit string) corev1.ResourceList {
		if limit == "-" {
			return nil
		}
		return corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(limit)}
	}
	always, onFailure := corev1.ContainerRestartPolicyAlways, corev1.ContainerRestartPolicyOnFailure
	for _, c := range []struct{ containers, inits, sidecars, pod, overhead, want string }{
		{"-", "", "", "-", "-", ""},
		{"64Mi", "", "", "-", "-", "64Mi"},
		{"64Mi 1Mi", "", "", "-", "-", "65Mi"},
		{"64Mi -", "", "", "-", "-", ""},
		{"64Mi", "-", "", "-", "-", ""},
		{"64Mi", "16Mi", "", "-", "-", "64Mi"},
		{"64Mi", "128Mi", "", "-", "-", "128Mi"},
		{"64Mi", "16Mi 16Mi", "", "-", "-", "64Mi"},
		{"64Mi", "", "8Mi", "-", "-", "72Mi"},
		{"64Mi", "60Mi", "8Mi", "-", "-", "72Mi"},
		{"64Mi", "70Mi", "8Mi", "-", "-", "78Mi"},
		{"64Mi", "", "-", "-", "-", ""},
		{"64Mi -", "", "", "80Mi", "-", "80Mi"},
		{"64Mi", "", "", "-", "10Mi", "74Mi"},
	} {
		spec := corev1.PodSpec{Resources: &corev1.ResourceRequirements{Limits: list(c.pod)}, Overhead: list(c.overhead)}
		add := func(to *[]corev1.Container, limits string, policy *corev1.ContainerRestartPolicy) {
			for limit := range strings.FieldsSeq(limits) {
				*to = append(*to, corev1.Container{Resources: corev1.ResourceRequirements{Limits: list(limit)}, RestartPolicy: policy})
			}
		}
		add(&spec.Containers, c.containers, nil)
		add(&spec.InitContainers, c.sidecars, &always)
		// One that only restarts by its own rule is no sidecar: it ends before the next one begins.
		add(&spec.InitContainers, c.inits, &onFailure)
		got := ""
		if limit := MemoryLimit(&spec); limit != nil {
			got = limit.String()
		}
		if got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
