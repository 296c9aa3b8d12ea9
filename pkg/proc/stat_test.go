// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
)

// catStat is Linux 6.18's.
const catStat = "14895 (cat) R 14884 14884 23650 0 -1 4194304 100 0 7 0 250 50 0 0 20 5 3 0 136307 3133440 379 18446744073709551615 93895368544256 93895368564137 140722954000272 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 93895368580144 93895368581760 93895885942784 140722954005177 140722954005197 140722954005197 140722954006507 0\n"

func TestStatSaysWhatAProcessUsed(t *testing.T) {
	want := Stat{
		PPID: 14884, State: "R", CPU: 3 * time.Second, Start: 1363070 * time.Millisecond, StartTicks: 136307, Threads: 3, Nice: 5, Processor: 1,
		MinorFaults: 100, MajorFaults: 7,
	}
	hostile := "14895 (cat) S 1 1\n) (x" + catStat[len("14895 (cat"):]
	for _, text := range []string{catStat, hostile} {
		if got, ok := ParseStat(text); !ok || got != want {
			t.Errorf("%q: %+v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "14895 (cat)", "14895 (cat) R 1 2 3\n", "14895 cat R" + catStat[13:], catStat[:60] + "x" + catStat[61:]} {
		if got, ok := ParseStat(text); ok {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

// A process that puts a newline into its name adds no line to another's file.
func TestStatsOfAProcessAreItsOwn(t *testing.T) {
	text := "7/stat:7 (a\n7/stat:9/stat:9 (b) " + catStat[len("14895 (cat) "):]
	if got := Stats(process.Reading{Text: text}); len(got) != 1 || got[7].PPID != 14884 {
		t.Errorf("%+v", got)
	}
}

func FuzzStat(f *testing.F) {
	f.Add(catStat)
	f.Add("1 (a) b) Z 0")
	f.Fuzz(func(t *testing.T, text string) {
		if s, ok := ParseStat(text); ok && (s.CPU < 0 || s.Start < 0 || s.State == "") {
			t.Errorf("%+v", s)
		}
	})
}

func TestUptimeIsInHundredths(t *testing.T) {
	if got, ok := Uptime("1363.07 2529.85\n"); !ok || got.Round(tick) != 1363070*time.Millisecond {
		t.Errorf("%v, %v", got, ok)
	}
	for _, text := range []string{"", "x", "-1 2", "NaN", "1e300", "Inf"} {
		if got, ok := Uptime(text); ok {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func FuzzUptime(f *testing.F) {
	f.Add("1363.07 2529.85\n")
	f.Fuzz(func(t *testing.T, text string) {
		if got, _ := Uptime(text); got < 0 {
			t.Errorf("%v", got)
		}
	})
}
