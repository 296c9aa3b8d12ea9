// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cli

import (
	"os"
	"syscall"
	"testing"
)

// What is typed into an editor does not end the program around it; what is sent to it does.
func TestKeysOfAnEditor(t *testing.T) {
	ctx, stop := NotifyContext(t.Context())
	defer stop()
	back := GiveKeys(ctx)
	keys, ok := ctx.Value(editorKeysKey{}).(*editorKeys)
	if !ok || !keys.lent(os.Interrupt) || !keys.lent(syscall.SIGQUIT) || keys.lent(syscall.SIGTERM) || keys.lent(syscall.SIGHUP) {
		t.Error("not lent, or too much")
	}
	back()
	if keys.lent(os.Interrupt) {
		t.Error("not given back")
	}
	GiveKeys(t.Context())() // nobody's
}
