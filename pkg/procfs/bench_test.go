// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// BenchmarkWalk is about what a listing costs the client: an answer of 100,000 files.
func BenchmarkWalk(b *testing.B) {
	var answer bytes.Buffer
	for i := range 100_000 {
		if i%4000 == 0 {
			answer.WriteString(strings.Repeat("\x00", min(i, 1)) + "w4000\x00")
		}
		fmt.Fprintf(&answer, "8/root/./usr/share/doc/package%d/file-%d//65025:%d 81a4 %d 0 0 1 0:0 1700000000 2023-11-14 22:13:20.%09d +0000 8\n", i/1000, i, i, i, i)
	}
	answer.WriteString("\x00efind 0 xargs 0\x00")
	b.SetBytes(int64(answer.Len()))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		w := newWalk(Where{}, WalkOptions{}, func(path string, _ Entry) error {
			n += len(Escape(path))
			return nil
		})
		start := facts{path: "/", stat: &Stat{Mode: 0o040755}}
		if err := w.read(identity{process: Process{PID: 8}}, start, bufio.NewReader(bytes.NewReader(answer.Bytes()))); err != nil || n == 0 {
			b.Fatal(err)
		}
	}
}
