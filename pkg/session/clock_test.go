// SPDX-License-Identifier: Apache-2.0

package session

import (
	"encoding/json"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
)

// A laptop whose clock is wrong neither ends a colleague's session nor makes one that seems to be over.
func TestPatchExpiresByTheServersClock(t *testing.T) {
	server := time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)
	d := cluster.Cluster{Now: func() time.Time { return server }}
	for expires, want := range map[time.Duration]State{time.Hour: StateRunning, -time.Hour: StateExpired} {
		mark, err := json.Marshal(podspec.PatchMark{Container: podspec.NamePrefix + "x", Expires: server.Add(expires)})
		if err != nil {
			t.Fatal(err)
		}
		w := workload{meta: &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{podspec.AnnotationPatch: string(mark)}}}, template: &corev1.PodTemplateSpec{}}
		if e, ok := patchEntry(w, d.Time()); !ok || e.State != want {
			t.Errorf("expires in %s: %v, %q", expires, ok, e.State)
		}
	}
}
