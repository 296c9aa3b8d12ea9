// SPDX-License-Identifier: Apache-2.0

//go:build linux

package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBinariesHaveNamesOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range components() {
		for _, pkg := range c.packages {
			name := c.binary(pkg)
			if seen[name] || strings.ContainsAny(name, "./") || name == "v3" {
				t.Errorf("%s of %s is built to %q", pkg, c.name, name)
			}
			seen[name] = true
		}
	}
}

func TestKeyChangesWithWhatIsBuilt(t *testing.T) {
	all, changed := components(), components()
	if key(all) != key(changed) {
		t.Error("equal components have different keys: nothing would be built only once")
	}
	changed[0].version = "v0.0.1"
	if key(all) == key(changed) {
		t.Error("another version has the same key: it would never be built")
	}
}

// Each component is pinned: by a checksum here, or by a go.sum that has one for every module.
func TestComponentsArePinned(t *testing.T) {
	for _, c := range components() {
		if c.module != "" && !strings.HasPrefix(c.sum, "h1:") || c.module == "" && !strings.Contains(c.goSum, " h1:") {
			t.Errorf("%s has no checksum", c.name)
		}
	}
	if want := "require k8s.io/kubernetes " + Kubernetes + "\n"; !strings.Contains(kubernetesMod, want) {
		t.Errorf("kubernetes.mod does not have %q, the version that the binaries say", want)
	}
}

func TestAbsentNamesComponentsThatLackABinary(t *testing.T) {
	all := []component{
		{name: "whole", packages: []string{"x/a", "x/b"}},
		{name: "half", packages: []string{"x/c", "x/d"}},
	}
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "c"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	missing, err := absent(dir, all)
	if err != nil || len(missing) != 1 || missing[0].name != "half" {
		t.Errorf("absent = %+v, %v", missing, err)
	}
}
