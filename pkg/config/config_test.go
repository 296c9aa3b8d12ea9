// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"testing"
	"time"
)

const head = "apiVersion: kubectl-shareproc/v1alpha1\nkind: Config\n"

func parse(t *testing.T, text string) Config {
	t.Helper()
	c, err := File{Path: "f", Data: []byte(text)}.Parse()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheMoreSpecificWins(t *testing.T) {
	c := parse(t, head+`
image: top
images: [a, b]
idleTimeout: 1m
timeout: 1m
contexts:
  production:
    image: context
    idleTimeout: 2m
    images: []
    namespaces:
      payments: {idleTimeout: 3m}
      web: {timeout: 3m}
  empty:
namespaces:
  payments: {image: namespace, idleTimeout: 4m, imagePullPolicy: Never}
`)
	const inProduction = "f: contexts[production]."
	for _, c2 := range []struct {
		context, namespace string
		image, pull, keep  Value[string]
	}{
		{"", "", Value[string]{"top", "f: image"}, Value[string]{}, Value[string]{"1m0s", "f: idleTimeout"}},
		{"empty", "web", Value[string]{"top", "f: image"}, Value[string]{}, Value[string]{"1m0s", "f: idleTimeout"}},
		{"production", "", Value[string]{"context", inProduction + "image"}, Value[string]{}, Value[string]{"2m0s", inProduction + "idleTimeout"}},
		{"production", "web", Value[string]{"context", inProduction + "image"}, Value[string]{}, Value[string]{"2m0s", inProduction + "idleTimeout"}},
		{
			"production", "payments",
			Value[string]{"context", inProduction + "image"},
			Value[string]{"Never", "f: namespaces[payments].imagePullPolicy"},
			Value[string]{"3m0s", inProduction + "namespaces[payments].idleTimeout"},
		},
		{
			"other", "payments",
			Value[string]{"namespace", "f: namespaces[payments].image"},
			Value[string]{"Never", "f: namespaces[payments].imagePullPolicy"},
			Value[string]{"4m0s", "f: namespaces[payments].idleTimeout"},
		},
	} {
		s := c.For(c2.context, c2.namespace)
		keep := Value[string]{s.IdleTimeout.Value.String(), s.IdleTimeout.From}
		if s.Image != c2.image || s.PullPolicy != c2.pull || keep != c2.keep {
			t.Errorf("%s/%s: %+v", c2.context, c2.namespace, s)
		}
	}
	if s := c.For("production", "web"); s.Timeout.Value != 3*time.Minute || len(s.Images.Value) != 0 || !s.Images.Set() {
		t.Errorf("production/web: %+v", s)
	}
	if s := c.For("", "web"); fmt.Sprint(s.Images.Value) != "[a b]" {
		t.Errorf("/web: %+v", s)
	}
}

func TestNothingWrittenIsNothingSet(t *testing.T) {
	for _, text := range []string{"", "# to come\n", "---\n", head, head + "contexts:\nnamespaces:\n", "# why\n---\n" + head + "---\n# no more\n"} {
		s := parse(t, text).For("c", "n")
		if s.Image.Set() || s.Images.Set() || s.PullPolicy.Set() || s.IdleTimeout.Set() || s.Timeout.Set() {
			t.Errorf("%q: %+v", text, s)
		}
	}
}

func TestDefaultsFillWhatIsNotSet(t *testing.T) {
	if v := (Value[string]{}).Or("x", "default"); v != (Value[string]{"x", "default"}) {
		t.Errorf("%+v", v)
	}
	if v := (Value[string]{"", "f"}).Or("x", "default"); v != (Value[string]{"", "f"}) {
		t.Errorf("%+v", v)
	}
}
