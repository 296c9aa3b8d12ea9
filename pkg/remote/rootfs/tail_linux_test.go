// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

// A followed file that is cut, removed or replaced is said to be, once each, and no line is lost; by its name, the next one is
// gone on with.
func TestTailSaysWhatBecomesOfTheFile(t *testing.T) {
	for name, r := range helper.Runners(t) {
		for follow, byName := range map[string]bool{"file": false, "name": true} {
			t.Run(name+"/"+follow, func(t *testing.T) {
				root := helper.OpenDirectory(t)
				file := filepath.Join(root, "logs/log")
				helper.Write(t, file, "old\none\n")
				helper.Symlink(t, "/logs/log", filepath.Join(root, "current"))
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				root8 := fakeRoot(t, r, root)
				var got, events lockedBuffer
				ended := make(chan error, 1)
				go func() {
					_, err := Tail(ctx, root8, "current", TailOptions{Lines: 1, Follow: true, ByName: byName, Event: func(e TailEvent) {
						_, _ = io.WriteString(&events, string(e)+" ")
					}}, func(Info) (io.Writer, error) { return &got, nil })
					ended <- err
				}()
				must := func(err error) {
					t.Helper()
					if err != nil {
						t.Fatal(err)
					}
				}
				see := func(text, what string) {
					t.Helper()
					waitFor(t, func() bool { return got.String() == text && strings.TrimSpace(events.String()) == what })
				}
				add := func(text string) {
					t.Helper()
					log, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
					must(err)
					_, err = log.WriteString(text)
					must(errors.Join(err, log.Close()))
				}
				see("one\n", "")
				add("two, which is longer\n")
				see("one\ntwo, which is longer\n", "")
				must(os.Truncate(file, 0))
				see("one\ntwo, which is longer\n", "cut")
				add("three\n")
				see("one\ntwo, which is longer\nthree\n", "cut")
				// It is longer than what was printed of it when it is looked at again.
				helper.Write(t, file, "a first line that is longer\nfour\n")
				text := "one\ntwo, which is longer\nthree\na first line that is longer\nfour\n"
				see(text, "cut cut")
				must(os.Rename(file, file+".1"))
				see(text, "cut cut gone")
				helper.Write(t, file, "five\n")
				if byName {
					text += "five\n"
				}
				see(text, "cut cut gone other")
				file += map[bool]string{false: ".1"}[byName]
				add("six\n")
				see(text+"six\n", "cut cut gone other")
				cancel()
				if err := <-ended; !errors.Is(err, context.Canceled) {
					t.Errorf("ended with %v", err)
				}
			})
		}
	}
}
