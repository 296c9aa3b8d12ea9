// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/config"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
)

const written = `apiVersion: kubectl-shareproc/v1alpha1
kind: Config
image: registry/top
images: [one, two]
contexts:
  production:
    idleTimeout: 5m
    transport: spdy
    namespaces:
      payments: {image: "registry/payments", imagePullPolicy: Never}
`

// configHarness has a kubeconfig whose cluster nobody answers for, a file with text in it, and a client
// that must not be asked for.
func configHarness(t *testing.T, text string, pairs ...string) (*harness, string) {
	t.Helper()
	directory := t.TempDir()
	kubeconfig, file := filepath.Join(directory, "kubeconfig"), filepath.Join(directory, "config.yaml")
	for name, data := range map[string]string{
		file: text,
		kubeconfig: `{apiVersion: v1, kind: Config, current-context: production, clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}],
contexts: [{name: production, context: {cluster: c, namespace: payments}}, {name: test, context: {cluster: c}}]}`,
	} {
		if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("KUBECONFIG", kubeconfig)
	d := newHarness(t)
	d.Config.WrapConfigFn = nil
	d.Client = func() (kubernetes.Interface, error) {
		t.Error("a client was asked for")
		return d.client, nil
	}
	env := map[string]string{config.Env: file}
	for i := 0; i < len(pairs); i += 2 {
		env[pairs[i]] = pairs[i+1]
	}
	d.Getenv = func(name string) string { return env[name] }
	return d, file
}

// look runs without the -n that harness.run adds.
func (d *harness) look(t *testing.T, args ...string) int {
	t.Helper()
	d.out.Reset()
	d.errOut.Reset()
	return Main(t.Context(), d.Deps, args)
}

func TestConfigViewSaysWhereSettingsComeFrom(t *testing.T) {
	for _, c := range []struct {
		env, args []string
		want      string
	}{
		{nil, nil, `
FIELD VALUE FROM
image registry/payments FILE: contexts[production].namespaces[payments].image
images one, two FILE: images
imagePullPolicy Never FILE: contexts[production].namespaces[payments].imagePullPolicy
idleTimeout 5m0s FILE: contexts[production].idleTimeout
timeout 1m0s default
transport spdy FILE: contexts[production].transport
readOnly false default
` + presets + `
`},
		{nil, []string{"-n", "shop"}, `
FIELD VALUE FROM
image registry/top FILE: image
images one, two FILE: images
imagePullPolicy <none> default
idleTimeout 5m0s FILE: contexts[production].idleTimeout
timeout 1m0s default
transport spdy FILE: contexts[production].transport
readOnly false default
` + presets + `
`},
		{[]string{cli.ImageEnv, "mine:1"}, []string{"--context", "test"}, `
FIELD VALUE FROM
image mine:1 environment SHAREPROC_IMAGE
images <none> environment SHAREPROC_IMAGE
imagePullPolicy <none> default
idleTimeout 10m0s default
timeout 1m0s default
transport auto default
readOnly false default
` + presets + `
`},
	} {
		d, file := configHarness(t, written, c.env...)
		if code := d.look(t, append([]string{"config", "view"}, c.args...)...); code != 0 {
			t.Fatalf("%q: exit code %d: %s", c.args, code, d.errOut.String())
		}
		var got strings.Builder
		for line := range strings.Lines(d.out.String()) {
			got.WriteString("\n" + strings.Join(strings.Fields(line), " "))
		}
		if want := strings.ReplaceAll(c.want, "FILE", file); got.String()+"\n" != want {
			t.Errorf("%q: got %s\nwant %s", c.args, got.String(), want)
		}
		if want := "config file: " + file + "\n"; d.errOut.String() != want {
			t.Errorf("%q: stderr %q", c.args, d.errOut.String())
		}
	}
}

func TestConfigViewForms(t *testing.T) {
	d, file := configHarness(t, written)
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"view", "--raw"}, []string{written}},
		{[]string{"view", "-o", "yaml"}, []string{
			"apiVersion: kubectl-shareproc/v1alpha1\n", "kind: Settings\n", "context: production\n", "namespace: payments\n", "file: " + file + "\n",
			"  images:\n    source: '" + file + ": images'\n    value:\n    - one\n    - two\n",
			"  idleTimeout:\n    source: '" + file + ": contexts[production].idleTimeout'\n    value: 5m0s\n",
		}},
		{[]string{"view", "-o", "json"}, []string{`"kind": "Settings"`, `"timeout": {
            "value": "1m0s",
            "source": "default"
        }`}},
		{nil, []string{"SHAREPROC_CONFIG", "Commands:", "view"}},
	} {
		if code := d.look(t, append([]string{"config"}, c.args...)...); code != 0 {
			t.Errorf("%q: exit code %d: %s", c.args, code, d.errOut.String())
		}
		for _, want := range c.want {
			if !strings.Contains(d.out.String(), want) {
				t.Errorf("%q: %q is not in %s", c.args, want, d.out.String())
			}
		}
	}
	if d.look(t, "config", "view", "-q"); d.errOut.Len() > 0 {
		t.Errorf("-q: stderr %q", d.errOut.String())
	}
}

func TestConfigErrors(t *testing.T) {
	for _, c := range []struct {
		text string
		env  []string
		args []string
		code int
		want string
	}{
		{written, nil, []string{"view", "-o", "wide"}, cli.ExitUsage, `-o "wide": not one of json, yaml`},
		{written, nil, []string{"view", "-o", "yaml", "--raw"}, cli.ExitUsage, "and --raw are mutually exclusive"},
		{written, nil, []string{"view", "more"}, cli.ExitUsage, "unexpected argument"},
		{written, nil, []string{"view", "--nonsense"}, cli.ExitUsage, "unknown flag"},
		{written, nil, []string{"vieww"}, cli.ExitUsage, "unknown command \"vieww\"\ntry: kubectl shareproc config view"},
		{written + "keeep: 1m\n", nil, []string{"view"}, cli.ExitError, `config.yaml: unknown field "keeep"`},
		{written, []string{config.Env, "/no/such\x1b[31m"}, []string{"view"}, cli.ExitError, `open /no/such\x1b[31m: no such file or directory` + "\ntry: create that file"},
		{written, []string{config.Env, "/"}, []string{"view"}, cli.ExitError, "is a directory\ntry: fix /, or name another"},
		{written, []string{cli.ImageEnv, "a b"}, []string{"view"}, cli.ExitError, `read SHAREPROC_IMAGE: "a b" contains a space`},
	} {
		d, _ := configHarness(t, c.text, c.env...)
		code := d.look(t, append([]string{"config"}, c.args...)...)
		if code != c.code || !strings.Contains(d.errOut.String(), c.want) || !strings.Contains(d.errOut.String(), "\ntry: ") || d.out.Len() > 0 {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q", c.args, code, d.out.String(), d.errOut.String())
		}
	}
	d, _ := configHarness(t, "[")
	if code := d.look(t, "config", "view", "--raw"); code != 0 || d.out.String() != "[" {
		t.Errorf("a wrong file, as it is: exit code %d, stdout %q, stderr %q", code, d.out.String(), d.errOut.String())
	}
}

// A terminal gets no control characters, whoever named the file.
func TestConfigViewEscapesNames(t *testing.T) {
	d, file := configHarness(t, written)
	odd := filepath.Join(filepath.Dir(file), "a\x1b[31m")
	if err := os.Rename(file, odd); err != nil {
		t.Skip("this system has no such names")
	}
	d.Getenv = func(name string) string { return map[string]string{config.Env: odd}[name] }
	if code := d.look(t, "config", "view"); code != 0 || !strings.Contains(d.out.String(), `a\x1b[31m: images`) ||
		strings.Contains(d.out.String()+d.errOut.String(), "\x1b") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, d.out.String(), d.errOut.String())
	}
}

func TestSettingsWithNothingAtAll(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	d := newHarness(t)
	s, err := cli.Settings(d.Deps)
	if err != nil || s.Image.Value != cli.DefaultImage || s.IdleTimeout.Value != cli.DefaultIdleTimeout || s.Timeout.Value != cli.DefaultTimeout || s.Timeout.From != "default" {
		t.Errorf("%+v, %v", s, err)
	}
	if code := d.look(t, "config", "view"); code != 0 || !strings.Contains(d.errOut.String(), "set SHAREPROC_CONFIG to use one") {
		t.Errorf("exit code %d, stderr %q", code, d.errOut.String())
	}
	home := t.TempDir()
	d.Getenv = func(name string) string { return map[string]string{"XDG_CONFIG_HOME": home}[name] }
	path := filepath.Join(home, "kubectl-shareproc", "config.yaml")
	if code := d.look(t, "config", "view"); code != 0 || !strings.Contains(d.errOut.String(), "no config file (looked for "+path) {
		t.Errorf("exit code %d, stderr %q", code, d.errOut.String())
	}
}

// presets are the images of --tools that no file names.
const presets = "tools dotnet=mcr.microsoft.com/dotnet/sdk:9.0-alpine, jvm=eclipse-temurin:21-jdk-alpine, " +
	"net=nicolaka/netshoot:v0.14, python=python:3.13-alpine default"
