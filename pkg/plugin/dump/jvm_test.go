// SPDX-License-Identifier: Apache-2.0

package dump

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// dumpText is what a JVM writes, with a line of the program's own in front of it and in it.
const dumpText = `tick
2026-11-29 08:55:53
Full thread dump OpenJDK 64-Bit Server VM (17.0.15+6-Debian-1deb12u1 mixed mode, sharing):

"main" #1 prio=5 os_prio=0 cpu=398.20ms elapsed=3.83s tid=0x00007fb9f4012ab0 nid=0x6dd3 waiting on condition  [0x00007fb9faaff000]
tick
JNI global refs: 7, weak refs: 0

Found one Java-level deadlock:
Heap
 Metaspace       used 8925K, committed 9088K, reserved 1114112K

tick
`

// feed gives a dump the lines of a text until it has ended, and returns what was printed.
func feed(t *testing.T, text string) (d *jvmDump, printed string) {
	t.Helper()
	var out strings.Builder
	d = &jvmDump{out: &out}
	for line := range strings.Lines(text) {
		if err := d.line(strings.TrimSuffix(line, "\n")); err != nil {
			t.Fatal(err)
		}
		if d.ended {
			break
		}
	}
	return d, out.String()
}

func TestADumpEndsBehindTheHeap(t *testing.T) {
	d, printed := feed(t, dumpText)
	want := strings.TrimSuffix(strings.TrimPrefix(dumpText, "tick\n"), "\ntick\n")
	if !d.ended || printed != want {
		t.Errorf("ended %v:\n%s", d.ended, printed)
	}
}

func TestADumpWithoutAHeapEndsWhenTheLogIsQuiet(t *testing.T) {
	d, _ := feed(t, before(dumpText, "Found one"))
	if d.ended || d.patience() != endTime {
		t.Errorf("%+v", d)
	}
	if whole, err := d.close(nil); !whole || err != nil {
		t.Errorf("%v %v", whole, err)
	}
}

func TestADumpThatStopsInBetweenIsNotWhole(t *testing.T) {
	d, _ := feed(t, before(dumpText, "JNI"))
	if whole, err := d.close(nil); whole || err != nil {
		t.Errorf("%v %v", whole, err)
	}
}

func TestALogWithoutADumpIsAnError(t *testing.T) {
	d, printed := feed(t, "tick\ntick\nHeap\n\n")
	if _, err := d.close(nil); !errors.Is(err, errNoDump) || printed != "" || d.patience() != beginTime {
		t.Errorf("%v %q", err, printed)
	}
}

func TestAnAnswerOfPprofIsLetThroughAndNothingElse(t *testing.T) {
	for _, c := range []struct {
		parts []string
		want  string
		open  bool
	}{
		{[]string{"goroutine 1 [running]:\n", "main.main()\n"}, "goroutine 1 [running]:\nmain.main()\n", true},
		{[]string{"gor", "outine ", "7 [select]"}, "goroutine 7 [select]", true},
		{[]string{"html>", "goroutine 1"}, "", false},
		{[]string{"goroutines: 5"}, "", false},
		{[]string{"gor"}, "", false},
		{nil, "", false},
	} {
		var out strings.Builder
		g := &gate{out: &out, heard: func() {}}
		var err error
		for _, part := range c.parts {
			if _, err = g.Write([]byte(part)); err != nil {
				break
			}
		}
		other := c.want == "" && strings.Join(c.parts, "") > "goroutine "
		if out.String() != c.want || g.open != c.open || other != errors.Is(err, errOther) {
			t.Errorf("%q: %q, open %v, %v", c.parts, out.String(), g.open, err)
		}
	}
}

func TestAnAnswerWithoutEndIsStopped(t *testing.T) {
	var out counter
	g := &gate{out: &out, heard: func() {}}
	part := slices.Concat([]byte("goroutine "), make([]byte, 1<<20))
	var err error
	for range 100 {
		if _, err = g.Write(part); err != nil {
			break
		}
	}
	if err == nil || out > maxDump {
		t.Errorf("%v, %d bytes", err, out)
	}
}

type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

func FuzzDump(f *testing.F) {
	f.Add(dumpText)
	f.Fuzz(func(t *testing.T, text string) {
		if d, printed := feed(t, text); d.ended && !strings.Contains(printed, "JNI global ref") {
			t.Errorf("%q", printed)
		}
	})
}

func before(text, word string) string {
	head, _, _ := strings.Cut(text, word)
	return head
}
