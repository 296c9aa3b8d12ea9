// SPDX-License-Identifier: Apache-2.0

package patch

import (
	"encoding/json"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// What is read of a workload is what its kind has, in the API's own words.
func TestWorkloadsAsTheAPIHasThem(t *testing.T) {
	for _, c := range []struct {
		sentence, kind, spec, status string
		pods                         int32
		how, fixed, state            string
		done, fails                  bool
	}{
		{"a deployment", "deployment", `{"replicas": 3}`, `{"replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}`, 3, "rolling", "", "", true, false},
		{"one that recreates", "deployment", `{"strategy": {"type": "Recreate"}}`, `{}`, 1, "all at once: strategy Recreate", "", "new pods: 0 of 1", false, false},
		{"one that is paused", "deployment", `{"paused": true}`, `{"updatedReplicas": 1, "replicas": 2}`, 1, "rolling", "it is paused", "old pods pending termination: 1", false, false},
		{"one that has failed", "deployment", `{}`, `{"conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]}`, 1, "rolling", "", "", false, true},
		{"one without a quota", "deployment", `{}`, `{"conditions": [{"type": "ReplicaFailure", "status": "True"}]}`, 1, "rolling", "", "", false, true},
		{"one whose change is new", "deployment", `{}`, `{"observedGeneration": 1}`, 1, "rolling", "", "the controller has not observed the change yet", false, false},
		{
			"a stateful set", "statefulset", `{"replicas": 2}`, `{"readyReplicas": 2, "updateRevision": "b", "currentRevision": "b"}`,
			2, "one at a time", "", "", true, false,
		},
		{
			"one on its way", "statefulset", `{"replicas": 2}`, `{"readyReplicas": 2, "updatedReplicas": 1, "updateRevision": "b", "currentRevision": "a"}`,
			2, "one at a time", "", "new pods: 1 of 2", false, false,
		},
		{
			"one that keeps some", "statefulset", `{"replicas": 3, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}}`,
			`{"readyReplicas": 3, "updateRevision": "b", "currentRevision": "a"}`, 1, "one at a time", "", "new pods: 0 of 1", false, false,
		},
		{
			"one that keeps all", "statefulset", `{"replicas": 1, "updateStrategy": {"rollingUpdate": {"partition": 1}}}`, `{}`,
			0, "one at a time", "the partition of its update strategy excludes every pod", "ready: 0 of 1 pods", false, false,
		},
		{
			"a daemon set", "daemonset", `{"updateStrategy": {"type": "OnDelete"}}`, `{"desiredNumberScheduled": 4, "updatedNumberScheduled": 4, "numberAvailable": 3}`,
			4, "rolling", "it replaces pods only when they are deleted (strategy OnDelete)", "available: 3 of 4 new pods", false, false,
		},
	} {
		text := `{"metadata": {"name": "web", "namespace": "shop", "generation": 2}, "spec": ` + c.spec + `, "status": ` + c.status + `}`
		object := &unstructured.Unstructured{}
		if err := json.Unmarshal([]byte(text), &object.Object); err != nil {
			t.Fatalf("%s: %v", c.sentence, err)
		}
		if _, given, _ := unstructured.NestedFieldNoCopy(object.Object, "status", "observedGeneration"); !given {
			if err := unstructured.SetNestedField(object.Object, int64(2), "status", "observedGeneration"); err != nil {
				t.Fatal(err)
			}
		}
		w, err := workloadOf(c.kind, object)
		if err != nil || w.pods != c.pods || w.how != c.how || w.fixed != c.fixed {
			t.Errorf("%s: %d pods, %s, %q; %v", c.sentence, w.pods, w.how, w.fixed, err)
		}
		if done, state, err := w.rollout(); done != c.done || state != c.state || (err != nil) != c.fails {
			t.Errorf("%s: %v, %q, %v", c.sentence, done, state, err)
		}
	}
}
