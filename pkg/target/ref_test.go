// SPDX-License-Identifier: Apache-2.0

package target

import (
	"testing"

	"k8s.io/client-go/kubernetes/fake"
)

func TestKindsAreNamedAsInKubectl(t *testing.T) {
	for want, words := range map[string][]string{
		"pod":         {"po", "pod", "pods", "Pod", "pods.v1."},
		"deployment":  {"deploy", "deployment", "deployments", "Deployment", "DEPLOY", "deployment.apps", "deployments.apps", "deployments.v1.apps"},
		"statefulset": {"sts", "statefulset", "statefulsets", "StatefulSet", "statefulset.apps"},
		"daemonset":   {"ds", "daemonset", "daemonsets", "daemonset.apps"},
		"replicaset":  {"rs", "replicaset", "replicasets", "replicaset.apps"},
		"job":         {"job", "jobs", "job.batch", "jobs.batch"},
		"cronjob":     {"cj", "cronjob", "cronjobs", "cronjob.batch"},
		"replicationcontroller": {
			"rc", "replicationcontroller", "replicationcontrollers",
		},
		"service": {"svc", "service", "services"},
	} {
		for _, word := range words {
			if k, ok := kindNamed(word); !ok || k.name != want {
				t.Errorf("%q is %q, %v; want %q", word, k.name, ok, want)
			}
		}
	}
	for _, word := range []string{"", "web", "rollout.argoproj.io", "deployment.extensions", "job.apps", "node", "deploy ", ".apps"} {
		if k, ok := kindNamed(word); ok {
			t.Errorf("%q is %q", word, k.name)
		}
	}
}

// What is wrong with the words costs no request.
func TestValidate(t *testing.T) {
	const types = "use pod, deployment, statefulset, daemonset, replicaset, job, cronjob, replicationcontroller or service"
	for _, c := range []struct {
		ref       Ref
		want, try string
	}{
		{Ref{}, "a pod name or labels are required", "-l"},
		{Ref{Arg: "web", Selector: "app=web"}, `a name ("web") and labels ("app=web") are mutually exclusive`, "use the name or -l"},
		{Ref{Arg: "rollout/web"}, `"rollout/web" has an unknown resource type "rollout": ` + types, "kubectl get pods"},
		{Ref{Arg: "\x1b/web"}, "\"\\x1b/web\" has an unknown resource type \"\\x1b\"", "kubectl get pods"},
		{Ref{Arg: "deploy/"}, `"deploy/" is not a valid deployment name`, "kubectl get deployments"},
		{Ref{Arg: "sts/We b"}, `"sts/We b" is not a valid statefulset name`, "kubectl get statefulsets"},
		{Ref{Arg: "pod/x/y"}, `"pod/x/y" is not a valid pod name`, "kubectl get pods"},
		{Ref{Selector: "app==web=="}, `parse label selector "app==web==": `, "-l app=web"},
		{Ref{Selector: "a\x1b=b"}, `parse label selector "a\x1b=b": `, "-l app=web"},
		{Ref{Selector: " "}, `label selector " " is empty`, "-l app=web"},
	} {
		wantError(t, c.ref, c.ref.Validate(), c.want, c.try)
		client := fake.NewClientset(pod(nil))
		if _, err := Resolve(t.Context(), client, "shop", c.ref, nil); err == nil || len(client.Actions()) > 0 {
			t.Errorf("%v: %v, after %d requests", c.ref, err, len(client.Actions()))
		}
	}
	for _, ref := range []Ref{{Arg: "web"}, {Arg: "Deploy/web", Container: "proxy"}, {Selector: "app in (web, api),!old"}} {
		if err := ref.Validate(); err != nil {
			t.Errorf("%v: %v", ref, err)
		}
	}
}
