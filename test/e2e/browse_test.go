// SPDX-License-Identifier: Apache-2.0

//go:build unix

package e2e

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
)

// shows waits until a text is on the screen. A screen writes only what changes, so it is made another size and drawn again.
func (x *terminal) shows(text string) {
	x.t.Helper()
	columns, looks, seen := uint16(80), 0, ""
	err := poll(x.t.Context(), func() (bool, error) {
		if strings.Contains(screenText(x), text) {
			return true, nil
		}
		select {
		case <-x.ended:
			return false, errors.New("it has ended")
		default:
		}
		if looks++; looks%redraw != 1 {
			return false, nil
		}
		seen = screenText(x)
		x.clear()
		columns = 80 + 81 - columns
		return false, pty.Setsize(x.master, &pty.Winsize{Cols: columns, Rows: 24})
	})
	if err != nil {
		x.t.Fatalf("%q does not show: %v; the screen has\n%s", text, err, seen)
	}
	x.clear()
}

// redraw is after how many looks a screen is drawn again.
const redraw = 20

// browse starts browse in a directory of its own.
func (w *environment) browse(t *testing.T, dir string, args ...string) *terminal {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(w.path, "kubectl-shareproc"), append([]string{"browse"}, args...)...)
	cmd.Env, cmd.Dir = append(append(os.Environ(), w.env()...), "TERM=xterm"), dir
	return w.startCmd(t, cmd)
}

// A person looks around in a container without a shell, and takes a tree along.
func TestBrowse(t *testing.T) {
	t.Parallel()
	w := testEnvironment(t)
	if err := w.apply(t.Context(), onePod, "web"); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	x := w.browse(t, dir, "web", "/etc")
	x.shows("nginx/")
	x.shows("p processes")

	// A filter, a view, and a place that links lead to.
	x.typed("/passw")
	x.shows("root:x:0:0")
	x.typed("\r")
	x.typed("v")
	x.shows("g G first, last")
	x.typed("q")
	x.shows("/passw   esc shows all")
	x.typed("\x1b")
	x.shows("abs-link.conf@")
	x.typed("g\x15/etc/nginx\r")
	x.shows("mime.types")

	// A process and its files, as lsof says them.
	x.typed("p")
	x.shows("nginx: master process")
	x.typed("\r")
	x.shows("tcp *:80 LISTEN")
	x.typed("q")
	x.shows("P M N sort")
	x.typed("q")
	x.shows("tab other side")

	// A tree comes out as it is there.
	x.typed("h")
	x.shows("abs-link.conf@")
	x.typed("c")
	x.shows("copy nginx to ")
	x.typed("y")
	x.shows("copied 1 entry")
	copied := t.TempDir()
	if out, err := w.plugin(t.Context(), "cp", "web:/etc/nginx", copied, "-q"); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	if out, err := exec.CommandContext(t.Context(), "diff", "-r", filepath.Join(copied, "nginx"), filepath.Join(dir, "nginx")).CombinedOutput(); err != nil {
		t.Errorf("%s: %v", out, err)
	}

	// An edit asks, and is marked.
	x.typed("/passw\r")
	x.shows("/passw   esc shows all")
	x.typed("e")
	x.shows("edit /etc/passwd of the pod?")
	x.typed("n")
	x.shows("nothing was done")
	x.typed("q")
	if code := x.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("it left %v, %v", entries, err)
	}
}

// Two pods stand beside each other, and what is asked about each goes over the connection that browsing has; copies have another one.
func TestBrowseTwoPods(t *testing.T) {
	t.Parallel()
	w := testEnvironment(t)
	other := strings.ReplaceAll(onePod, "name: web", "name: web-1")
	if err := errors.Join(w.apply(t.Context(), onePod, "web"), w.apply(t.Context(), other, "web-1")); err != nil {
		t.Fatal(err)
	}
	for _, pod := range []string{"web", "web-1"} {
		if out, err := w.plugin(t.Context(), "fs", pod); err != nil {
			t.Fatalf("%s: %v", out, err)
		}
	}
	c := w.count(t)
	x := w.browse(t, t.TempDir(), "web", "web-1", "/etc")
	x.shows("pod/web-1 nginx")
	x.typed("=")
	x.shows("entries marked")
	x.typed("p")
	x.shows("nginx: master process")
	for key, text := range map[string]string{"\r": "tcp *:80 LISTEN", "s": "LISTEN", "e": "SOURCE", "t": "WAITS-ON"} {
		x.typed(key)
		x.shows(text)
		x.typed("q")
		x.shows("P M N sort")
	}
	x.typed("q")
	x.shows("tab other side")

	// The process's own directory, a way back, and a path that is completed.
	x.typed("P")
	x.shows("enter goes there")
	x.shows("1 nginx: master")
	x.typed("j\r")
	x.shows("pod/web nginx 1 nginx")
	x.typed("g\x15/etc/ngi\t")
	x.shows("go to: /etc/nginx/")
	x.typed("\r")
	x.shows("mime.types")
	if got := execs(c.take()); got["web"] != 1 || got["web-1"] != 1 {
		t.Errorf("%v commands were run in the pods to look at them", got)
	}

	// From pod to pod, with what has come said to be verified.
	x.typed("/mime\rc")
	x.shows("copy mime.types to /etc of pod/web-1")
	x.typed("y")
	x.shows("verified")
	if got := execs(c.take()); got["web"] != 1 || got["web-1"] != 1 {
		t.Errorf("%v commands were run in the pods to copy", got)
	}
	x.typed("q")
	if code := x.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	a, err := w.plugin(t.Context(), "fs", "checksum", "web", "/etc/nginx/mime.types")
	b, err2 := w.plugin(t.Context(), "fs", "checksum", "web-1", "/etc/mime.types")
	if err := errors.Join(err, err2); err != nil || strings.Fields(a)[0] != strings.Fields(b)[0] {
		t.Errorf("%q and %q, %v", a, b, err)
	}
}

// execs counts the commands that were run in each pod.
func execs(requests []string) map[string]int {
	count := map[string]int{}
	for _, r := range requests {
		if _, path, _ := strings.Cut(r, " "); strings.HasSuffix(path, "/exec") {
			count[strings.TrimSuffix(strings.TrimPrefix(path, "pods/"), "/exec")]++
		}
	}
	return count
}

// A container that ends under the screen and starts again is opened again, where the user was.
func TestBrowseSurvivesItsContainer(t *testing.T) {
	t.Parallel()
	w := testEnvironment(t)
	if err := w.apply(t.Context(), onePod, "web"); err != nil {
		t.Fatal(err)
	}
	x := w.browse(t, t.TempDir(), "web", "/etc/nginx")
	x.shows("mime.types")
	if out, err := w.plugin(t.Context(), "signal", "web", "1", "QUIT"); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	x.shows("has started again")
	x.shows("mime.types")
	x.typed("h")
	x.shows("abs-link.conf@")
	x.typed("q")
	if code := x.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// Whatever ends the screen, the terminal is as it was.
func TestBrowseEnds(t *testing.T) {
	t.Parallel()
	w := testEnvironment(t)
	if err := w.apply(t.Context(), onePod, "web"); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		do   func(*environment, *terminal) error
		code int
	}{
		"q": {byTyping("q"), 0}, "Ctrl-C": {byTyping("\x03"), 0}, "SIGTERM": {bySignal(syscall.SIGTERM), 130}, "SIGHUP": {bySignal(syscall.SIGHUP), 130},
	} {
		x := w.browse(t, t.TempDir(), "web")
		x.shows("tab other side")
		if err := c.do(w, x); err != nil {
			t.Fatal(err)
		}
		if code := x.exit(); code != c.code {
			t.Errorf("%s: exit code %d, want %d", name, code, c.code)
		}
		if !strings.Contains(x.seen(), "\x1b[?1049l") {
			t.Errorf("%s: the other screen is not left", name)
		}
	}
}

// A network that goes away without a word is noticed, and once it is back the screen goes on where it was.
func TestBrowseWithoutNetwork(t *testing.T) {
	full(t)
	t.Parallel()
	w := testEnvironment(t)
	if err := w.apply(t.Context(), onePod, "web"); err != nil {
		t.Fatal(err)
	}
	h := newHole(t, w)
	x := w.browse(t, t.TempDir(), "web", "/etc/nginx", "--server", h.url)
	x.shows("mime.types")
	h.swallow.Store(true)
	x.shows("connection lost; trying again")
	x.shows("mime.types")
	h.swallow.Store(false)
	x.shows("connected again")
	x.typed("h")
	x.shows("abs-link.conf@")
	x.typed("q")
	if code := x.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

const browsePicture = "../../docs/browse.svg"

// TestBrowsePicture draws what the guide shows, and compares it. "make picture" updates it.
func TestBrowsePicture(t *testing.T) {
	t.Parallel()
	w := testEnvironment(t)
	if err := w.apply(t.Context(), strings.ReplaceAll(onePod, "name: web", "name: nginx"), "nginx"); err != nil {
		t.Fatal(err)
	}
	if out, err := w.plugin(t.Context(), "debug", "nginx", "-q", "--", "sh", "-c", "echo '# by hand' >>/proc/1/root/etc/nginx/nginx.conf"); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	x := w.browse(t, t.TempDir(), "nginx", "/etc/nginx")
	x.shows("+nginx.conf")
	x.typed("jj")
	x.shows("changed or created since the start")
	x.shows("worker_processes") // the facts come before the bytes
	if err := pty.Setsize(x.master, &pty.Winsize{Cols: pictureCols, Rows: 18}); err != nil {
		t.Fatal(err)
	}
	x.expect("\x1b[H\x1b[2J")
	ready := func() (bool, error) {
		return strings.Contains(x.text(), "worker_processes") && strings.Contains(x.text(), "q quit"), nil
	}
	err := poll(t.Context(), ready)
	if err != nil {
		t.Fatal(err)
	}
	s := screen{cols: pictureCols}
	s.write(x.text())
	x.typed("q")
	x.exit()
	if *updatePicture {
		if err := os.WriteFile(browsePicture, []byte(s.svg("A container's files in kubectl shareproc browse")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	drawn, err := os.ReadFile(browsePicture)
	if err != nil {
		t.Fatal(err)
	}
	if line := missing(svgLines(t, drawn), s.lines()); line != "" {
		t.Errorf("the picture shows %q, and the screen\n%s\n(make picture updates it)", line, strings.Join(s.lines(), "\n"))
	}
}
