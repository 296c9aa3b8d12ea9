// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/patch"
)

// A laptop whose clock is wrong neither ends a colleague's session nor makes one that seems to be over.
func TestPatchExpiresByTheServersClock(t *testing.T) {
	server := time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)
	d := cluster.Cluster{Now: func() time.Time { return server }}
	for expires, want := range map[time.Duration]State{time.Hour: StateRunning, -time.Hour: StateExpired} {
		found := []patch.Found{{Mark: podspec.PatchMark{Container: podspec.NamePrefix + "x", Expires: server.Add(expires)}}}
		if list := patchEntries(found, d.Time()); len(list) != 1 || list[0].State != want {
			t.Errorf("expires in %s: %+v", expires, list)
		}
	}
}
