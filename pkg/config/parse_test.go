// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
	"testing"
)

func TestParseErrorsNameTheFileAndTheField(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"[", "read f: yaml: line 1: "},
		{"- image", "read f: got array, want fields"},
		{"text", `read f: got string, want fields`},
		{"image: a", `read f: apiVersion: "": not kubectl-shareproc/v1alpha1` + "\n" + `read f: kind: "": not Config`},
		{"apiVersion: v1\nkind: Config", `read f: apiVersion: "v1": not kubectl-shareproc/v1alpha1`},
		{"apiVersion: kubectl-shareproc/v1alpha1\nkind: Settings", `read f: kind: "Settings": not Config`},
		{"apiVersion: 1\nkind: Config", "read f: apiVersion: got number, want text"},
		{head + "---\n" + head, "read f: more than one document"},
		{"---\n# nothing\n---\n" + head, "read f: more than one document"},
		{head + "imagee: a", `read f: unknown field "imagee"`},
		{head + "Image: a", `read f: unknown field "Image"`},
		{head + "image: a\nimage: b", `key "image" already set`},
		{head + `image: ""`, "read f: image: empty"},
		{head + "image: 1.37", "read f: image: got number, want text"},
		{head + "image: a b", `read f: image: "a b" contains a space`},
		{head + `image: "a\e[31m"`, `read f: image: "a\x1b[31m" contains a space`},
		{head + "images: a", "read f: images: got string, want a list"},
		{head + "images: [a, '']", "read f: images[1]: empty"},
		{head + "images: [{a: b}]", "read f: images: got object, want text"},
		{head + "transport: SPDY", `read f: transport: "SPDY": not one of auto, websocket, spdy`},
		{head + "imagePullPolicy: always", `read f: imagePullPolicy: "always": not one of Always, IfNotPresent, Never`},
		{head + "imagePullPolicy: true", "read f: imagePullPolicy: got bool, want text"},
		{head + "idleTimeout: 5 minutes", `read f: idleTimeout: "5 minutes": not a duration such as 90s or 10m`},
		{head + "idleTimeout: 30", "read f: idleTimeout: got number, want text"},
		{head + "readOnly: maybe", "read f: readOnly: got string, want true or false"},
		{head + "idleTimeout: 999ms", "read f: idleTimeout: 999ms: must be at least a second"},
		{head + "idleTimeout: -1m", "read f: idleTimeout: -1m: must be at least a second"},
		{head + "timeout: 0s", "read f: timeout: 0s: must be greater than zero"},
		{head + "timeout: .nan", "read f: "},
		{head + "contexts: production", "read f: contexts: got string, want a mapping"},
		{head + "contexts: {p: a}", "read f: contexts: got string, want a mapping"},
		{head + "contexts: {'': {}}", "read f: contexts[]: empty name"},
		{head + "contexts: {p: {contexts: {}}}", `read f: unknown field "contexts.p.contexts"`},
		{head + "contexts: {p: {namespaces: {web: {idleTimeout: x}}}}", `read f: contexts[p].namespaces[web].idleTimeout: "x"`},
		{head + "namespaces: {web: {namespaces: {}}}", `read f: unknown field "namespaces.web.namespaces"`},
		{head + "namespaces: {n: {}}", "read f: namespaces[false]: not a name; quote names such as y, n, on or off"},
		{head + "namespaces: {Kube_System: {}}", "read f: namespaces[Kube_System]: not a valid namespace name"},
		{head + "namespaces: []", "read f: namespaces: got array, want a mapping"},
		{head + "idleTimeout: 1ms\ncontexts: {b: {image: ''}, a: {image: 'a b'}}", "read f: idleTimeout: 1ms: must be at least a second\n" +
			`read f: contexts[a].image: "a b" contains a space` + "\nread f: contexts[b].image: empty"},
	} {
		c2, err := File{Path: "f", Data: []byte(c.text)}.Parse()
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "read f: ") {
			t.Errorf("%q: %v, want %q in it", c.text, err, c.want)
		}
		if s := c2.For("p", "n"); s.Image.Set() || s.IdleTimeout.Set() {
			t.Errorf("%q: settings beside an error: %+v", c.text, s)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"", "---\n...\n", head, head + "image: a\nimages: [b]\nkeep: 1s\n",
		head + "contexts: {p: {image: a, namespaces: {'n': {timeout: 1s}}}}\nnamespaces: {'n': {idleTimeout: 1h}}\n",
		"a: &a [*a]", "? {a: b}\n: c", "<<: {image: a}", "1: 2\ntrue: 3\n~: 4", "image: !!binary aGk=", "\xff\xfe",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := File{Path: "f", Data: data}.Parse()
		if err != nil {
			if !strings.HasPrefix(err.Error(), "read f: ") {
				t.Errorf("%q: %v", data, err)
			}
			return
		}
		s := c.For("p", "n")
		if s.Image.Set() && CheckImage(s.Image.Value) != nil || s.IdleTimeout.Set() && s.IdleTimeout.Value <= 0 || s.Timeout.Set() && s.Timeout.Value <= 0 {
			t.Errorf("%q: %+v", data, s)
		}
	})
}
