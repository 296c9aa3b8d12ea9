// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
)

// sampled are readings of a process at an uptime, which used so many ticks and started at one.
func sampled(uptime string, ticks, start int) process.Readings {
	stat := strings.Replace(strings.Replace(catStat, " 250 50 ", fmt.Sprintf(" %d 0 ", ticks), 1), " 136307 ", fmt.Sprintf(" %d ", start), 1)
	return process.Readings{
		"uptime": {Text: uptime + " 0\n"}, "each:stat": {Text: "7/stat:" + stat},
		"each:limits": {Text: "7/limits:" + strings.ReplaceAll(strings.TrimSuffix(limitsText, "\n"), "\n", "\n7/limits:") + "\n"},
		"7/fdcount":   {Text: "1000"},
	}
}

func TestPercentOfAProcessor(t *testing.T) {
	for name, c := range map[string]struct {
		before process.Readings
		now    process.Readings
		want   float64
	}{
		"of the time between two samples":         {sampled("100.00", 100, 5000), sampled("102.00", 150, 5000), 25},
		"of two processors":                       {sampled("100.00", 100, 5000), sampled("101.00", 300, 5000), 200},
		"since it started, without a sample":      {nil, sampled("100.00", 2500, 5000), 50},
		"of another process that had its PID":     {sampled("100.00", 900, 5000), sampled("102.00", 10, 10100), 10},
		"not below 0 where a clock went backward": {sampled("100.00", 100, 5000), sampled("101.00", 90, 5000), 0},
		"0 of one that starts now":                {sampled("50.00", 0, 5000), sampled("50.00", 0, 5000), 0},
	} {
		got, ok := NewSample(c.now).CPUPercent(NewSample(c.before), 7)
		if !ok || got < c.want-0.01 || got > c.want+0.01 {
			t.Errorf("%s: %v, %v; want %v", name, got, ok, c.want)
		}
	}
	if got, ok := NewSample(sampled("x", 1, 1)).CPUPercent(Sample{}, 7); ok {
		t.Errorf("without a clock: %v", got)
	}
	if got, ok := NewSample(sampled("100.00", 1, 1)).CPUPercent(Sample{}, 8); ok {
		t.Errorf("of a process that is not there: %v", got)
	}
}

func TestUsageTellsWhatIsNotKnownFromNone(t *testing.T) {
	u := Usages(sampled("100.00", 2500, 5000), Sample{})[7]
	if u.OpenFiles == nil || *u.OpenFiles != 1000 || u.OpenFilesLimit == nil || *u.OpenFilesLimit != 1024 || *u.CPUSeconds != 25 {
		t.Errorf("%+v", u)
	}
	if percent, ok := u.FilesPercent(); !ok || percent < 97 || percent > 98 {
		t.Errorf("%v, %v", percent, ok)
	}
	denied := sampled("100.00", 2500, 5000)
	denied["7/fdcount"], denied["each:limits"] = process.Reading{Denied: true}, process.Reading{}
	if u := Usages(denied, Sample{})[7]; u.OpenFiles != nil || u.OpenFilesLimit != nil {
		t.Errorf("denied: %+v", u)
	} else if percent, ok := u.FilesPercent(); ok {
		t.Errorf("denied: %v", percent)
	}
}

func FuzzUsages(f *testing.F) {
	f.Add("100.00 1\n", "7/stat:"+catStat, "7/limits:"+limitsText, "12")
	f.Add("", "7/stat:\n", "7/limits:Max open files            unlimited", "-")
	f.Fuzz(func(t *testing.T, uptime, stat, limits, count string) {
		r := process.Readings{"uptime": {Text: uptime}, "each:stat": {Text: stat}, "each:limits": {Text: limits}, "7/fdcount": {Text: count}}
		for pid, u := range Usages(r, Sample{}) {
			if u.CPUPercent != nil && !(*u.CPUPercent >= 0) || u.CPUSeconds == nil {
				t.Errorf("%d: %+v", pid, u)
			}
		}
	})
}
