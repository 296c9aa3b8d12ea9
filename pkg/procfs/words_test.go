// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

// A strictRunner takes no arguments that a container runtime would not.
type strictRunner struct {
	Runner
	t *testing.T
}

func (r strictRunner) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	for _, arg := range argv {
		if !utf8.ValidString(arg) {
			r.t.Errorf("argument %q is not UTF-8", arg)
		}
	}
	return r.Runner.Run(ctx, argv, stdin, stdout, stderr)
}

func TestArgumentsOfAnyBytesArrive(t *testing.T) {
	var all strings.Builder
	for c := byte(1); c != 0; c++ {
		all.WriteByte(c)
	}
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			for _, args := range [][]string{
				{all.String(), "", "\n\n", `\n\\`, "-n", "é"}, {"é", `\0101`, "\n"}, {"\xff"}, {"", "\x80\n"}, {},
			} {
				var got bytes.Buffer
				script := "section || exit\n" + commonScript + "guard\n" + `printf '%s\000' "$#" "$@"` + "\nfinish 0\n"
				if err := ask(t.Context(), strictRunner{r, t}, []string{script, "other"}, args, readAll(&got)); err != nil {
					t.Fatal(err)
				}
				words := strings.Split(got.String(), "\x00")
				if len(args) > 0 && strings.Join(words[1:], "\x00") != strings.Join(args, "\x00")+"\x00" || words[0] != string(rune('0'+len(args))) {
					t.Errorf("%q came as %q", args, words)
				}
			}
		})
	}
}
