// SPDX-License-Identifier: Apache-2.0

package completion

import (
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

func TestOnlyHarmlessNamesComplete(t *testing.T) {
	for _, name := range []string{
		"$(x)", "`x`", "a;b", "a'b", `a"b`, "{a,b}", "~", "a b", "*", "a|b", "a&b", "a>b", "a<b", "(a)", "[a]", "a?", "!a", "#a", "a^b", "a\\b", "$HOME", "a\tb", "a\xffb", "a\u202eb",
	} {
		if !strings.ContainsFunc(name, func(r rune) bool { return !harmless(r) }) {
			t.Errorf("%q is offered", name)
		}
		if text := description(name); strings.ContainsAny(text, "$`;'\"{}~*|&<>()[]!#^\\\t\u202e") {
			t.Errorf("%q is described as %q", name, text)
		}
	}
	for _, name := range []string{"nginx.conf", "a-b_c+d@e%f,g:h=i", "Grüße", "ファイル", "हिन्दी", "0١"} {
		if strings.ContainsFunc(name, func(r rune) bool { return !harmless(r) }) || description(name) != name {
			t.Errorf("%q is not offered", name)
		}
	}
}

// What is said of a process beside its PID comes from the container too.
func TestProcessesAreDescribedHarmlessly(t *testing.T) {
	for want, p := range map[string]process.Process{
		"7\tsh -c ??x?": {PID: 7, Name: "sh", Args: []string{"sh", "-c", "$(x)"}}, "8\tkworker/0:1": {PID: 8, Name: "kworker/0:1"},
	} {
		if got := completedPID(session.Process{Process: p}); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
