// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/doctor"
)

func TestDoctorTellsAGuessedUser(t *testing.T) {
	rows := targetRows(&doctor.TargetReport{Pod: "web", Container: "web", UserSource: "unknown", Helpers: []string{"shareproc-a"}, Processes: "pod"})
	text := strings.Join(slices.Concat(rows...), " ")
	for _, want := range []string{"assumed to be 0:0", "shareproc-a not usable for debug", "of all containers"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %q", want, text)
		}
	}
}
