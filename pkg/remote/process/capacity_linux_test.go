// SPDX-License-Identifier: Apache-2.0

package process

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

func TestCapacitiesOfADeniedRootAreForbidden(t *testing.T) {
	helper.OpenTo(t) // only root can be two users
	c := remote.Connect(t.Context(), helper.User{UID: helper.Nobody})
	defer c.Close()
	if _, err := On(c).Capacities(t.Context(), os.Getpid(), []string{"/"}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v", err)
	}
}
