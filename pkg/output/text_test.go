// SPDX-License-Identifier: Apache-2.0

package output

import (
	"bytes"
	"testing"
)

func TestBytesAreShort(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 1023: "1023", 1024: "1.0K", 10188: "9.9K", 10189: "10K", 1047552: "1023K", 1048064: "1.0M", 1 << 20: "1.0M", 5 << 30: "5.0G", 1<<63 - 1: "8.0E",
	} {
		if got := HumanBytes(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}

// What the cluster or the target says must not move a terminal's cursor.
func TestMessagesAreEscapedLineByLine(t *testing.T) {
	if got, want := EscapeLines("a\x1b[31mb\nc\\d\te"), "a\\x1b[31mb\nc\\d\\te"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPrintObject(t *testing.T) {
	var out bytes.Buffer
	object := struct {
		TypeMeta
		Pod string `json:"pod"`
	}{NewTypeMeta("Thing"), "web"}
	if err := PrintObject(&out, "", object); err != nil {
		t.Fatal(err)
	}
	if want := "apiVersion: kubectl-shareproc/v1alpha1\nkind: Thing\npod: web\n"; out.String() != want {
		t.Errorf("got %q", out.String())
	}
}
