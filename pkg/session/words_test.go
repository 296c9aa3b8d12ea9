// SPDX-License-Identifier: Apache-2.0

package session

import (
	"strings"
	"testing"
)

func TestTheRuntimesWordsAreBelowTheReason(t *testing.T) {
	for _, c := range []struct{ words, want string }{
		{"", "ErrImagePull"},
		{"no such\nimage", "ErrImagePull\n  no such image"},
		{strings.Repeat("x", 100) + " y", "ErrImagePull\n  " + strings.Repeat("x", 100) + "\n  y"},
	} {
		if got := below("ErrImagePull", c.words); got != c.want {
			t.Errorf("%q: %q, want %q", c.words, got, c.want)
		}
	}
	lines := strings.Split(below("ErrImagePull", strings.Repeat("word ", 500)), "\n")
	if len(lines) != 1+maxWords || !strings.HasSuffix(lines[maxWords], " ...") {
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
	for _, line := range lines[:maxWords] {
		if len(line) > screen {
			t.Errorf("%d columns: %q", len(line), line)
		}
	}
}

func TestAHelperIsAddedInOneLine(t *testing.T) {
	for _, c := range []struct{ pod, rights, want string }{
		{"nginx", "root with default capabilities", "added helper shareproc-x2m8q to pod/nginx (root; exits if idle 10m)"},
		{"nginx", "root with SYS_PTRACE", "added helper shareproc-x2m8q to pod/nginx (root, SYS_PTRACE; exits if idle 10m)"},
		{"api", "user 65534:65534 without capabilities", "added helper shareproc-x2m8q to pod/api (user 65534:65534, no capabilities)"},
		{strings.Repeat("long-", 10) + "name", "root with SYS_PTRACE", "added helper shareproc-x2m8q to pod/" + strings.Repeat("long-", 10) + "name"},
	} {
		if got := addedLine("shareproc-x2m8q", c.pod, c.rights, "exits if idle 10m"); got != c.want || len(c.pod) < 20 && len(got) > screen {
			t.Errorf("%d columns: %q, want %q", len(got), got, c.want)
		}
	}
}
