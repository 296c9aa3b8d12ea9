// SPDX-License-Identifier: Apache-2.0

//go:build linux

package machine

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/image"
)

// The kernel's reader is strict about the places of things: header, name and content begin at multiples of four.
func TestCpioHasEverythingAtItsPlace(t *testing.T) {
	tree := image.Tree{}
	tree.File("files/etc/a", 0o600, []byte("four"))
	tree.File("init", 0o755, []byte("12345"))
	tree.Dir("empty", 0o755, 0)
	var out bytes.Buffer
	if err := cpio(&out, tree); err != nil {
		t.Fatal(err)
	}
	var got []string
	for text := out.String(); text != ""; {
		number := func(field int) (n int) {
			_, err := fmt.Sscanf(text[6+8*field:14+8*field], "%08x", &n)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		mode, size, name := number(1), number(6), number(11)
		body := (110 + name + 3) &^ 3
		got = append(got, fmt.Sprintf("%s %o %s %q", text[:6], mode, text[110:110+name-1], text[body:body+size]))
		text = text[(body+size+3)&^3:]
	}
	want := []string{
		`070701 40755 empty ""`, `070701 40755 files ""`, `070701 40755 files/etc ""`, `070701 100600 files/etc/a "four"`,
		`070701 100755 init "12345"`, `070701 0 TRAILER!!! ""`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCommandForwardsWhatTheHostAsks(t *testing.T) {
	line := strings.Join(Command(Network{Net: "198.18.255.0/24", Gateway: "198.18.255.2", Node: "198.18.255.1"}), " ")
	for _, want := range []string{
		"hostfwd=tcp:198.18.255.1:10250-198.18.255.1:10250", "hostfwd=tcp:198.18.255.1:10330-198.18.255.1:10330", "host=198.18.255.2",
		"snapshot=on", "virtserialport,name=kubelet,chardev=kubelet",
	} {
		if !strings.Contains(line, want) {
			t.Errorf("%s is missing in %s", want, line)
		}
	}
}

// A program that cannot have the loader is refused: it would run with the machine's, and end with a signal.
func TestALoaderIsExchangedInPlaceOrRefused(t *testing.T) {
	tree := image.Tree{}
	if err := image.Source("/").Program(tree, "/bin/sh"); err != nil {
		t.Skip(err) // a machine whose shell is elsewhere
	}
	program := tree["bin/sh"].Body
	changed, err := loadedBy(program, "/crun/ld.so")
	if err != nil || len(changed) != len(program) || !bytes.Contains(changed, []byte("/crun/ld.so\x00")) {
		t.Errorf("%v: %d bytes, want %d with the loader's path", err, len(changed), len(program))
	}
	if _, err := loadedBy(program, strings.Repeat("/long", 40)); err == nil {
		t.Error("a path longer than the one that it replaces is no error")
	}
}
