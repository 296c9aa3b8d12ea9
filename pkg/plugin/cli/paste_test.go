// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"testing"

	"k8s.io/cli-runtime/pkg/genericclioptions"
)

func TestPathsThatAShellActsOnAreNotAdvised(t *testing.T) {
	for path, want := range map[string]bool{
		"/etc/nginx/nginx.conf": true, "/data/a-b_c+d@e:f=g,h": true,
		"/a b": false, "/'; id; '": false, "/$(id)": false, "/`id`": false, "/a\nb": false, "/a\x1b[2J": false, "/~": false, "/ü": false, "/a|b": false, `/a\b`: false,
	} {
		if got := Pastable(path); got != want {
			t.Errorf("%q: %v", path, got)
		}
	}
}

func TestCommandLineIsToBePasted(t *testing.T) {
	for _, c := range []struct {
		words []string
		want  string
	}{
		{[]string{"kubectl", "shareproc", "fs", "nginx:/etc"}, "kubectl shareproc fs nginx:/etc"},
		{[]string{"grep", "a b*$(x)", ""}, "grep 'a b*$(x)' ''"},
		{[]string{"grep", "it's"}, ""},
		{[]string{"fs", "\x1b[31m"}, ""},
		{[]string{"fs", "ä"}, ""},
	} {
		if got := CommandLine(c.words...); got != c.want {
			t.Errorf("%q: %q, want %q", c.words, got, c.want)
		}
	}
}

func TestAdviceNamesTheNamespaceOfTheCommandLine(t *testing.T) {
	deps := &Deps{Config: genericclioptions.NewConfigFlags(true)}
	const advice = "kubectl shareproc ps web, or kubectl get pods -n other\n     kubectl shareproc debug --help"
	if got := InNamespace(deps, advice); got != advice {
		t.Errorf("without one: %q", got)
	}
	*deps.Config.Namespace = "shop"
	for advice, want := range map[string]string{
		"kubectl shareproc ps web":                                 "kubectl shareproc -n shop ps web",
		"run kubectl shareproc ps a\n     kubectl shareproc top a": "run kubectl shareproc -n shop ps a\n     kubectl shareproc -n shop top a",
		"kubectl shareproc fs tail web /log -n 5":                  "kubectl shareproc --namespace shop fs tail web /log -n 5",
		"kubectl shareproc clean -n other web":                     "kubectl shareproc clean -n other web",
		"kubectl shareproc debug --help":                           "kubectl shareproc debug --help",
		"kubectl shareproc debug":                                  "kubectl shareproc debug",
		"use -c":                                                   "use -c",
	} {
		if got := InNamespace(deps, advice); got != want {
			t.Errorf("%q: %q, want %q", advice, got, want)
		}
	}
}
