// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"testing"
	"time"
)

func TestPersistentHelper(t *testing.T) {
	c := Helper{
		Name: "shareproc-abcde", Image: "busybox:1.37.0-musl", Target: "nginx", Keep: 90 * time.Second,
		Security: tracer().Security, Access: ReadAll, Container: "nginx", By: "anna", Persistent: true, Added: time.Unix(1795978338, 0),
		Prompt: Prompt("nginx-0", "nginx"),
	}.Ephemeral()
	golden(t, "persist.golden.yaml", c)
	waits := Helper{Name: "shareproc-abcde"}.Ephemeral()
	if !IsHelper(&c) || !IsPersistent(&c) || Waits(&c) || IsPersistent(&waits) || !Waits(&waits) {
		t.Error("a shell is taken for a helper that waits, or the other way round")
	}
	if keep, ok := KeepOf(&c); !ok || keep != 90*time.Second || MadeBy(&c) != "anna" {
		t.Errorf("kept %s, made by %q", keep, MadeBy(&c))
	}
}

// A shell runs what is in its prompt, which whoever may add ephemeral containers can write.
func TestPromptOfAnotherMakerIsSeen(t *testing.T) {
	for prompt, own := range map[string]bool{
		Prompt("nginx-0", "nginx") + promptEnd: true, "$(id)" + promptEnd: false, "nginx$(id)(nginx)" + promptEnd: false, "`id`" + promptEnd: false, "nginx": false,
	} {
		c := Helper{Name: "shareproc-abcde", Persistent: true, Prompt: Prompt("nginx-0", "nginx")}.Ephemeral()
		c.Env[len(c.Env)-1].Value = prompt
		if Unchanged(&c) != own {
			t.Errorf("%q: unchanged %t", prompt, !own)
		}
	}
}
