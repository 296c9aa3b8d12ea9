// SPDX-License-Identifier: Apache-2.0

package debug

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
)

func TestLinesOfSeveralPodsAreNeverTorn(t *testing.T) {
	var mu sync.Mutex
	var out bytes.Buffer
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			w := &lineWriter{mu: &mu, w: &out, prefix: fmt.Sprintf("web-%d: ", i)}
			for n := range 200 {
				for _, part := range []string{fmt.Sprintf("%d ", i), "x\n", "", fmt.Sprintf("line %d\nno", n), " end\n"} {
					if k, err := w.Write([]byte(part)); err != nil || k != len(part) {
						t.Error(k, err)
					}
				}
			}
			if _, err := w.Write([]byte("last")); err != nil {
				t.Error(err)
			}
			if err := w.end(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	line := regexp.MustCompile(`^web-(\d): (\d x|line \d+|no end|last)$`)
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 4*601 {
		t.Errorf("%d lines", len(lines))
	}
	for _, text := range lines {
		m := line.FindStringSubmatch(text)
		if m == nil || strings.HasSuffix(m[2], " x") && m[2] != m[1]+" x" {
			t.Fatalf("torn: %q", text)
		}
	}
}

func TestALineWithoutAnEndIsCut(t *testing.T) {
	var mu sync.Mutex
	var out bytes.Buffer
	w := &lineWriter{mu: &mu, w: &out, prefix: "p: "}
	for range 3 {
		if _, err := w.Write(bytes.Repeat([]byte("x"), longestLine/2)); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Count(out.String(), "\n"); got != 1 || cap(w.rest) > 2*longestLine {
		t.Errorf("%d lines, %d bytes kept", got, cap(w.rest))
	}
}
