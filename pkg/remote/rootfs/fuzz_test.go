// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"bufio"
	"bytes"
	"fmt"
	"hash/maphash"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

// line is what the program says of a file.
const line = "8 1:2 81a4 1 0 0 1 0:0 1 d t z d t z"

// Whatever a helper answers, only paths below the start come out, and nothing panics.
func FuzzWalk(f *testing.F) {
	begin := "/\x00" + strings.Replace(line, "81a4", "41ed", 1) + "\x00d\x00"
	link := strings.Replace(line, "81a4 1", "a1ff 3", 1)
	f.Add([]byte(begin+".//"+line+"\n./a\nb//"+line+"\n\x00find 0 xargs 0\x00"), false)
	f.Add([]byte(begin+"./a//"+line+"//./a\n./l//"+link+"//'./l' -> 'x\ny'\n\x00find 1 xargs 123\x00"), true)
	f.Add([]byte(begin+"./../a//"+line+"\n\x00"), false)
	f.Add([]byte(begin+"./a/\xff/..//"+line+"\n\x00"), false)
	f.Add([]byte("/a\x00"+line+"\x00\x00./a//"+line+"\n\x00find 0 xargs 0\x00"), false)
	f.Fuzz(func(t *testing.T, answer []byte, links bool) {
		w := &walk{seed: maphash.MakeSeed(), Place: &Place{Root: &Root{}}, opts: WalkOptions{LinkTargets: links}}
		w.fn = func(path string, e Entry) error {
			if !strings.HasPrefix(path+"/", strings.TrimSuffix(w.info.Path, "/")+"/") || strings.ContainsRune(path, 0) || e.Stat() == nil {
				t.Fatalf("%q, %+v of %q", path, e, answer)
			}
			if rest := strings.TrimPrefix(path, w.info.Path); rest != "" && filepath.Clean("/"+rest) != "/"+strings.TrimPrefix(rest, "/") {
				t.Fatalf("%q of %q", path, answer)
			}
			return nil
		}
		if _, _, err := w.read(answerReader(answer)); err == nil && w.info.Stat == nil {
			t.Fatalf("no facts of %q", answer)
		}
	})
}

// What is between two equal sets of facts counts, and nothing else.
func FuzzSteady(f *testing.F) {
	brief := remote.StateOf(line)
	f.Add([]byte(brief + "\n" + brief + "\n\x00x\x00" + brief + "\n" + brief + "\n\x00"))
	f.Add([]byte(brief + "\n\x00x\x00" + brief + "\n\x00"))
	f.Add([]byte("\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		b := answerReader(answer)
		err := steady(b, []string{"./a", "./b"}, map[string]string{"./a": remote.StateOf(line)}, false, func() error {
			_, err := b.Field()
			return err
		})
		if fields := strings.Split(string(answer), "\x00"); err == nil && (fields[0] != fields[2] && fields[0]+"\n" != fields[2] && fields[0] != fields[2]+"\n" || !strings.HasPrefix(fields[0], brief+"\n")) {
			t.Fatalf("success by %q", answer)
		}
	})
}

// A match is below the start, and has a line.
func FuzzReadMatches(f *testing.F) {
	f.Add([]byte("./a\x001:text\x002:more\x00\x00.0\x00"))
	f.Add([]byte("./a\nb\x00\x00.1\x00"))
	f.Add([]byte("./a\x00Binary file matches\x00\x00.2\x00"))
	f.Add([]byte("./../../x\x00-1:x\x00\x00.0\x00"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		g := &grep{}
		_ = g.many(answerReader(answer), "/top", map[string]string{"./a": "", "./a\nb": ""})
		for _, m := range g.found {
			if !strings.HasPrefix(m.Path, "/top/") || m.Line < 0 {
				t.Fatalf("%+v of %q", m, answer)
			}
		}
	})
}

// FuzzRead is about an answer for one file, as the client's Read has it.
func FuzzReadFacts(f *testing.F) {
	f.Add([]byte("/a\x00" + line + "\x00"))
	f.Add([]byte("\x00\x00"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		if info, err := (&Root{}).readBegin(answerReader(answer)); err == nil && info.Stat == nil {
			t.Fatalf("no facts of %q", answer)
		}
	})
}

// FuzzOpen is about the whole answer of verb_open.
func FuzzOpen(f *testing.F) {
	stat := fmt.Sprintf(helper.Stat, "x")
	f.Add([]byte("8\x00 9 10\x00" + stat + "\x00Uid:\t1\t2\t3\t4\n\x000\n\x0021 1 0:1 / / rw - overlay o rw\n\x00root:x:0:\n\x00\x00"))
	f.Add([]byte("x\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		var r Root
		if err := r.read(answerReader(answer)); err == nil && r.Process.State == "" {
			t.Fatalf("no process in %q", answer)
		}
	})
}

func answerReader(text []byte) *remote.Answer {
	return &remote.Answer{Reader: bufio.NewReaderSize(bytes.NewReader(text), 16), Mark: "MARK"}
}
