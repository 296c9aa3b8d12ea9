// SPDX-License-Identifier: Apache-2.0

package target

import (
	"strings"
	"testing"
)

func TestOneGrammarForEveryWord(t *testing.T) {
	for text, want := range map[string]Word{
		"nginx":                    {Arg: "nginx"},
		"pod/nginx":                {Arg: "pod/nginx"},
		"po/nginx":                 {Arg: "po/nginx"},
		"deploy/web":               {Arg: "deploy/web"},
		"Deployment.apps/web":      {Arg: "Deployment.apps/web"},
		"prod/web":                 {Namespace: "prod", Arg: "web"},
		"prod/deploy/web":          {Namespace: "prod", Arg: "deploy/web"},
		"kube-system/foo":          {Namespace: "kube-system", Arg: "foo"},
		"nginx:/etc":               {Arg: "nginx", Path: "/etc", HasPath: true},
		"nginx:etc/x":              {Arg: "nginx", Path: "etc/x", HasPath: true},
		"nginx:":                   {Arg: "nginx", HasPath: true},
		"nginx:/a:b":               {Arg: "nginx", Path: "/a:b", HasPath: true},
		"prod/sts/db:/a/b":         {Namespace: "prod", Arg: "sts/db", Path: "/a/b", HasPath: true},
		"pod/pod/x":                {Arg: "pod/pod/x"}, // a namespace called pod is named by -n
		"prod/rollout/web":         {Namespace: "prod", Arg: "rollout/web"},
		"rollouts.argoproj.io/web": {Arg: "rollouts.argoproj.io/web"},
		"node/worker":              {Arg: "node/worker"},
		"Prod/web":                 {Arg: "Prod/web"},
		"prod/":                    {Arg: "prod/"},
		"/web":                     {Arg: "/web"},
		"/etc/nginx":               {Arg: "/etc/nginx"},
		"\x1b/web":                 {Arg: "\x1b/web"},
		"":                         {},
	} {
		if got := ParseWord(text); got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}

// Nothing of a word is lost, and what is taken for a namespace can be one.
func FuzzParseWord(f *testing.F) {
	for _, text := range []string{"nginx", "prod/deploy/web:/etc", "a/b", ":", "//", "pod/x:y:z"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		w := ParseWord(text)
		again := w.Arg
		if w.Namespace != "" {
			again = w.Namespace + "/" + again
		}
		if w.HasPath {
			again += ":" + w.Path
		}
		if again != text {
			t.Errorf("%q is not %q", again, text)
		}
		if strings.ContainsAny(w.Namespace, "/:. ") || w.Namespace != "" && w.Arg == "" {
			t.Errorf("%q: %+v", text, w)
		}
		if second := ParseWord(w.Arg); w.Namespace == "" && second.Namespace != "" {
			t.Errorf("%q: %+v is read otherwise the second time", text, w)
		}
	})
}
