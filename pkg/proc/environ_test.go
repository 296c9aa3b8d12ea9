// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"encoding/hex"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestEnvironmentShowsWhatAProcessHasPutThere(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want Environment
	}{
		"two variables": {"PATH=/bin:/usr/bin\x00EMPTY=\x00", Environment{Variables: []Variable{{"PATH", "/bin:/usr/bin"}, {"EMPTY", ""}}}},
		"a value with newlines and equals signs": {
			"KEY=-----BEGIN\nx=y\n\x00", Environment{Variables: []Variable{{"KEY", "-----BEGIN\nx=y\n"}}},
		},
		"no environment at all":                {"", Environment{}},
		"a title, padded with NULs (nginx)":    {"er process nginx -g daemon off;\x00\x00\x00\x00", Environment{Overwritten: true}},
		"NULs only":                            {strings.Repeat("\x00", 600), Environment{Overwritten: true}},
		"a title, padded with blanks":          {"postgres: writer" + strings.Repeat(" ", 100), Environment{Overwritten: true}},
		"a title with an equals sign":          {"server: db=main user=x\x00\x00\x00", Environment{Overwritten: true}},
		"a title over the first variable only": {"le\x00\x00HOME=/\x00", Environment{Variables: []Variable{{"HOME", "/"}}, Overwritten: true}},
		"an entry that is no variable, later":  {"A=1\x00junk\x00B=2\x00", Environment{Variables: []Variable{{"A", "1"}, {"B", "2"}}}},
	} {
		got, err := Environ(hex.EncodeToString([]byte(c.text)))
		if err != nil || got.Overwritten != c.want.Overwritten || !slices.Equal(got.Variables, c.want.Variables) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if _, err := Environ("5"); err == nil {
		t.Error("half a byte is read")
	}
}

func FuzzEnviron(f *testing.F) {
	f.Add(hex.EncodeToString([]byte(strings.Join(os.Environ(), "\x00") + "\x00")))
	f.Add(hex.EncodeToString([]byte("nginx: master process\x00\x00\x00=x\x00")))
	f.Fuzz(func(t *testing.T, digits string) {
		e, err := Environ(digits)
		if err != nil {
			return
		}
		for _, v := range e.Variables {
			if v.Name == "" || strings.ContainsAny(v.Name, "=\x00 ") || strings.Contains(v.Value, "\x00") {
				t.Errorf("%q", v)
			}
		}
	})
}
