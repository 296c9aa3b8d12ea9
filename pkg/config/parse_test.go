// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
	"testing"
)

func TestParseErrorsNameTheFileAndTheField(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"[", "read f: yaml: line 1: "},
		{"- image", "read f: a list, where fields are wanted"},
		{"text", `read f: "text", where fields are wanted`},
		{"image: a", "read f: apiVersion: missing\nread f: kind: missing"},
		{"apiVersion: v1\nkind: Config", `read f: apiVersion: "v1": not kubectl-shareproc/v1alpha1`},
		{"apiVersion: kubectl-shareproc/v1alpha1\nkind: Settings", `read f: kind: "Settings": not Config`},
		{"apiVersion: 1\nkind: Config", "read f: apiVersion: 1, where kubectl-shareproc/v1alpha1 is wanted"},
		{head + "---\n" + head, "read f: more than one document"},
		{"---\n# nothing\n---\n" + head, "read f: more than one document"},
		{head + "imagee: a", "read f: imagee: unknown field; known ones are apiVersion, contexts, image, "},
		{head + "Image: a", "read f: Image: unknown field"},
		{head + "image: a\nimage: b", `key "image" already set`},
		{head + `image: ""`, "read f: image: empty"},
		{head + "image:", "read f: image: nothing, where an image's name is wanted"},
		{head + "image: 1.37", "read f: image: 1.37, where an image's name is wanted"},
		{head + "image: a b", `read f: image: "a b" has a space in it`},
		{head + `image: "a\e[31m"`, `read f: image: "a\x1b[31m" has a space in it`},
		{head + "images: a", `read f: images: "a", where a list of images is wanted`},
		{head + "images:", `read f: images: nothing, where a list`},
		{head + "images: [a, '']", "read f: images[1]: empty"},
		{head + "images: [{a: b}]", "read f: images[0]: a mapping, where an image's name is wanted"},
		{head + "imagePullPolicy: always", `read f: imagePullPolicy: "always": not one of Always, IfNotPresent, Never`},
		{head + "imagePullPolicy: true", "read f: imagePullPolicy: true, where one of Always, IfNotPresent, Never is wanted"},
		{head + "keep: 5 minutes", `read f: keep: "5 minutes": not a duration such as 90s or 10m`},
		{head + "keep: 30", "read f: keep: 30, where a duration such as 90s or 10m is wanted"},
		{head + "keep: 999ms", "read f: keep: 999ms: less than a second"},
		{head + "keep: -1m", "read f: keep: -1m: less than a second"},
		{head + "timeout: 0s", "read f: timeout: 0s: not more than zero"},
		{head + "timeout: .nan", "read f: "},
		{head + "contexts: production", `read f: contexts: "production", where names with fields below are wanted`},
		{head + "contexts: {p: a}", `read f: contexts[p]: "a", where fields are wanted`},
		{head + "contexts: {'': {}}", "read f: contexts[]: empty name"},
		{head + "contexts: {p: {contexts: {}}}", "read f: contexts[p].contexts: unknown field"},
		{head + "contexts: {p: {namespaces: {web: {keep: x}}}}", `read f: contexts[p].namespaces[web].keep: "x"`},
		{head + "namespaces: {web: {namespaces: {}}}", "read f: namespaces[web].namespaces: unknown field"},
		{head + "namespaces: {n: {}}", "read f: namespaces[false]: not a name; one such as y, n, on or off stands in quotes"},
		{head + "namespaces: {Kube_System: {}}", "read f: namespaces[Kube_System]: no namespace has such a name"},
		{head + "namespaces: []", "read f: namespaces: a list, where names"},
		{head + "keep: 1\ncontexts: {b: {image: 1}, a: {image: 2}}", "read f: contexts[a].image: 2, where an image's name is wanted\n" +
			"read f: contexts[b].image: 1, where an image's name is wanted\nread f: keep: 1, "},
	} {
		c2, err := File{Path: "f", Data: []byte(c.text)}.Parse()
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "read f: ") {
			t.Errorf("%q: %v, want %q in it", c.text, err, c.want)
		}
		if s := c2.For("p", "n"); s.Image.Set() || s.Keep.Set() {
			t.Errorf("%q: settings beside an error: %+v", c.text, s)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"", "---\n...\n", head, head + "image: a\nimages: [b]\nkeep: 1s\n",
		head + "contexts: {p: {image: a, namespaces: {'n': {timeout: 1s}}}}\nnamespaces: {'n': {keep: 1h}}\n",
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
		if s.Image.Set() && CheckImage(s.Image.Value) != nil || s.Keep.Set() && s.Keep.Value <= 0 || s.Timeout.Set() && s.Timeout.Value <= 0 {
			t.Errorf("%q: %+v", data, s)
		}
	})
}
