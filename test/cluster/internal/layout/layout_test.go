// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNameIsTheOneAskedFor(t *testing.T) {
	for _, name := range []string{"a", "other", "ci-2", strings.Repeat("x", 32)} {
		if got, err := Name(name, t.TempDir()); err != nil || got != name {
			t.Errorf("Name(%q) = %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"..", "a/b", "-a", "A", "a b", strings.Repeat("x", 33)} {
		if got, err := Name(name, t.TempDir()); err == nil {
			t.Errorf("Name(%q) = %q, want an error: it becomes a directory's and a cgroup's name", name, got)
		}
	}
}

func TestNameBelongsToTheCheckout(t *testing.T) {
	first, second := checkoutDir(t), checkoutDir(t)
	at := func(dir string) string {
		name, err := Name("", dir)
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	if at(first) != at(filepath.Join(first, "test", "cluster")) {
		t.Error("a directory within the checkout gives another name than its root")
	}
	if at(first) == at(second) {
		t.Error("two checkouts share a name")
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(first, link); err != nil {
		t.Fatal(err)
	}
	if at(link) != at(first) {
		t.Error("a link to the checkout gives another name")
	}
}

func checkoutDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "test", "cluster"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.work"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestCacheCanBeMoved(t *testing.T) {
	moved, err := Cache(func(string) string { return "/elsewhere" })
	if err != nil || moved != "/elsewhere" {
		t.Errorf("Cache = %q, %v", moved, err)
	}
	usual, err := Cache(func(string) string { return "" })
	if err != nil || filepath.Base(usual) != "kubectl-shareproc-cluster" {
		t.Errorf("Cache = %q, %v", usual, err)
	}
}

func TestHostSocketFitsASocketAddress(t *testing.T) {
	// sun_path holds 108 bytes with the final zero (unix(7)); 4194304 is the largest process id (proc_sys_kernel(5)).
	if path := HostSocket(4194304); len(path) > 107 {
		t.Errorf("%s has %d bytes", path, len(path))
	}
}

func TestCgroupsOfTwoCachesDiffer(t *testing.T) {
	if NewState("/a", "x").Cgroup() == NewState("/b", "x").Cgroup() {
		t.Error("clusters of one name in two caches share a cgroup: ending one would end the other's")
	}
}
