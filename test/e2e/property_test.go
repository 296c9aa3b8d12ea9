// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/podgen"
)

// generated is how many pods the API server is asked about.
const generated = 200

// Whatever the pod, a real API server takes its copy, with every way to make one, and nothing that selects the pod selects
// the copy.
func TestAnyPodsCopyIsAccepted(t *testing.T) {
	full(t)
	t.Parallel()
	w := testEnvironment(t)
	config := rest.CopyConfig(w.config)
	config.QPS, config.WarningHandlerWithContext = -1, rest.NoWarnings{}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	pods := client.CoreV1().Pods(w.namespace)
	dry := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}
	security := &corev1.SecurityContext{
		RunAsUser: new(int64(0)), RunAsNonRoot: new(false), Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"SYS_PTRACE"}},
	}
	for seed := range uint64(generated) {
		original, err := pods.Create(t.Context(), podgen.Pod(seed), dry)
		if err != nil {
			t.Fatalf("seed %d: the pod itself is refused: %v", seed, err)
		}
		if len(original.Spec.SchedulingGates) == 0 {
			original.Spec.NodeName = "local"
		}
		original.UID = "2b2b2b2b-0000-0000-0000-000000000000"
		original.Spec.EphemeralContainers = []corev1.EphemeralContainer{podspec.Helper{Name: "shareproc-aaaaa", Image: "i"}.Ephemeral()}
		first := original.Spec.Containers[0].Name
		for how, c := range map[string]podspec.Copy{
			"as it is": {},
			"held":     {Hold: first},
			"kept": {Edits: podspec.Edits{
				KeepLabels: true, KeepAnnotations: true, KeepLiveness: true, KeepReadiness: true, KeepStartup: true,
			}},
			"elsewhere": {Edits: podspec.Edits{
				AnyNode: true, DropInitContainers: true, Images: map[string]string{"*": "other:1"},
				Env: []corev1.EnvVar{{Name: "NAME", Value: "x"}}, EnvOf: first,
			}},
		} {
			c.Name, c.Image, c.TTL, c.Security, c.By = fmt.Sprintf("copy-%d", seed), w.images["BUSYBOX"], time.Hour, security, "anna"
			copied, _ := c.Of(original)
			accepted, err := pods.Create(t.Context(), copied, dry)
			if err != nil {
				t.Errorf("seed %d, %s: %v", seed, how, err)
				continue
			}
			if p := accepted.Spec.PriorityClassName; p != "" {
				t.Errorf("seed %d, %s: priority class %s", seed, how, p)
			}
			if how == "kept" {
				continue
			}
			for key, value := range original.Labels {
				if labels.SelectorFromSet(labels.Set{key: value}).Matches(labels.Set(accepted.Labels)) {
					t.Errorf("seed %d, %s: selected by %s=%s", seed, how, key, value)
				}
			}
		}
	}
}
