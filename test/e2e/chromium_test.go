// SPDX-License-Identifier: Apache-2.0

//go:build unix

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestDownloadInABrowser has Chromium download a file that fs serve gives, and compares each byte.
func TestDownloadInABrowser(t *testing.T) {
	full(t)
	t.Parallel()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium in PATH (Debian: apt install chromium): downloads in a browser are not compared")
	}
	w := testEnvironment(t)
	if err := w.apply(t.Context(), onePod, "web"); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	want := make([]byte, 3<<20+17)
	_, _ = rand.Read(want)
	local := filepath.Join(dir, "blob.bin")
	if err := os.WriteFile(local, want, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := w.plugin(t.Context(), "cp", "-q", local, "web:/tmp/blob.bin"); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	url := w.serve(t, "web", "/tmp")
	b := startBrowser(t, program)
	into := filepath.Join(dir, "downloads")
	b.ask(t, "Browser.setDownloadBehavior", map[string]any{"behavior": "allow", "downloadPath": into, "eventsEnabled": true})
	b.ask(t, "Target.createTarget", map[string]any{"url": url + "blob.bin"})
	b.await(t, "Browser.downloadProgress", func(p map[string]any) (bool, error) {
		if p["state"] == "canceled" {
			return false, errors.New("the browser canceled the download")
		}
		return p["state"] == "completed", nil
	})
	if got, err := os.ReadFile(filepath.Join(into, "blob.bin")); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes of %d, %v", len(got), len(want), err)
	}
}

// serve serves a directory for as long as the test runs, and gives the URL.
func (w *environment) serve(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(w.path, "kubectl-shareproc"), append([]string{"fs", "serve"}, args...)...)
	cmd.Env = append(os.Environ(), w.env()...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // Ctrl-C ends it
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(url)
}

// browserTime is how long a browser may say nothing of what is waited for.
const browserTime = 3 * time.Minute

// A browser is one that is spoken to over pipes (the DevTools protocol: JSON, each message with a NUL behind it).
type browser struct {
	in   io.Writer
	out  *bufio.Reader
	next int
}

func startBrowser(t *testing.T, program string) *browser {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, program, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe",
		"--user-data-dir="+t.TempDir(), "about:blank")
	readIn, in, err := os.Pipe()
	out, writeOut, err2 := os.Pipe()
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	cmd.ExtraFiles = []*os.File{readIn, writeOut}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = readIn.Close(), writeOut.Close()
	if err := out.SetReadDeadline(time.Now().Add(browserTime)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = fmt.Fprint(in, `{"id":999999,"method":"Browser.close"}`+"\x00")
		_, _ = io.Copy(io.Discard, out) // until it has ended, and writes into its directory no more
		cancel()
		_ = cmd.Wait()
		_, _ = in.Close(), out.Close()
	})
	return &browser{in: in, out: bufio.NewReader(out)}
}

type message struct {
	ID     int
	Method string
	Params map[string]any
	Error  *struct{ Message string }
}

// ask makes a request, and waits for its answer.
func (b *browser) ask(t *testing.T, method string, params map[string]any) {
	t.Helper()
	b.next++
	text, err := json.Marshal(map[string]any{"id": b.next, "method": method, "params": params})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.in.Write(append(text, 0)); err != nil {
		t.Fatal(err)
	}
	for {
		m := b.read(t)
		switch {
		case m.ID == b.next && m.Error != nil:
			t.Fatalf("%s: %s", method, m.Error.Message)
		case m.ID == b.next:
			return
		}
	}
}

// await waits for an event.
func (b *browser) await(t *testing.T, method string, is func(map[string]any) (bool, error)) {
	t.Helper()
	for {
		m := b.read(t)
		if m.Method != method {
			continue
		}
		switch ok, err := is(m.Params); {
		case err != nil:
			t.Fatal(err)
		case ok:
			return
		}
	}
}

func (b *browser) read(t *testing.T) (m message) {
	t.Helper()
	text, err := b.out.ReadBytes(0)
	if err == nil {
		err = json.Unmarshal(text[:len(text)-1], &m)
	}
	if err != nil {
		t.Fatalf("the browser says %q: %v", text, err)
	}
	return m
}
