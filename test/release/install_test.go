// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

const (
	installPage = "docs/install.md"
	home        = "https://github.com/kubectl-shareproc/kubectl-shareproc"
	modulePath  = "github.com/kubectl-shareproc/kubectl-shareproc"
	// pretended is the version of docs/install.md's commands.
	pretended = "v0.1.0"
)

// block is the nth block of commands below a heading of docs/install.md.
func block(t *testing.T, heading string, n int) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(here(t), filepath.FromSlash(installPage)))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := regexp.MustCompile("(?s)\n```sh\n(.*?)\n```\n").FindAllStringSubmatch(section, -1)
	if !found || len(blocks) <= n {
		t.Fatalf("%s has no block %d below %q", installPage, n, heading)
	}
	return blocks[n][1]
}

// machine is where the blocks run: a home directory of its own, whose programs come first.
type machine struct {
	dir string
	env []string
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	if testing.Short() {
		t.Skip("make test-full runs this")
	}
	if runtime.GOOS == "windows" {
		t.Skip("the commands are those of a POSIX shell")
	}
	m := &machine{dir: t.TempDir()}
	bin := filepath.Join(m.dir, ".local", "bin")
	for _, variable := range []string{"GOCACHE", "GOMODCACHE"} {
		m.env = append(m.env, variable+"="+command(t, nil, "go", "env", variable))
	}
	m.env = append(m.env, "HOME="+m.dir, "PREFIX="+filepath.Join(m.dir, ".local"), "GOBIN="+bin, "GIT_CONFIG_NOSYSTEM=1",
		"PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	return m
}

// run runs a block in the home directory.
func (m *machine) run(t *testing.T, commands string) string {
	t.Helper()
	out, err := output(t.Context(), m.dir, m.env, "sh", "-euc", commands)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// program puts a program of the name in place, written in shell.
func (m *machine) program(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(m.dir, ".local", "bin", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

// works checks what every way has to bring: the program, found by its name, and completion.
func (m *machine) works(t *testing.T) {
	t.Helper()
	if out := m.run(t, "kubectl-shareproc version --client"); !strings.Contains(out, "Client Version: ") || !strings.Contains(out, "Go Version: go1.") {
		t.Errorf("it says %q", out)
	}
	if out := m.run(t, "kubectl_complete-shareproc doct"); !strings.Contains(out, "doctor") {
		t.Errorf("it completes to %q", out)
	}
}

func (m *machine) pages(t *testing.T) int {
	t.Helper()
	pages, err := filepath.Glob(filepath.Join(m.dir, ".local", "share", "man", "man1", "kubectl-shareproc*.1"))
	if err != nil {
		t.Fatal(err)
	}
	return len(pages)
}

func TestInstallFromAClone(t *testing.T) {
	m := newMachine(t)
	m.env = append(m.env, "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=url."+here(t)+".insteadOf", "GIT_CONFIG_VALUE_0="+home)
	m.run(t, block(t, "From a clone", 0))
	m.works(t)
	if m.pages(t) < 20 {
		t.Errorf("%d manual pages", m.pages(t))
	}
	m.run(t, block(t, "From a clone", 1))
	if left := m.run(t, "find .local -not -type d"); left != "" {
		t.Errorf("uninstalling leaves %s", left)
	}
}

func TestInstallAnArchive(t *testing.T) {
	m := newMachine(t)
	published, version := releaseOf(t)
	// curl fetches what is published; its last words are the addresses.
	m.program(t, "curl", fmt.Sprintf(`for word do case $word in %s/releases/download/%s/*) cp "%s/${word##*/}" .;; esac; done`, home, version, published))
	commands := block(t, "An archive", 0)
	for from, to := range map[string]string{pretended: version, "linux_amd64": runtime.GOOS + "_" + runtime.GOARCH} {
		if !strings.Contains(commands, from) {
			t.Fatalf("the commands do not name %s", from)
		}
		commands = strings.ReplaceAll(commands, from, to)
	}
	m.run(t, commands)
	m.works(t)
	if m.pages(t) < 20 {
		t.Errorf("%d manual pages", m.pages(t))
	}
	archive := platform{runtime.GOOS, runtime.GOARCH}.archive(version)
	m.run(t, "echo >>"+filepath.Join(published, archive))
	if out, err := output(t.Context(), m.dir, m.env, "sh", "-euc", commands); err == nil {
		t.Errorf("an archive that is not the one of the checksum is installed: %s", out)
	}
}

// releaseOf makes the archive of this machine's platform.
func releaseOf(t *testing.T) (dir, version string) {
	t.Helper()
	dir = t.TempDir()
	p := platform{runtime.GOOS, runtime.GOARCH}
	var said strings.Builder
	if err := run(t.Context(), []string{"-out", dir, "-platforms", p.String()}, &said, &said); err != nil {
		t.Fatal(err, said.String())
	}
	if !strings.Contains(said.String(), "built by go1.") {
		t.Errorf("the version of Go is not named: %s", said.String())
	}
	made, err := filepath.Glob(filepath.Join(dir, p.archive("*")))
	if err != nil || len(made) != 1 {
		t.Fatalf("made %q, %v", made, err)
	}
	before, after, _ := strings.Cut(p.archive("*"), "*")
	return dir, strings.TrimSuffix(strings.TrimPrefix(filepath.Base(made[0]), before), after)
}

// The module is served as a proxy does, in a version that nobody has, from the commit that is checked out. Its dependencies
// are those that this machine has, and -trimpath makes what is compiled of them the same as "make build" does.
func TestGoInstall(t *testing.T) {
	m := newMachine(t)
	proxy, top := t.TempDir(), here(t)
	dir := filepath.Join(proxy, filepath.FromSlash(modulePath), "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	mod, err := git(t.Context(), top, "show", "HEAD:go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{
		"list": pretended + "\n", pretended + ".mod": mod + "\n", pretended + ".info": `{"Version":"` + pretended + `","Time":"2026-01-01T00:00:00Z"}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// A module of its own is no part of the module around it.
	if _, err := git(t.Context(), top, "archive", "--format=zip", "--prefix="+modulePath+"@"+pretended+"/",
		"-o", filepath.Join(dir, pretended+".zip"), "HEAD", "--", ".", ":(exclude)test/cluster"); err != nil {
		t.Fatal(err)
	}
	known := command(t, nil, "go", "env", "GOMODCACHE")
	m.env = append(m.env, "GOMODCACHE="+filepath.Join(m.dir, "modules"), "GOSUMDB=off", "CGO_ENABLED=0", "GOFLAGS=-trimpath -modcacherw", "GOWORK=off",
		fmt.Sprintf("GOPROXY=file://%s,file://%s/cache/download,%s", proxy, known, command(t, nil, "go", "env", "GOPROXY")))
	m.run(t, block(t, "go install", 0))
	m.run(t, block(t, "Completion", 0))
	m.works(t)
	if out := m.run(t, "kubectl-shareproc version --client"); !strings.Contains(out, "Client Version: "+pretended+"\n") {
		t.Errorf("it says %q", out)
	}
}

// krew itself (SHAREPROC_TEST_KREW) takes this repository as an index, and the archive by hand.
func TestKrewInstallsFromTheIndex(t *testing.T) {
	krew := os.Getenv("SHAREPROC_TEST_KREW")
	if krew == "" {
		t.Skip("no krew named: run make release-test")
	}
	m := newMachine(t)
	published, version := releaseOf(t)
	archive := platform{runtime.GOOS, runtime.GOARCH}.archive(version)
	server := httptest.NewServer(http.FileServer(http.Dir(published)))
	defer server.Close()
	manifest := filepath.Join(m.dir, "krew-manifest.yaml")
	if err := os.WriteFile(manifest, []byte(manifestFor(t, published, version, archive, server.URL)), 0o644); err != nil {
		t.Fatal(err)
	}
	index := filepath.Join(m.dir, "index")
	m.run(t, "git init -q "+index+" && cd "+index+" && mkdir plugins && cp "+manifest+" plugins/shareproc.yaml && git add . && git -c user.name=a -c user.email=a@b commit -qm x")
	m.program(t, "kubectl", fmt.Sprintf(`case $1 in krew) shift; exec "%s/krew" "$@";; esac; plugin=$1; shift; exec "kubectl-$plugin" "$@"`, strings.TrimSuffix(krew, "/")))
	root := filepath.Join(m.dir, ".krew")
	m.env = append(m.env, "KREW_ROOT="+root, "KREW_DEFAULT_INDEX_URI="+index, "KREW_NO_UPGRADE_CHECK=1",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=url."+index+".insteadOf", "GIT_CONFIG_VALUE_0="+home,
		"PATH="+filepath.Join(root, "bin")+string(os.PathListSeparator)+filepath.Join(m.dir, ".local", "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
	m.run(t, block(t, "krew", 0))
	m.run(t, block(t, "Completion", 0))
	m.works(t)
	if out := m.run(t, block(t, "Check", 0)); !strings.Contains(out, version) {
		t.Errorf("version says %q", out)
	}
	m.run(t, "kubectl krew uninstall shareproc && rm "+filepath.Join(root, "bin", "kubectl_complete-shareproc")+" && cp "+filepath.Join(published, archive)+" .")
	server.Close() // what follows needs no network
	offline := strings.ReplaceAll(block(t, "Without internet access", 0), "kubectl-shareproc_v0.1.0_linux_amd64.tar.gz", archive)
	m.run(t, offline)
	m.run(t, block(t, "Check", 0))
}

// manifestFor is the manifest in this repository, with what is published, at another address.
func manifestFor(t *testing.T, published, version, archive, address string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(published, checksumsFile))
	if err != nil {
		t.Fatal(err)
	}
	sum, _, _ := strings.Cut(string(text), " ")
	sums := map[string]string{}
	for _, p := range every() {
		sums[p.archive(version)] = sum // only this machine's is ever installed
	}
	filled, err := fill(committedManifest(t), version, sums)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(filled, downloads+version+"/"+archive, address+"/"+archive)
}
