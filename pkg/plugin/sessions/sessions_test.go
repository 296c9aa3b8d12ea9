// SPDX-License-Identifier: Apache-2.0

package sessions

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestSecurityInOneWord(t *testing.T) {
	for want, sc := range map[string]*corev1.SecurityContext{
		"-":             nil,
		"?:?":           {},
		"101:102-ALL":   {RunAsUser: new(int64(101)), RunAsGroup: new(int64(102)), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}},
		"0:0+A+B-\\x1b": {RunAsUser: new(int64(0)), RunAsGroup: new(int64(0)), Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"A", "B"}, Drop: []corev1.Capability{"\x1b"}}},
	} {
		if got := security(sc); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
