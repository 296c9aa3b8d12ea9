// SPDX-License-Identifier: Apache-2.0

package process

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

func FuzzCapacity(f *testing.F) {
	f.Add("0 4096 66053021 59931402 17753697 16777216 16191503\n")
	f.Add("44 \n")
	f.Add("0 18446744073709551615 2 3 4 1 2\n")
	f.Fuzz(func(t *testing.T, text string) {
		var c Capacity
		if err := c.read(&remote.Answer{Reader: bufio.NewReader(strings.NewReader(text))}); err != nil {
			return
		}
		if c.Used > c.Size || c.Available > c.Size || c.UsedInodes > c.Inodes {
			t.Errorf("%+v of %q", c, text)
		}
	})
}

func TestCapacityIsBounded(t *testing.T) {
	var c Capacity
	err := c.read(&remote.Answer{Reader: bufio.NewReader(strings.NewReader("0 18446744073709551615 3 5 9 1 2\n"))})
	if err != nil || c.Size != math.MaxUint64 || c.Used != 0 || c.UsedInodes != 0 {
		t.Errorf("%+v %v", c, err)
	}
}

// FuzzMounts holds that a mount point ends in a path, and that each has a kind.
func FuzzMounts(f *testing.F) {
	f.Add("24 21 0:4 / /etc/hosts rw - ext4 x rw\n25 21 0:5 / /proc ro,nosuid - proc p rw\n", "/etc/hosts")
	f.Add("24 21 0:4 / /a\\0 ro", "/a")
	f.Add("24 21 0:4 / /a\\040b\\134 ro - x y\n", "/a b\\")
	f.Fuzz(func(t *testing.T, text, path string) {
		m := ParseMounts(text)
		for _, point := range m.Kernels() {
			if !m.Kernel(point) || !slices.ContainsFunc(m, func(m Mount) bool { return m.Point == point }) {
				t.Fatalf("%q of %q", point, text)
			}
		}
		for _, point := range m.Below(path) {
			if point == path || !under(point, path) {
				t.Fatalf("%q below %q", point, path)
			}
		}
	})
}

func FuzzParseNames(f *testing.F) {
	f.Add("root:x:0:0::/:/bin/sh\nnobody:x:65534:\n")
	f.Add("a:b:4294967296\n:x:1\n#c:x:2\r\n+::::\nx:0")
	f.Fuzz(func(t *testing.T, text string) {
		for number, name := range ParseNames(text) {
			if name == "" || strings.ContainsAny(name, ":\n") || !strings.Contains(text, name+":") {
				t.Fatalf("%d: %q of %q", number, name, text)
			}
		}
	})
}

func TestParseProcStat(t *testing.T) {
	for _, name := range []string{"nginx", "a) R 1 (", "\n", "", ")", "(", "tab\t", "8 (x) S 1 2"} {
		var p Process
		err := ParseStat(&p, fmt.Sprintf(helper.Stat, name))
		if err != nil || p.Name != name || p.State != "S" || p.PPID != 1 || p.Threads != 4 || p.StartTicks != 12345 {
			t.Errorf("%q: %+v, %v", name, p, err)
		}
	}
	for _, text := range []string{"", "8", ")(", "8 (x) S 1", "8 (x" + strings.Repeat(" 1", 30), strings.Replace(helper.Stat, "12345", "x", 1)} {
		if err := ParseStat(&Process{}, text); err == nil {
			t.Errorf("%q passed", text)
		}
	}
}

func FuzzParseProcStat(f *testing.F) {
	f.Add(fmt.Sprintf(helper.Stat, "nginx"))
	f.Add(fmt.Sprintf(helper.Stat, ") ("))
	f.Add("8 (x) S")
	f.Fuzz(func(t *testing.T, text string) {
		p := Process{PID: 8}
		if err := ParseStat(&p, text); err == nil && (p.State == "" || !strings.Contains(text, "("+p.Name+")")) {
			t.Fatalf("%+v of %q", p, text)
		}
	})
}

func FuzzParseStatus(f *testing.F) {
	f.Add("Name:\tnginx\nState:\tS (sleeping)\nUid:\t1\t2\t3\t4\nGid:\t1\t2\t3\t4\nVmRSS:\t  12 kB\nSigCgt:\t0000000180014a07\n")
	f.Add("Name:\ta\\nb\\\\\nUid:\t-1\t0")
	f.Add("Uid:\t4294967295\t4294967296\nVmRSS:\t99999999999999999999 kB\nName:\t\n")
	f.Fuzz(func(t *testing.T, text string) {
		p := Process{PID: 8}
		if err := ParseStatus(&p, text); err == nil && strings.Count(p.Name, "\n") > strings.Count(text, `\n`) {
			t.Fatalf("%+v of %q", p, text)
		}
	})
}

// What the kernel escapes in a name comes back as it was.
func FuzzUnescapeName(f *testing.F) {
	for _, seed := range []string{"nginx", "a\nb", `\n`, `\\`, "\\\n\\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		escaped := strings.NewReplacer("\n", `\n`, `\`, `\\`).Replace(name)
		if got := unescapeName(escaped); got != name {
			t.Fatalf("%q came back as %q", name, got)
		}
	})
}

func FuzzParseArgs(f *testing.F) {
	f.Add(" 6e 67 00\n 41 00\n")
	f.Add("")
	f.Add("6")
	f.Add("00 00")
	f.Fuzz(func(t *testing.T, dump string) {
		args, err := parseArgs(dump)
		if err != nil {
			return
		}
		raw, err := hex.DecodeString(strings.Join(strings.Fields(dump), ""))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(args, "\x00"); got != strings.TrimRight(string(raw), "\x00") || len(args) > 0 && args[len(args)-1] == "" {
			t.Fatalf("%q of %q", args, raw)
		}
	})
}

// FuzzReadTable is about the whole answer of verb_ps.
func FuzzReadTable(f *testing.F) {
	stat := "8/stat:" + fmt.Sprintf(helper.Stat, "x\n8/stat:y")
	f.Add([]byte("btime 1700000000\n\x0099\x008/status:Name:\tx\n\x00" + stat + "8/cgroup:0::/\n\x008 8 6e 00\n\x009 -\x00\x008\x00root:x:0:\n\x00"))
	f.Add([]byte("\x00\x00\x00\x00\x00"))
	f.Add([]byte("btime 1\x001\x00\x00\x001 1 zz\x00\x00"))
	f.Add([]byte("btime 1\x001\x001/status\x001/stat:\n\x00\x00"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		var table table
		if err := table.read(answerReader(answer)); err != nil {
			return
		}
		processes := table.processes()
		for i, p := range processes {
			if p.State == "" || p.Args == nil || i > 0 && processes[i-1].PID >= p.PID {
				t.Fatalf("%+v of %q", p, answer)
			}
		}
	})
}

func answerReader(text []byte) *remote.Answer {
	return &remote.Answer{Reader: bufio.NewReaderSize(bytes.NewReader(text), 16), Mark: "MARK"}
}
