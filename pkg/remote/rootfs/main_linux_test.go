// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

func TestMain(m *testing.M) { helper.Main(m) }
