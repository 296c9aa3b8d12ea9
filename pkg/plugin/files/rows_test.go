// SPDX-License-Identifier: Apache-2.0

package files

import (
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

func TestModeString(t *testing.T) {
	for mode, want := range map[uint32]string{
		0o100644: "-rw-r--r--", 0o040755: "drwxr-xr-x", 0o120777: "lrwxrwxrwx", 0o041777: "drwxrwxrwt", 0o104755: "-rwsr-xr-x",
		0o102644: "-rw-r-Sr--", 0o010600: "prw-------", 0o140755: "srwxr-xr-x", 0o060660: "brw-rw----", 0o020666: "crw-rw-rw-", 0o101644: "-rw-r--r-T",
	} {
		if got := ModeString(&remote.Stat{Mode: mode}); got != want {
			t.Errorf("%o: got %s, want %s", mode, got, want)
		}
	}
}
