// SPDX-License-Identifier: Apache-2.0

package ps

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
)

// Every process is in the tree once, also where parents are not in the list or form a circle.
func TestTreeHasEveryProcessOnce(t *testing.T) {
	for parents, want := range map[string]string{
		"1:0 6:1 7:6 8:1": "1|├── 6|│   └── 7|└── 8",
		"5:2 6:5":         "5|└── 6",
		"1:0 3:4 4:3":     "1|3|└── 4",
		"2:2":             "2",
		"":                "",
	} {
		var list []inspect.Process
		for word := range strings.FieldsSeq(parents) {
			var p inspect.Process
			if _, err := fmt.Sscanf(word, "%d:%d", &p.PID, &p.PPID); err != nil {
				t.Fatal(err)
			}
			list = append(list, p)
		}
		var lines []string
		ordered, branches := tree(list)
		for i, p := range ordered {
			lines = append(lines, branches[i]+fmt.Sprint(p.PID))
		}
		if got := strings.Join(lines, "|"); got != want {
			t.Errorf("%s: %s, want %s", parents, got, want)
		}
	}
}
