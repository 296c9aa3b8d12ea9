// SPDX-License-Identifier: Apache-2.0

//go:build unix

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/faultproxy"
)

// sharing is a target, and beside it a shell of its own that sees the same directory: what it says of what was copied owes
// nothing to what copied it.
const sharing = `
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: nginx
    image: $NGINX
    imagePullPolicy: IfNotPresent
    volumeMounts: [{name: data, mountPath: /data}]
  - name: side
    image: $BUSYBOX
    imagePullPolicy: IfNotPresent
    command: [sleep, "86400"]
    volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, emptyDir: {}}]
`

// oracleScript says of "$2" in the directory "$1" all that a copy keeps, but for times. What is not there is nothing.
const oracleScript = `cd "$1" || exit
[ -e "$2" ] || exit 0
find "$2" ! -type l -exec stat -c '%f %n' {} + | sort
find "$2" -type f -exec sha256sum {} + | sort
find "$2" -type l -exec sh -c 'echo "$1 $(readlink "$1")"' sh {} \; | sort`

// A bench is a pod that trials share, and what they copy.
type bench struct {
	*environment
	server string // host:port
	local  string // a directory
	want   [2]string
	totals map[string][2]int64 // by wire and what
}

func newBench(t *testing.T) *bench {
	t.Helper()
	w := testEnvironment(t)
	host, err := url.Parse(w.config.Host)
	if err != nil {
		t.Fatal(err)
	}
	if ip := net.ParseIP(host.Hostname()); ip == nil || !ip.IsLoopback() {
		t.Skipf("%s is not on this machine: only a local cluster's connections are broken", host.Host)
	}
	if err := w.apply(t.Context(), sharing, "web"); err != nil {
		t.Fatal(err)
	}
	b := &bench{environment: w, server: host.Host, local: t.TempDir(), totals: map[string][2]int64{}}
	b.makeSource(t)
	if _, err := w.plugin(t.Context(), "cp", b.local+"/source", "web:/data/", "-q"); err != nil {
		t.Fatal(err)
	}
	for i, what := range []string{"file", "tree"} {
		b.want[i] = b.here(t, "source/"+what)
		if got := b.there(t, "source/"+what); got != b.want[i] || got == "" {
			t.Fatalf("what is to be copied is another there:\n%s\nhere:\n%s", got, b.want[i])
		}
	}
	return b
}

// makeSource makes what is copied: source/file/item and source/tree/item.
func (b *bench) makeSource(t *testing.T) {
	t.Helper()
	random := rand.NewChaCha8([32]byte{7})
	write := func(name string, size int) {
		data := make([]byte, size)
		_, _ = random.Read(data) // it never fails
		file := filepath.Join(b.local, "source", name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, data, 0o640)); err != nil {
			t.Fatal(err)
		}
	}
	write("file/item", 3<<20)
	write("tree/item/large", 1<<20)
	for i := range 80 {
		write(fmt.Sprintf("tree/item/dir%d/small%d", i%5, i), i*i*3)
	}
	for _, err := range []error{
		os.MkdirAll(filepath.Join(b.local, "source/tree/item/empty"), 0o750),
		os.Symlink("large", filepath.Join(b.local, "source/tree/item/link")),
		os.Link(filepath.Join(b.local, "source/tree/item/large"), filepath.Join(b.local, "source/tree/item/hard")),
		os.Mkdir(filepath.Join(b.local, "down"), 0o755),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// here and there say what item is in a directory of this machine, and of the target.
func (b *bench) here(t *testing.T, directory string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "sh", "-c", oracleScript, "sh", filepath.Join(b.local, directory), "item").Output()
	if err != nil {
		t.Fatalf("look at %s: %v", directory, err)
	}
	return string(out)
}

func (b *bench) there(t *testing.T, directory string) string {
	t.Helper()
	return b.side(t, oracleScript, "/data/"+directory, "item")
}

// side runs a script in the container beside the target.
func (b *bench) side(t *testing.T, script string, args ...string) string {
	t.Helper()
	out, err := b.kubectl(t.Context(), append([]string{"exec", "web", "-c", "side", "--", "sh", "-c", script, "sh"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// copy runs cp through a proxy with these faults.
func (b *bench) copy(t *testing.T, tr *trial, directory string, faults func(int) *faultproxy.Fault) *faultproxy.Proxy {
	t.Helper()
	proxy, err := faultproxy.New(t.Context(), b.server, faults)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	what := "file"
	if tr.tree {
		what = "tree"
	}
	ends := []string{"web:/data/source/" + what + "/item", filepath.Join(b.local, "down", directory, "item")}
	if tr.up {
		ends = []string{filepath.Join(b.local, "source", what, "item"), "web:/data/" + directory + "/item"}
	}
	// Whatever hangs longer than it may is ended, later than it would be counted.
	ctx, cancel := context.WithTimeout(t.Context(), transferBound+15*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(b.path, "kubectl-shareproc"), append([]string{"cp", "--server", "https://" + proxy.Address()}, ends...)...)
	cmd.Env = append(os.Environ(), b.env()...)
	if tr.spdy {
		cmd.Env = append(cmd.Env, transports()["spdy"]...)
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	begun := time.Now()
	err = cmd.Run()
	tr.took, tr.code, tr.note = time.Since(begun), cmd.ProcessState.ExitCode(), said.String()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return proxy
}

// measure finds out what a copy's stream carries where nothing breaks.
func (b *bench) measure(t *testing.T, tr *trial) {
	t.Helper()
	directory := strings.ReplaceAll("whole "+tr.wire()+tr.what(), " ", "-")
	b.prepare(t, directory)
	proxy := b.copy(t, tr, directory, nil)
	if tr.code != 0 || b.outcome(t, tr, directory) != b.wanted(tr) {
		t.Fatalf("%s over a good line: exit code %d\n%s", tr.what(), tr.code, tr.note)
	}
	up, down := proxy.Moved()
	if data := up + down; data < 1<<20 {
		t.Fatalf("%s over %s: the proxy saw %d bytes of the stream", tr.what(), tr.wire(), data)
	}
	b.totals[tr.wire()+tr.what()] = [2]int64{up, down}
}

func (b *bench) prepare(t *testing.T, directories ...string) {
	t.Helper()
	b.side(t, `cd /data && for d; do mkdir -p "$d"; done`, directories...)
	for _, directory := range directories {
		if err := os.MkdirAll(filepath.Join(b.local, "down", directory), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func (b *bench) wanted(tr *trial) string {
	if tr.tree {
		return b.want[1]
	}
	return b.want[0]
}

func (b *bench) outcome(t *testing.T, tr *trial, directory string) string {
	t.Helper()
	if tr.up {
		return b.there(t, directory)
	}
	return b.here(t, filepath.Join("down", directory))
}

// old puts something under a trial's name, and returns what the oracle says of that.
func (b *bench) old(t *testing.T, tr *trial, directory string) string {
	t.Helper()
	if !tr.existing {
		return ""
	}
	if tr.up {
		b.side(t, `echo old >"/data/$1/item"`, directory)
	} else if err := os.WriteFile(filepath.Join(b.local, "down", directory, "item"), []byte("old\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return b.outcome(t, tr, directory)
}
