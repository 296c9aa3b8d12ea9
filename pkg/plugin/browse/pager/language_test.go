// SPDX-License-Identifier: Apache-2.0

package pager

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

// marked writes styles as letters: c comment, s string, k key, w word.
func marked(text string) string {
	return strings.NewReplacer("\x1b[90m", "c<", "\x1b[32m", "s<", "\x1b[36m", "k<", "\x1b[35m", "w<", "\x1b[0m", ">").Replace(text)
}

func TestWordsHaveColors(t *testing.T) {
	for _, c := range []struct{ name, line, want string }{
		{"nginx.conf", `    listen 80; # default`, `    k<listen> w<80>; c<# default>`},
		{"nginx.conf", `proxy_set_header Host "$host";`, `k<proxy_set_header> Host s<"$host">;`},
		{"nginx.conf", `set $x ${y}z;`, `k<set> k<$x> k<${y>}z;`},
		{"a.yaml", `  - name: "web" # x`, `  - k<name>: s<"web"> c<# x>`},
		{"a.yaml", `url: http://x/#y`, `k<url>: http://x/#y`},
		{"a.yaml", `ok: true`, `k<ok>: w<true>`},
		{"a.yaml", `text: don't # see`, `k<text>: don't c<# see>`},
		{"a.json", `  "a": {"b": "c\"", "n": 1.5, "t": null}`, `  k<"a">: {k<"b">: s<"c\"">, k<"n">: w<1.5>, k<"t">: w<null>}`},
		{"a.ini", `[mysqld]`, `w<[mysqld]>`},
		{"a.ini", `port = 3306`, `k<port> = w<3306>`},
		{"a.ini", `; no`, `c<; no>`},
		{"a.properties", `a.b=c#d`, `k<a.b>=c#d`},
		{"run.sh", `if [ -n "$A" ]; then`, `w<if> [ -n s<"$A"> ]; w<then>`},
		{"run.sh", `A=1`, `k<A>=w<1>`},
		{"pom.xml", `<a b="c">d<!-- e --></a>`, `k<<a> b=s<"c">k<>>dc<<!-- e -->>k<</a>>`},
		{"pom.xml", `<`, `k<<>`},
		{"日本.conf", `名前 "値`, `k<名前> s<"値>`},
	} {
		got := languageOf(c.name, "").color(c.line)
		if ansi.Strip(got) != c.line {
			t.Errorf("%s: %q became %q", c.name, c.line, ansi.Strip(got))
		}
		if m := marked(got); m != c.want {
			t.Errorf("%s: %s, want %s", c.name, m, c.want)
		}
	}
	for _, name := range []string{"README", "app.log", "passwd", "a.txt"} {
		if languageOf(name, "") != nil {
			t.Errorf("%s has a language", name)
		}
	}
	if languageOf("entrypoint", "#!/bin/sh -e") == nil || languageOf("x", "<?xml version='1.0'?>") == nil {
		t.Error("a first line tells nothing")
	}
}

// Whatever a line has, it stays what it was, and ends.
func FuzzColor(f *testing.F) {
	f.Add("nginx.conf", `a "b # c`)
	f.Add("a.xml", `<a b="`)
	f.Add("x.sh", `${`)
	f.Fuzz(func(t *testing.T, name, line string) {
		if l := languageOf(name, ""); l != nil && !strings.Contains(line, "\x1b") && ansi.Strip(l.color(line)) != ansi.Strip(line) {
			t.Errorf("%q", line)
		}
	})
}
