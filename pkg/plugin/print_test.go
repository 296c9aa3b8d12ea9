// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"bytes"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

func TestBytesAreShort(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 1023: "1023", 1024: "1.0K", 10188: "9.9K", 10189: "10K", 1047552: "1023K", 1048064: "1.0M", 1 << 20: "1.0M", 5 << 30: "5.0G", 1<<63 - 1: "8.0E",
	} {
		if got := humanBytes(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}

func TestModeString(t *testing.T) {
	for mode, want := range map[uint32]string{
		0o100644: "-rw-r--r--", 0o040755: "drwxr-xr-x", 0o120777: "lrwxrwxrwx", 0o041777: "drwxrwxrwt", 0o104755: "-rwsr-xr-x",
		0o102644: "-rw-r-Sr--", 0o010600: "prw-------", 0o140755: "srwxr-xr-x", 0o060660: "brw-rw----", 0o020666: "crw-rw-rw-", 0o101644: "-rw-r--r-T",
	} {
		if got := modeString(&remote.Stat{Mode: mode}); got != want {
			t.Errorf("%o: got %s, want %s", mode, got, want)
		}
	}
}

func TestStartedSaysTimeOrDate(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.Local)
	if got := started(now.Add(-time.Hour), now); got != "11:00:00" {
		t.Errorf("an hour ago: %s", got)
	}
	if got := started(now.Add(-48*time.Hour), now); got != "2026-05-02" {
		t.Errorf("two days ago: %s", got)
	}
}

// What the cluster or the target says must not move a terminal's cursor.
func TestMessagesAreEscapedLineByLine(t *testing.T) {
	if got, want := escapeLines("a\x1b[31mb\nc\\d\te"), "a\\x1b[31mb\nc\\d\\te"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPrintObject(t *testing.T) {
	var out bytes.Buffer
	object := struct {
		typeMeta
		Pod string `json:"pod"`
	}{kind("Thing"), "web"}
	if err := printObject(&out, "", object); err != nil {
		t.Fatal(err)
	}
	if want := "apiVersion: kubectl-shareproc/v1alpha1\nkind: Thing\npod: web\n"; out.String() != want {
		t.Errorf("got %q", out.String())
	}
}

func TestShellWord(t *testing.T) {
	for word, want := range map[string]string{
		"nginx": "nginx", "--a=b/c.d": "--a=b/c.d", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "$HOME": "'$HOME'", "*": "'*'", "a\nb": "'a\nb'",
	} {
		if got := shellWord(word); got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
	}
}
