// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// manifest is what is read here of krew's type Plugin (https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest/).
type manifest struct {
	Metadata struct{ Name string }
	Spec     struct {
		Version, ShortDescription, Description, Caveats, Homepage string
		Platforms                                                 []struct {
			URI, Sha256, Bin string
			Selector         struct{ MatchLabels map[string]string }
			Files            []struct{ From, To string }
		}
	}
}

func readManifest(t *testing.T, text string) manifest {
	t.Helper()
	var m manifest
	if err := yaml.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func committedManifest(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", manifestFile))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheCommittedManifestIsWholeAndOfOneVersion(t *testing.T) {
	m := readManifest(t, committedManifest(t))
	if m.Metadata.Name != "shareproc" || !regexp.MustCompile(`^v\d+\.\d+\.\d+`).MatchString(m.Spec.Version) {
		t.Errorf("name %q, version %q", m.Metadata.Name, m.Spec.Version)
	}
	if n := len(m.Spec.ShortDescription); n == 0 || n > 50 {
		t.Errorf("the short description has %d characters; krew search shows 50", n)
	}
	if m.Spec.Description == "" || m.Spec.Caveats == "" || m.Spec.Homepage == "" {
		t.Error("description, caveats and homepage belong in it")
	}
	if len(m.Spec.Platforms) != len(every()) {
		t.Fatalf("%d platforms, not %d", len(m.Spec.Platforms), len(every()))
	}
	seen := map[string]bool{}
	for i, p := range every() {
		got := m.Spec.Platforms[i]
		if is := (platform{got.Selector.MatchLabels["os"], got.Selector.MatchLabels["arch"]}); is != p {
			t.Errorf("platform %d is %s, not %s", i, is, p)
		}
		if want := downloads + m.Spec.Version + "/" + p.archive(m.Spec.Version); got.URI != want {
			t.Errorf("%s is at %s, not %s", p, got.URI, want)
		}
		if !regexp.MustCompile(`^[a-f0-9]{64}$`).MatchString(got.Sha256) || strings.Trim(got.Sha256, "0") == "" || seen[got.Sha256] {
			t.Errorf("the checksum of %s is %q", p, got.Sha256)
		}
		seen[got.Sha256] = true
		var files []string
		for _, f := range got.Files {
			files = append(files, f.From)
		}
		if want := p.binary() + " LICENSE THIRD_PARTY_LICENSES"; got.Bin != p.binary() || strings.Join(files, " ") != want {
			t.Errorf("%s runs %s of %v, not of %s", p, got.Bin, files, want)
		}
	}
}

func TestFillPutsEachChecksumBelowItsAddress(t *testing.T) {
	const version = "v1.2.3"
	sums := map[string]string{}
	for i, p := range every() {
		sums[p.archive(version)] = strings.Repeat(string(rune('1'+i)), 64) // digits only, which YAML would take for a number
	}
	text, err := fill(committedManifest(t), version, sums)
	if err != nil {
		t.Fatal(err)
	}
	m := readManifest(t, text)
	if m.Spec.Version != version {
		t.Errorf("version %q", m.Spec.Version)
	}
	for i, p := range every() {
		got := m.Spec.Platforms[i]
		if got.URI != downloads+version+"/"+p.archive(version) || got.Sha256 != sums[p.archive(version)] {
			t.Errorf("%s: %s %s", p, got.URI, got.Sha256)
		}
	}
	delete(sums, every()[0].archive(version))
	if _, err := fill(committedManifest(t), version, sums); err == nil {
		t.Error("a platform without an archive was filled in")
	}
	sums = map[string]string{"another": "1"}
	if _, err := fill("spec:\n", version, sums); err == nil {
		t.Error("an archive that the manifest does not name was left out")
	}
}

// krew itself (SHAREPROC_TEST_KREW is the directory of its programs) takes the committed manifest, and installs every archive of
// SHAREPROC_TEST_DIST, what "make release-snapshot" made. "make release-test" sets both.
func TestKrewInstallsEachArchive(t *testing.T) {
	krew, dist := os.Getenv("SHAREPROC_TEST_KREW"), os.Getenv("SHAREPROC_TEST_DIST")
	if krew == "" || dist == "" {
		t.Skip("no krew and no archives named: run make release-test")
	}
	filled, err := os.ReadFile(filepath.Join(dist, manifestFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{committedManifest(t), string(filled)} {
		file := filepath.Join(t.TempDir(), "shareproc.yaml") // it has to be named like the plugin
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		command(t, nil, filepath.Join(krew, "validate-krew-manifest"), "-skip-install", "-manifest", file)
	}
	m := readManifest(t, string(filled))
	for _, p := range every() {
		root := t.TempDir()
		env := []string{"KREW_ROOT=" + root, "KREW_OS=" + p.os, "KREW_ARCH=" + p.arch}
		command(t, env, filepath.Join(krew, "krew"), "install", "--manifest="+filepath.Join(dist, manifestFile),
			"--archive="+filepath.Join(dist, p.archive(m.Spec.Version)))
		if _, err := os.Stat(filepath.Join(root, "bin", p.binary())); err != nil {
			t.Errorf("krew's directory of programs: %v", err)
		}
		if p != (platform{runtime.GOOS, runtime.GOARCH}) {
			continue
		}
		kubectl, err := exec.LookPath("kubectl")
		if err != nil {
			t.Log("not run through kubectl: there is none on the path")
			continue
		}
		env = append(env, "PATH="+filepath.Join(root, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
		if out := command(t, env, kubectl, "shareproc", "version", "--client"); !strings.Contains(out, m.Spec.Version) {
			t.Errorf("kubectl shareproc version says %q, not %s", out, m.Spec.Version)
		}
		link := regexp.MustCompile(`(?m)^ *ln -s .*$`).FindString(m.Spec.Caveats)
		command(t, env, "sh", "-c", link)
		if out := command(t, env, kubectl, "__complete", "shareproc", "doct"); !strings.Contains(out, "doctor") {
			t.Errorf("after %q kubectl completes to %q", link, out)
		}
	}
}

func command(t *testing.T, env []string, program string, args ...string) string {
	t.Helper()
	out, err := output(t.Context(), ".", env, program, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// krew takes a repository with a manifest below plugins as an index.
func TestTheRepositoryIsAKrewIndex(t *testing.T) {
	manifest, err := os.ReadFile(filepath.Join("..", "..", manifestFile))
	if err != nil {
		t.Fatal(err)
	}
	indexed, err := os.ReadFile(filepath.Join("..", "..", "plugins", "shareproc.yaml"))
	if err != nil || !bytes.Equal(indexed, manifest) {
		t.Errorf("plugins/shareproc.yaml is not %s (%v)", manifestFile, err)
	}
}
