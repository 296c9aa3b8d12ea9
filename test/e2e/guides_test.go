// SPDX-License-Identifier: Apache-2.0

//go:build unix

package e2e

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

// command is a command line of a document, what is typed into the shell that it opens, and what is then on the screen.
type command struct {
	line  string
	typed []string
	shows []string
	cols  uint16 // how wide the terminal is; 0 is wide enough
}

var (
	// A shell of the document's own machine, and one in a container, whose prompt has its working directory.
	outer = regexp.MustCompile(`^\$ (.*)$`)
	inner = regexp.MustCompile(`^((?:\S+\(\S+\) )?/\S*) [#$] (.*)$`)
	// asks is a shell that waits for a command. When the terminal's size comes late it draws its prompt once more.
	asks = regexp.MustCompile(`(^|\n)((?:\S+\(\S+\) )?/\S* [#$] )+$`)
)

// consoleCommands reads the ```console blocks of a document.
func consoleCommands(text string) []command {
	var list []command
	inside := false
	for line := range strings.SplitSeq(text, "\n") {
		switch fence := strings.HasPrefix(line, "```"); {
		case fence:
			inside = line == "```console"
		case !inside:
		case outer.MatchString(line):
			list = append(list, command{line: outer.FindStringSubmatch(line)[1]})
		case len(list) > 0:
			c := &list[len(list)-1]
			if typed := inner.FindStringSubmatch(line); typed != nil {
				c.typed = append(c.typed, typed[2])
			}
			c.shows = append(c.shows, line)
		}
	}
	return list
}

// differs from run to run: names that are made up, times, sizes, numbers of processes; the images of this cluster; spaces.
var volatile = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`shareproc-e2e-[a-z0-9]{5}`), "shop"},
	{regexp.MustCompile(`shareproc-[a-z0-9]{5}\b`), "shareproc-#"},
	{regexp.MustCompile(`web-[a-z0-9]{8,10}-[a-z0-9]{5}\b`), "web-#"},
	{regexp.MustCompile(`[0-9a-f]{12,}`), "#"},
	{regexp.MustCompile(`\d+#\d+: `), "N#N: "}, // nginx's process and thread
	{regexp.MustCompile(`docker\.io/local/busybox:1\b`), "busybox:1.37.0-musl"},
	{regexp.MustCompile(`BusyBox v[\d.]+ \(.*?\) `), "BusyBox "},
	{regexp.MustCompile(`\d{4}[-/]\d\d[-/]\d\d`), "DATE"},
	{regexp.MustCompile(`\d\d:\d\d(:\d\d)?`), "TIME"},
	{regexp.MustCompile(`\b\d+(\.\d+)?[KMG]\b`), "SIZE"},
	{regexp.MustCompile(`\b(\d+[hms])+\b`), "AGE"},
	{regexp.MustCompile(`PIDs? \d+(, \d+)*( and \d+ more)?`), "PID N"},
	{regexp.MustCompile(`^\s*\d+\s`), "N "},
	{regexp.MustCompile(`\s+`), " "},
}

func constant(line string) string {
	for _, v := range volatile {
		line = v.what.ReplaceAllString(line, v.with)
	}
	return strings.TrimSpace(line)
}

// missing is the first line of want that got has not, in order; "..." stands for any lines. "" means that all is as it should.
func missing(want, got []string) string {
	skip, at := false, 0
	for _, line := range want {
		if strings.TrimSpace(line) == "..." {
			skip = true
			continue
		}
		next := slices.IndexFunc(got[at:], func(g string) bool { return alike(constant(line), constant(g)) })
		if next < 0 || next > 0 && !skip {
			return line
		}
		at += next + 1
		skip = false
	}
	if at < len(got) && !skip {
		return "the end, instead of " + got[at]
	}
	return ""
}

// alike compares two lines; "..." in the one that is wanted stands for anything.
func alike(want, got string) bool {
	parts := strings.Split(want, "...")
	for i, part := range parts {
		at := strings.Index(got, part)
		if i == len(parts)-1 && i > 0 {
			at = strings.LastIndex(got, part)
		}
		if at < 0 || i == 0 && at > 0 {
			return false
		}
		got = got[at+len(part):]
	}
	return got == ""
}

// screenLines are the lines that a terminal shows in the end; however long, none is broken.
func screenLines(text string) []string {
	s := screen{cols: len(text)}
	s.write(text)
	lines := s.lines()
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// beforeGuides is what a guide takes for granted beside the pods that it names.
var beforeGuides = map[string][]string{
	"non-root.md": {"kubectl label namespace $NS pod-security.kubernetes.io/enforce=restricted"},
}

// TestGuides types every command line of every guide's console blocks, in order, and compares what shows with what is written.
func TestGuides(t *testing.T) {
	full(t)
	fromEnvironment(t)
	t.Parallel()
	files, err := filepath.Glob("../../docs/guide/*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("no guides: %v", err)
	}
	for _, file := range append(files, "../../README.md") {
		t.Run(filepath.Base(filepath.Dir(file))+"-"+filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			runGuide(t, filepath.Base(file), string(text))
		})
	}
}

func runGuide(t *testing.T, name, text string) {
	t.Helper()
	before := beforeGuides[name]
	list := consoleCommands(text)
	if len(list) == 0 {
		return // prose alone
	}
	w := testEnvironment(t)
	switch name {
	case "from-alert-to-cause.md":
		w.setTroubles(t)
	case "heap-dump.md":
		image := w.setJava(t)
		for i := range list {
			list[i].line = strings.ReplaceAll(list[i].line, "eclipse-temurin:21-jdk", image)
		}
	}
	dir := t.TempDir()
	w.setTable(t, dir)
	docs, err := filepath.Abs("../../docs")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(docs, filepath.Join(dir, "docs")); err != nil {
		t.Fatal(err)
	}
	lines := slices.Clone(before)
	for _, c := range list {
		lines = append(lines, c.line)
	}
	for _, line := range before {
		w.typed(t, dir, 0, command{line: line})
	}
	w.setPods(t, strings.Join(lines, "\n"))
	user, err := w.kubectl(t.Context(), "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
	if err != nil || user == "" {
		t.Fatalf("who am I: %q, %v", user, err)
	}
	last := 0
	for i, c := range list {
		code, screen := w.typed(t, dir, last, c)
		screen = strings.ReplaceAll(screen, user, "admin")
		reported := i+1 < len(list) && list[i+1].line == "echo $?" || strings.Contains(c.line, " fs diff ")
		failed := slices.ContainsFunc(c.shows, func(s string) bool { return strings.HasPrefix(s, "error:") })
		if !reported && failed != (code != 0) {
			t.Errorf("$ %s\nexit code %d", c.line, code)
		}
		if line := missing(c.shows, screenLines(screen)); line != "" {
			t.Errorf("$ %s\nthe screen does not show %q, but\n%s", c.line, line, strings.Join(screenLines(screen), "\n"))
		}
		last = code
	}
}

// setTroubles makes the pods of the script in which each has its trouble.
func (w *environment) setTroubles(t *testing.T) {
	t.Helper()
	script, err := os.ReadFile("smoke/report.txtar")
	if err != nil {
		t.Fatal(err)
	}
	_, manifest, _ := strings.Cut(string(script), "\n-- pods.yaml --\n")
	if _, err := w.kubectl(t.Context(), "create", "configmap", "app", "--from-literal=level=info", "--from-literal=app.conf=a"); err != nil {
		t.Fatal(err)
	}
	names := []string{"busy", "deleted", "leak", "fifo", "peer", "dns", "zombies", "config", "oom", "web-1", "web-2", "web-3"}
	if err := w.apply(t.Context(), manifest, names...); err != nil {
		t.Fatal(err)
	}
	if _, err := w.kubectl(t.Context(), "patch", "configmap", "app", "-p", `{"data":{"level":"debug","app.conf":"b"}}`); err != nil {
		t.Fatal(err)
	}
	if err := poll(t.Context(), func() (bool, error) {
		out, err := w.kubectl(t.Context(), "exec", "oom", "--", "sh", "-c", "cat /sys/fs/cgroup/memory/memory.oom_control /sys/fs/cgroup/memory.events 2>/dev/null; :")
		return err == nil && strings.Contains(out, "oom_kill 1"), nil
	}); err != nil {
		t.Fatal(err)
	}
}

// setJava makes a pod with a JVM of this machine, and returns an image with a JDK.
func (w *environment) setJava(t *testing.T) string {
	t.Helper()
	image := os.Getenv("SHAREPROC_E2E_JDK")
	if image == "" {
		t.Skip("SHAREPROC_E2E_JDK names no image with a JDK that this cluster has")
	}
	directories := findJDK(t, fromEnvironment(t))
	if err := w.apply(t.Context(), directories.Replace(strings.Replace(jvmPod, "name: jvm", "name: java", 1)), "java"); err != nil {
		t.Fatal(err)
	}
	// It compiles the program before it answers.
	if err := poll(t.Context(), func() (bool, error) {
		out, err := w.plugin(t.Context(), "debug", "java", "--image", image, "-q", "--", "jcmd", "1", "VM.version")
		return err == nil && strings.Contains(out, "JDK "), nil
	}); err != nil {
		t.Fatal(err)
	}
	return image
}

// typed runs one command line, after one that ended with the exit code last, and types what it is given into the shell that opens.
func (w *environment) typed(t *testing.T, dir string, last int, c command) (int, string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", fmt.Sprintf("(exit %d)\n%s", last, c.line))
	cmd.Dir = dir
	cmd.Env = w.personEnv(dir)
	x := w.startCmd(t, cmd)
	if err := pty.Setsize(x.master, &pty.Winsize{Cols: cmp.Or(c.cols, 200), Rows: 50}); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(patience())
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for left := c.typed; ; {
		select {
		case <-x.ended:
			if len(left) > 0 {
				t.Errorf("$ %s\nended before %q was typed", c.line, left)
			}
			return x.code(), x.seen()
		case <-deadline:
			t.Fatalf("$ %s\nstill running after %s; the screen has\n%s", c.line, patience(), x.seen())
		case <-ticker.C:
			shown := screenText(x)
			switch {
			case len(left) > 0 && asks.MatchString(shown):
				x.clear()
				x.typed(left[0] + "\r")
				left = left[1:]
			case strings.HasSuffix(shown, "[y/N] "):
				x.clear()
				x.typed("y\r")
			}
		}
	}
}

func screenText(x *terminal) string {
	return strings.ReplaceAll(escapes.ReplaceAllString(x.text(), ""), "\r", "")
}

func (x *terminal) clear() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.screen.Reset()
}

func TestAScreenIsComparedWithWhatIsWritten(t *testing.T) {
	list := consoleCommands("$ not this\n```console\n$ kubectl shareproc debug nginx\nadded helper shareproc-k7c2x\n/ # exit 3\n$ echo $?\n3\n```\n    $ nor this\n")
	if len(list) != 2 || list[0].line != "kubectl shareproc debug nginx" || !slices.Equal(list[0].typed, []string{"exit 3"}) || len(list[0].shows) != 2 {
		t.Fatalf("%+v", list)
	}
	for _, c := range []struct{ want, got, line string }{
		{"a\nb", "a\nb", ""},
		{"added shareproc-k7c2x at 10:00", "added  shareproc-aaaaa at 23:59", ""},
		{"7 nginx 2.7M", "8 nginx 3M", ""},
		{"a\nb", "a\nx\nb", "b"},
		{"a\n...\nb", "a\nx\nb", ""},
		{"a\n...", "a\nx\nb", ""},
		{"...\nb", "b", ""},
		{"a", "a\nb", "the end, instead of b"},
		{"a\nb", "a", "b"},
		{"a\n...\nc", "a\nb", "c"},
		{"user 65534", "user 65535", "user 65534"},
		{"error: ... not found", "error: exec: sh: not found", ""},
		{"error: ... not found", "error: exec: sh: not found here", "error: ... not found"},
		{"see ...", "I see it", "see ..."},
	} {
		if line := missing(strings.Split(c.want, "\n"), strings.Split(c.got, "\n")); line != c.line {
			t.Errorf("%q for %q: %q, want %q", c.got, c.want, line, c.line)
		}
	}
	if got := screenLines("waiting (1s)\r\x1b[Kwaiting (2s)\r\x1b[Kadded\r\n\x1b[32mok\x1b[0m\r\n\r\n"); !slices.Equal(got, []string{"added", "ok"}) {
		t.Errorf("%q", got)
	}
}
