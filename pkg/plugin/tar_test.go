// SPDX-License-Identifier: Apache-2.0

//go:build unix

package plugin

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/creack/pty"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
)

func TestFSTar(t *testing.T) {
	d := newHarness(t)
	pid := strconv.Itoa(startSleep(t))
	directory := verbTree(t)
	if code := d.run(t.Context(), "fs", "tar", "web", pid, directory+"/sub"); code != 0 || d.errOut.Len() > 0 {
		t.Fatalf("exit code %d: %s", code, d.errOut.String())
	}
	var names []string
	reader := tar.NewReader(&d.out)
	for {
		h, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, strings.TrimPrefix("/"+h.Name, directory))
	}
	slices.Sort(names)
	if want := "/sub/ /sub/.hidden /sub/again /sub/deep/ /sub/deep/b"; strings.Join(names, " ") != want {
		t.Errorf("got %q, want %s", names, want)
	}
}

// What is missing is named, and the archive is one all the same. Where nothing was found nothing is written.
func TestFSTarSaysWhatIsMissing(t *testing.T) {
	d := newHarness(t)
	pid := strconv.Itoa(startSleep(t))
	directory := verbTree(t)
	listener, err := net.Listen("unix", directory+"/sub/s\x1bock")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	code := d.run(t.Context(), "fs", "tar", "web", pid, directory+"/sub", "--format", "gnu")
	if code != cli.ExitError || !strings.Contains(d.errOut.String(), `/sub/s\x1bock: is a socket`) || !strings.Contains(d.errOut.String(), "1 of its files") {
		t.Errorf("exit code %d: %s", code, d.errOut.String())
	}
	if !bytes.HasSuffix(d.out.Bytes(), make([]byte, 1024)) {
		t.Error("the archive has no end")
	}
	if code := d.run(t.Context(), "fs", "tar", "web", pid, directory+"/gone"); code != cli.ExitError || d.out.Len() > 0 {
		t.Errorf("exit code %d, %d bytes: %s", code, d.out.Len(), d.errOut.String())
	}
	if code := d.run(t.Context(), "fs", "tar", "web", "--format", "zip"); code != cli.ExitUsage {
		t.Errorf("exit code %d: %s", code, d.errOut.String())
	}
}

func TestFSTarIsNothingForATerminal(t *testing.T) {
	d := newHarness(t)
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer slave.Close()
	d.Streams.Out = slave
	if code := d.run(t.Context(), "fs", "tar", "web"); code != cli.ExitUsage || !strings.Contains(d.errOut.String(), "\ntry: redirect it to a file, or append | tar -tvf -") {
		t.Errorf("exit code %d: %s", code, d.errOut.String())
	}
	if len(d.client.Actions()) > 0 {
		t.Errorf("the cluster was asked: %v", d.client.Actions())
	}
}
