// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
)

// writing are command lines that change a target or a workload, by the command; reading are the commands that do not.
func writing() map[string][]string {
	return map[string][]string{
		"debug": {"debug", "web", "--", "true"}, "attach": {"attach", "web"}, "signal": {"signal", "web", "1", "HUP"},
		"dump":    {"dump", "web", "threads"},
		"fs edit": {"fs", "edit", "web", "/etc/hosts"}, "cp": {"cp", "/etc/hosts", "web:/tmp/"},
		"lsof": {"lsof", "web", "--truncate", "1:7", "--yes"},
	}
}

func reading() map[string]bool {
	const words = "browse|ps|top|ss|report|env|threads|fs|fs cat|fs changed|fs checksum|fs df|fs diff|fs du|fs find|fs grep|fs serve|fs stat|fs tail|fs tar|fs tree|sessions|clean|doctor|config|config view|version"
	all := map[string]bool{}
	for name := range strings.SplitSeq(words, "|") {
		all[name] = true
	}
	return all
}

func TestReadOnlyModeRefusesEveryCommandThatWrites(t *testing.T) {
	for _, cmd := range listed(Root(newHarness(t).Deps)) {
		name := strings.TrimPrefix(cmd.CommandPath(), "kubectl shareproc ")
		if !cmd.HasParent() || reading()[name] || cmd.Name() == "completion" || cmd.Parent().Name() == "completion" {
			continue
		}
		line, ok := writing()[name]
		if !ok {
			t.Errorf("%s: neither among those that write nor among those that read", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			d := newHarness(t)
			d.Getenv = func(name string) string { return map[string]string{cli.ReadOnlyEnv: "1"}[name] }
			code := d.run(t.Context(), line...)
			said := d.errOut.String()
			if code == 0 || !strings.Contains(said, "is not allowed in read-only mode (environment SHAREPROC_READ_ONLY)") {
				t.Errorf("exit code %d: %s", code, said)
			}
			if n := len(d.client.Actions()); n > 0 {
				t.Errorf("%d requests were sent", n)
			}
		})
	}
}

func TestReadOnlyModeAllowsReading(t *testing.T) {
	d := newHarness(t)
	d.Getenv = func(name string) string { return map[string]string{cli.ReadOnlyEnv: "1"}[name] }
	for _, line := range [][]string{{"ps", "web"}, {"lsof", "web"}, {"fs", "cat", "web", "/etc/hostname"}, {"debug", "web", "--dry-run"}, {"cp", "web:/etc/hostname", t.TempDir()}} {
		if code := d.run(t.Context(), line...); code != 0 {
			t.Errorf("%q: exit code %d: %s", line, code, d.errOut.String())
		}
	}
}

func TestReadOnlyInTheEnvironmentIsOneOrZero(t *testing.T) {
	d := newHarness(t)
	d.Getenv = func(name string) string { return map[string]string{cli.ReadOnlyEnv: "yes"}[name] }
	if code := d.run(t.Context(), "signal", "web", "1", "HUP"); code == 0 || !strings.Contains(d.errOut.String(), `read SHAREPROC_READ_ONLY: "yes": not 1 or 0`) {
		t.Errorf("exit code %d: %s", code, d.errOut.String())
	}
}
