// SPDX-License-Identifier: Apache-2.0

//go:build linux

package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func componentsOf(t *testing.T, minor string) []component {
	t.Helper()
	all, err := components(minor)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestBinariesHaveNamesOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range componentsOf(t, Newest) {
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
	all, changed := componentsOf(t, Newest), componentsOf(t, Newest)
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
	keys := map[string]bool{}
	for _, minor := range Versions() {
		all := componentsOf(t, minor)
		for _, c := range all {
			if c.module != "" && !strings.HasPrefix(c.sum, "h1:") || c.module == "" && !strings.Contains(c.goSum, " h1:") {
				t.Errorf("%s of %s has no checksum", c.name, minor)
			}
		}
		if last := all[len(all)-1]; !strings.Contains(last.ldflags, ".gitVersion=v"+minor+".") {
			t.Errorf("Kubernetes %s says %s", minor, last.ldflags)
		}
		keys[key(all)] = true
	}
	if len(keys) != len(Versions()) {
		t.Errorf("%d versions share %d directories", len(Versions()), len(keys))
	}
}

func TestUnknownVersionIsRefused(t *testing.T) {
	if all, err := components("1.2"); err == nil {
		t.Errorf("there is a Kubernetes 1.2: %+v", all)
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
