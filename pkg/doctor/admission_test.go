// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

// A Role for certain pods (resourceNames) is enough, and the one that is printed names the pod, unless its successor will have
// another name.
func TestARoleForOnePod(t *testing.T) {
	names := func(d Diagnosis) string {
		var list []string
		g := d.Needed()
		if d.Missing != nil {
			g = *d.Missing
		}
		for _, r := range g.Role.Rules {
			list = append(list, strings.Join(append(append(r.Verbs, r.Resources...), r.ResourceNames...), " "))
		}
		return strings.Join(list, "; ")
	}
	cluster := newClinic(t, newTarget(nil))
	cluster.onlyPod = "web"
	d := cluster.diagnose(t, "web", session.Request{})
	if want := "get pods web; patch pods/ephemeralcontainers web; create pods/exec web"; !d.Works || names(d) != want {
		t.Errorf("works %t, %v; Role %q, want %q", d.Works, d.Err(), names(d), want)
	}
	cluster = newClinic(t, newTarget(func(p *corev1.Pod) { p.GenerateName = "web-" }))
	cluster.denied = []string{"create pods/exec"}
	if d = cluster.diagnose(t, "web", session.Request{}); names(d) != "create pods/exec" {
		t.Errorf("of a pod with a generated name: %q", names(d))
	}
}

// What admission makes of a helper is what doctor goes by.
func TestDoctorSeesWhatAdmissionMakes(t *testing.T) {
	cluster := newClinic(t, newTarget(as(0, 0)))
	cluster.PrependReactor("patch", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		var body session.HelperPatch
		if err := json.Unmarshal(a.(clienttesting.PatchAction).GetPatch(), &body); err != nil {
			return true, nil, err
		}
		body.Spec.EphemeralContainers[0].SecurityContext.Capabilities = &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}
		return true, &corev1.Pod{Spec: corev1.PodSpec{EphemeralContainers: body.Spec.EphemeralContainers}}, nil
	})
	d := cluster.diagnose(t, "web", session.Request{})
	if d.Works || !strings.Contains(d.Err().Error(), "every helper that can read the files") {
		t.Errorf("works %t, %v", d.Works, d.Err())
	}
	if first := d.Policy[0]; first.Admitted != Yes || first.Opens != podspec.SeeProcesses || !strings.Contains(first.Changed, "root without capabilities") {
		t.Errorf("got %+v", first)
	}
}

// No helper counts for a quota.
func TestAQuotaIsAboutCopiesOnly(t *testing.T) {
	full := apierrors.NewForbidden(corev1.Resource("pods"), "x", errors.New("exceeded quota: q, requested: pods=1"))
	cluster := newClinic(t, newTarget(nil))
	cluster.PrependReactor("create", "pods", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, full })
	for _, pod := range []string{"", "web"} {
		if d := cluster.diagnose(t, pod, session.Request{}); !d.Works {
			t.Errorf("%q: %v", pod, d.Err())
		}
		d := cluster.diagnose(t, pod, session.Request{Copy: true})
		if d.Works || !strings.Contains(d.Err().Error(), "the quota of the namespace") || !strings.Contains(hint.Of(d.Err()), "describe resourcequota") {
			t.Errorf("%q --copy: works %t, %v", pod, d.Works, d.Err())
		}
	}
}
