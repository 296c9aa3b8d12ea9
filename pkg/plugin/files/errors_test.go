// SPDX-License-Identifier: Apache-2.0

package files

import (
	"os"
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

// What could not be read is said after all the rest.
func TestVerbsSayWhatIsMissing(t *testing.T) {
	r := &session.Session{}
	r.Pod = "web"
	partly := &rootfs.TreeError{Count: 30}
	for range 25 {
		partly.Failures = append(partly.Failures, &os.PathError{Op: "open", Path: "/a\n\x1b", Err: os.ErrPermission})
	}
	err := PathError(t.Context(), r, 0, &rootfs.Root{Opened: rootfs.Opened{Process: process.Process{PID: 8}}}, partly)
	text := err.Error()
	if !strings.HasPrefix(text, "read the whole tree in pod/web: 30 files or directories could not be read\n  open /a\\n\\x1b: permission denied\n") ||
		!strings.HasSuffix(text, "\n  and 10 more") || !strings.Contains(cli.Explain(err), "--profile general") {
		t.Errorf("%s; try %s", text, cli.Explain(err))
	}
}
