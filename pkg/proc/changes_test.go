// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"testing"
	"time"
)

func TestBootIsTheTimeWithoutTheUptime(t *testing.T) {
	for text, want := range map[string]string{
		"2026-11-29 08:50:30.250000000 +0000 10.25":       "2026-11-29T08:50:20Z",
		"2026-11-29 09:50:30 +0100 10.00":                 "2026-11-29T08:50:20Z",
		"2026-11-29 08:50:30.250000000 +0000":             "",
		"2026-11-29 08:50:30.250000000 +0000 NaN":         "",
		"2026-11-29 08:50:30.250000000 +0000 -1":          "",
		" 10.25":                                          "",
		"2026-11-29 08:50:30.250000000 +0000 9e300":       "",
		"yesterday 08:50:30.250000000 +0000 10.25":        "",
		"2026-11-29 08:50:30.250000000 +0000 10.25 10.25": "",
	} {
		boot, ok := Boot(text)
		if ok != (want != "") || ok && boot.UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("%q: %s %v", text, boot, ok)
		}
	}
	boot := time.Unix(1000, 0)
	if got := StartOf(boot, 12345); !got.Equal(time.Unix(1123, 450000000)) {
		t.Errorf("%s", got)
	}
}

func TestContainerStartGoesByTheClockOfThen(t *testing.T) {
	at := func(seconds int) time.Time { return time.Unix(1700000000+int64(seconds), 0) }
	for _, c := range []struct {
		process, reported, want time.Time
		set                     bool
	}{
		{at(0), time.Time{}, at(0), false},
		{time.Time{}, at(1), at(1), false},
		{at(0), at(1), at(0), false},
		{at(0), at(30), at(0), false},     // a busy node
		{at(3600), at(30), at(30), true},  // the clock was put forward since
		{at(-3600), at(30), at(30), true}, // and back
	} {
		if got, set := ContainerStart(c.process, c.reported); !got.Equal(c.want) || set != c.set {
			t.Errorf("%+v: %s %v", c, got, set)
		}
	}
}

func FuzzBoot(f *testing.F) {
	f.Add("2026-11-29 08:50:30.250000000 +0000 10.25")
	f.Fuzz(func(t *testing.T, text string) {
		if boot, ok := Boot(text); !ok && !boot.IsZero() {
			t.Errorf("%q: %s", text, boot)
		}
	})
}

func TestChangesGoByTheTimeOfChange(t *testing.T) {
	at := func(seconds int) time.Time { return time.Unix(1700000000+int64(seconds), 0) }
	c := NewChanges(at(0), at(2), Mounts("1 0 0:1 / / rw - t s\n2 1 0:2 / /etc/hosts rw - t s\n3 1 0:3 / /run/secrets/token rw - t s\n"))
	for _, f := range []struct {
		name              string
		dir               bool
		modified, changed int
		want              Change
	}{
		{"/a", false, -9, -9, ""},
		{"/a", false, 0, 0, ""},
		{"/a", false, 5, 5, Changed},
		{"/a", false, 5, 7, Changed}, // written, and its mode changed
		{"/a", false, -9, 7, Attributes},
		{"/a", false, 99, 7, Attributes}, // set to a time to come
		{"/d", true, 5, 5, Entries},
		{"/d", true, -9, 5, Attributes},
		{"/etc", true, 1, 1, ""}, // the runtime put the file there on which it mounts
		{"/etc", true, 3, 3, Entries},
		{"/", true, 1, 1, ""},
		{"/run/secrets", true, 1, 1, ""},
		{"/run/secrets/other", true, 1, 1, Entries},
		{"/etc", false, 1, 1, Changed},
	} {
		got, ok := c.Of(f.name, f.dir, at(f.modified), at(f.changed))
		if got != f.want || ok != (f.want != "") {
			t.Errorf("%+v: %q %v", f, got, ok)
		}
	}
}
