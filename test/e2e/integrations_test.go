// SPDX-License-Identifier: Apache-2.0

//go:build unix

package e2e

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestIntegrations types each command line that docs/integrations has for other tools, with what those put into it.
func TestIntegrations(t *testing.T) {
	full(t)
	t.Parallel()
	w := testEnvironment(t)
	dir := t.TempDir()
	w.setTable(t, dir)
	w.setPods(t, "nginx")
	context, err := w.kubectl(t.Context(), "config", "current-context")
	if err != nil {
		t.Fatal(err)
	}
	lines := append(k9sLines(t, w.namespace, strings.TrimSpace(context)), vscodeLines(t)...)
	lines = append(lines, shellLines(t)...)
	if len(lines) < 10 {
		t.Fatalf("only %q", lines)
	}
	for _, line := range lines {
		want := 0
		if strings.Contains(line, " fs serve ") {
			want = 130 // of Ctrl-C
		}
		if code, screen := w.typeLine(t, dir, line); code != want {
			t.Errorf("%s: exit code %d, want %d\n%s", line, code, want, screen)
		}
	}
}

// k9sLines are what k9s runs: in a list of containers, NAME is one and POD its pod.
func k9sLines(t *testing.T, namespace, context string) (lines []string) {
	t.Helper()
	var file struct {
		Plugins map[string]struct {
			ShortCut, Description, Command string
			Scopes, Args                   []string
			Background                     bool
		}
	}
	text, err := os.ReadFile("../../docs/integrations/k9s.yaml")
	if err == nil {
		err = yaml.UnmarshalStrict(text, &file)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range file.Plugins {
		if p.ShortCut == "" || p.Description == "" || len(p.Scopes) == 0 {
			t.Errorf("%s: %+v", name, p)
		}
		line := p.Command + " " + strings.Join(p.Args, " ")
		lines = append(lines, strings.NewReplacer("$NAMESPACE", namespace, "$CONTEXT", context, "$POD", "nginx", "$NAME", "nginx").Replace(line))
	}
	return lines
}

func vscodeLines(t *testing.T) (lines []string) {
	t.Helper()
	var file struct {
		Tasks []struct{ Command string }
	}
	text, err := os.ReadFile("../../docs/integrations/vscode-tasks.json")
	if err == nil {
		err = json.Unmarshal(text, &file)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range file.Tasks {
		lines = append(lines, strings.ReplaceAll(task.Command, "${input:pod}", "nginx"))
	}
	return lines
}

// shellLines are those of the page's blocks.
func shellLines(t *testing.T) (lines []string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/integrations/README.md")
	if err != nil {
		t.Fatal(err)
	}
	inside := false
	for line := range strings.SplitSeq(string(text), "\n") {
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```sh"
		case inside:
			lines = append(lines, line)
		}
	}
	return lines
}
