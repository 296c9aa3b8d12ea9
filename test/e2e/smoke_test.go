// SPDX-License-Identifier: Apache-2.0

//go:build unix

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"sigs.k8s.io/yaml"
)

// sharedPods are what the smoke scripts look at, and change nothing of: one for each kind that docs/access.md names and that
// needs no namespace of its own.
func sharedPods() [][]string {
	return [][]string{
		{"web", "nginx"},
		{"other", "nginx"},
		{"user", "nonroot"},
		{
			"group", "nonroot", "spec={securityContext: {runAsUser: 1000, runAsGroup: 2000, fsGroup: 3000, runAsNonRoot: true}, volumes: [{name: tmp, emptyDir: {}}]}",
			"container={securityContext: {readOnlyRootFilesystem: true}, volumeMounts: [{name: tmp, mountPath: /tmp}]}",
		},
		{"shared", "busybox", "nonroot", "spec={shareProcessNamespace: true}"},
		{"two", "busybox", "nginx"},
		{"caps", "nginx", "container={securityContext: {capabilities: {drop: [ALL], add: [CHOWN, SETUID, SETGID, DAC_OVERRIDE, NET_BIND_SERVICE, NET_ADMIN]}}}"},
		{"host", "nonroot", "spec={hostPID: true, hostNetwork: true}"},
		{"sidecar", "busybox", "spec={initContainers: [{name: proxy, image: $NGINX, imagePullPolicy: IfNotPresent, restartPolicy: Always}]}"},
		{"setuid", "busybox", `container={command: [sh, -c, "echo mine >/etc/mine; exec httpd -f -p 8080 -u 1000:1000"]}`},
	}
}

// podManifest is the manifest of "NAME IMAGE... [spec={...}] [container={...}] [labels={...}]": a container for each image (nginx, nonroot,
// which is nginx as user 65534, or busybox, which sleeps); what is given goes into the spec and into the last container.
func podManifest(args []string) (string, error) {
	spec := map[string]any{"terminationGracePeriodSeconds": 0}
	metadata := map[string]any{"name": args[0]}
	var containers []any
	for _, word := range args[1:] {
		field, value, given := strings.Cut(word, "=")
		into := map[string]any{}
		switch {
		case !given:
			c, err := imageOf(word)
			if err != nil {
				return "", err
			}
			containers = append(containers, c)
			continue
		case field == "spec":
			into = spec
		case field == "labels":
			metadata["labels"] = into
		case field == "container" && len(containers) > 0:
			into = containers[len(containers)-1].(map[string]any)
		default:
			return "", fmt.Errorf("%s: not an image, nor spec=, container= or labels=", word)
		}
		if err := yaml.Unmarshal([]byte(value), &into); err != nil {
			return "", fmt.Errorf("%s: %w", word, err)
		}
	}
	spec["containers"] = containers
	text, err := yaml.Marshal(map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
	return string(text), err
}

func imageOf(name string) (map[string]any, error) {
	c := map[string]any{"name": "nginx", "imagePullPolicy": "IfNotPresent"}
	switch name {
	case "nginx":
		c["image"] = "$NGINX"
	case "nonroot":
		c["image"] = "$NGINX_NONROOT"
	case "busybox":
		c["image"], c["name"], c["command"] = "$BUSYBOX", "side", []string{"sleep", "1000000"}
	default:
		return nil, fmt.Errorf("%s: not an image", name)
	}
	return c, nil
}

// scriptPod is "pod NAME IMAGE... [spec={...}] [container={...}] [labels={...}]": a pod, once it is ready (podManifest).
func scriptPod(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: pod name image... [spec={...}] [container={...}] [labels={...}]")
	}
	manifest, err := podManifest(args)
	ts.Check(err)
	ts.Check(ts.Value(environmentKey{}).(*environment).apply(context.Background(), manifest, args[0]))
}

// scriptOwn is "own": a namespace of the script's own from here on.
func scriptOwn(s settings) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, _ []string) {
		w, remove, err := newEnvironment(context.Background(), s, ts.MkAbs("."))
		if remove != nil {
			ts.Defer(func() { ts.Check(remove()) })
		}
		ts.Check(err)
		*ts.Value(environmentKey{}).(*environment) = *w
		ts.Setenv("KUBECONFIG", w.own)
		ts.Setenv("NS", w.namespace)
	}
}

// The seed's story, one line for each command, and one for each kind of pod in docs/access.md.
func TestSmoke(t *testing.T) {
	t.Parallel()
	s := fromEnvironment(t)
	shared := sharedEnvironment(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "smoke",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			w := *shared
			env.Vars = append(env.Vars, w.env()...)
			env.Values[environmentKey{}] = &w
			return nil
		},
		Condition: func(name string) (bool, error) { return s.has(t.Context(), name) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"apply": scriptApply, "reads": scriptReads, "retry": scriptRetry, "count": scriptCount, "pod": scriptPod, "own": scriptOwn(s),
		},
	})
}

// sharedEnvironment is a namespace with the shared pods, until the test and its scripts have ended.
func sharedEnvironment(t *testing.T) *environment {
	t.Helper()
	w := testEnvironment(t)
	var manifests, names []string
	for _, args := range sharedPods() {
		manifest, err := podManifest(args)
		if err != nil {
			t.Fatal(err)
		}
		manifests, names = append(manifests, manifest), append(names, args[0])
	}
	if err := w.apply(t.Context(), strings.Join(manifests, "---\n"), names...); err != nil {
		t.Fatal(err)
	}
	return w
}
