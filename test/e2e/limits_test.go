// SPDX-License-Identifier: Apache-2.0

//go:build unix

package e2e

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// What shows only on a node that holds pods to their limits and makes user namespaces (make e2e-vm).
func TestLimits(t *testing.T) {
	t.Parallel()
	params := scripts(t, "limits")
	params.Cmds["pod"] = scriptPod
	testscript.Run(t, params)
}
