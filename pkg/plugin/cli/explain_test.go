// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/lifecycle"
)

// A stream that was never established has the advice of its refusal, whatever wraps it, and only the kubelet's refusal is
// worth a look at the helper.
func TestExplainRefusedStream(t *testing.T) {
	for _, test := range []struct {
		by     attach.Party
		advice string
		failed bool
	}{
		{attach.KubectlProxy, "--reject-paths", false},
		{attach.Gateway, "pass WebSocket upgrades", false},
		{attach.Admission, "policy", false},
		{attach.Node, "get nodes", false},
		{attach.Kubelet, "", true},
	} {
		err := fmt.Errorf("list processes: %w: %w", io.ErrUnexpectedEOF, &attach.ConnectError{Op: "exec in web/nginx", By: test.by, Code: 500})
		if got := Explain(err); (got == "") != (test.advice == "") || !strings.Contains(got, test.advice) {
			t.Errorf("%s: advised %q", test.by, got)
		}
		if got := lifecycle.StreamFailed(err); got != test.failed {
			t.Errorf("%s: a look at the helper: %v", test.by, got)
		}
	}
}

// A helper beside a target that uses up the pod's CPU limit may be as silent as a dead line.
func TestExplainStalledConnection(t *testing.T) {
	err := fmt.Errorf("list processes: %w", &remote.BrokenError{Cause: fmt.Errorf("%w: nothing received", remote.ErrStalled)})
	if got := Explain(err); !strings.Contains(got, "CPU limit") {
		t.Errorf("advised %q", got)
	}
}
