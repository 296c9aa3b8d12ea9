// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
)

const config = `{"config": {"go_version": "go1.26.8"}}`

func one(module, function string) string {
	return `{"finding": {"osv": "GO-1", "fixed_version": "v2.0.0", "trace": [{"module": "` + module + `", "version": "v1.0.0", "function": "` + function + `"}]}}`
}

func TestOnlyWhatIsReachedInAModuleFails(t *testing.T) {
	for _, c := range []struct {
		name, in string
		strict   bool
		fails    bool
		says     string
	}{
		{"nothing found", config, true, false, "reached: 0 vulnerabilities of modules, 0 of"},
		{"required and not reached", config + one("example.com/a", ""), true, false, "reached: 0 vulnerabilities of modules, 0 of"},
		{"reached twice", config + one("example.com/a", "F") + one("example.com/a", "G"), false, true, "reached: 1 vulnerabilities of modules"},
		{"named", config + one("example.com/a", "F"), false, true, "https://pkg.go.dev/vuln/GO-1  example.com/a@v1.0.0, fixed in v2.0.0\n"},
		{"standard library", config + one("stdlib", "F"), false, false, "1 of this version of Go"},
		{"standard library, strict", config + one("stdlib", "F"), true, true, "1 of this version of Go"},
		{"no answer", "", false, true, ""},
		{"cut short", config + `{"finding": {`, false, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			if err := report(strings.NewReader(c.in), &out, c.strict); (err != nil) != c.fails {
				t.Errorf("error: %v", err)
			}
			if !strings.Contains(out.String(), c.says) {
				t.Errorf("%q is not in %q", c.says, out.String())
			}
		})
	}
}
