// SPDX-License-Identifier: Apache-2.0

//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Command lines are read by every process of the pod, so what is looked for and where is in none.
func TestCommandLinesSayNothingOfTheQuestion(t *testing.T) {
	full(t)
	fromEnvironment(t)
	t.Parallel()
	h := newHostilePod(t, restricted())
	h.in("app", nil, hostileProgram, "tree", "/data/asked-directory", "3000")
	h.in("app", nil, "sh", "-c", `echo "$1" >/data/asked-directory/match`, "sh", "hunter2-pattern")
	stop := h.attack("hunter2-pattern\tasked-directory\n", "cmdline")
	for _, args := range [][]string{
		{"fs", "grep", "-F", "-r", "hunter2-pattern", "web", "/data/asked-directory", "-c", "app", "-q"},
		{"fs", "grep", "-r", "-i", "hunter2-pattern", "web", "/data/asked-directory", "-c", "app", "-q"},
		{"fs", "checksum", "-R", "web", "/data/asked-directory", "-c", "app", "-q"},
		{"cp", "web:/data/asked-directory", t.TempDir(), "-c", "app", "-q"},
	} {
		if o := h.try(nil, args...); o.code != 0 {
			t.Error(o.stderr)
		}
	}
	if lines := stop(); len(lines) > 0 {
		t.Errorf("the target reads %d command lines with that in it, such as %.300s", len(lines), lines[len(lines)-1])
	}
}

// What ends an answer is nothing that the target can read, also where the helper is of its own user.
func TestEnvironmentHoldsNoMark(t *testing.T) {
	full(t)
	fromEnvironment(t)
	t.Parallel()
	h := newHostilePod(t, restricted())
	h.in("app", nil, hostileProgram, "tree", "/data/t", "3000")
	if o := h.try(nil, "fs", "web", "/data", "-c", "app", "-q"); o.code != 0 {
		t.Fatal(o.stderr)
	}
	// What the pod gave the helper is in its description, and the number of a session ends no answer.
	given := map[string]bool{}
	for variable := range strings.SplitSeq(h.in("app", nil, "cat", "/proc/"+h.pid("")+"/environ"), "\x00") {
		given[variable] = true
	}
	if len(given) < 3 {
		t.Fatalf("the target reads %d variables of the helper, so this shows nothing", len(given))
	}
	stop := h.attack("", "environ")
	for _, args := range [][]string{
		{"fs", "grep", "-r", "line", "web", "/data/t", "-c", "app", "-q"},
		{"fs", "checksum", "-R", "web", "/data/t", "-c", "app", "-q"},
		{"cp", "web:/data/t", t.TempDir(), "-c", "app", "-q"},
	} {
		if o := h.try(nil, args...); o.code != 0 {
			t.Error(o.stderr)
		}
	}
	// Marks are long words of base32 or hexadecimal digits.
	random := regexp.MustCompile(`\b([A-Z2-7]{20,}|[0-9a-f]{20,})\b`)
	for _, line := range stop() {
		variable, err := strconv.Unquote(line)
		if err != nil {
			t.Fatal(err)
		}
		if name, value, _ := strings.Cut(variable, "="); !given[variable] && name != "SHAREPROC_SESSION" && random.MatchString(value) {
			t.Errorf("the target reads %s=%.100q", name, value)
		}
	}
}

// What is typed is written down nowhere: neither in the helper, where the next user would find it, nor in the target.
// busybox's ash does that by default (Debian's build does not, so the variable that prevents it is looked at, too).
func TestShellsKeepNoHistory(t *testing.T) {
	full(t)
	fromEnvironment(t)
	t.Parallel()
	h := newHostilePod(t, root())
	helper := h.debug()
	for _, args := range [][]string{{"debug", "web", "-c", "app"}, {"debug", "web", "-c", "app", "--root"}, {"debug", "web", "-c", "app", "--persist"}} {
		x := h.start(t, args...)
		x.expect("# ")
		x.typed("password=hunter2; echo \"history=<$HISTFILE>\"\r")
		x.expect("history=<")
		x.expect("history=<")
		x.typed("exit\r")
		x.exit()
		if screen := x.whole(); !strings.Contains(screen, "history=<>") {
			t.Errorf("%q: history is kept: %q", args, screen)
		}
	}
	for _, container := range []string{"app", helper} {
		if found := h.in(container, nil, "find", "/", "-xdev", "-name", ".ash_history"); found != "" {
			t.Errorf("%s has %s", container, found)
		}
	}
}

// A file that another user of this machine put under the name of what is not finished is not taken over by cp: neither
// its owner, nor its other names, nor what it leads to.
func TestPartialFileOfAnotherUserIsNotTaken(t *testing.T) {
	full(t)
	fromEnvironment(t)
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make files of another user")
	}
	const other = 1000
	h := newHostilePod(t, restricted())
	h.in("app", nil, "sh", "-c", "echo sealed >/data/sealed")
	shared, theirs := filepath.Join(t.TempDir(), "shared"), filepath.Join(t.TempDir(), "theirs")
	if err := os.Mkdir(shared, 0o777); err != nil {
		t.Fatal(err)
	}
	dest := filepath.Join(shared, "new")
	args := []string{"cp", "--resume", "web:/data/sealed", dest, "-c", "app", "-q"}
	names := created(t, shared, func() {
		if o := h.try(nil, args...); o.code != 0 {
			t.Fatal(o.stderr)
		}
	})
	for how, plant := range map[string]func(path string) error{
		"a file":      func(path string) error { return os.WriteFile(path, nil, 0o666) },
		"a directory": func(path string) error { return os.Mkdir(path, 0o777) },
		"a hard link": func(path string) error { return os.Link(theirs, path) },
		"a link":      func(path string) error { return os.Symlink(theirs, path) },
	} {
		for _, path := range []string{theirs, dest} {
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(theirs, []byte("theirs\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			path := filepath.Join(shared, name)
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			if err := plant(path); err != nil {
				t.Fatal(err)
			}
			if err := os.Lchown(path, other, other); err != nil {
				t.Fatal(err)
			}
		}
		o := h.try(nil, args...)
		if text, err := os.ReadFile(theirs); err != nil || string(text) != "theirs\n" {
			t.Errorf("%s: the other user's file has %q, %v", how, text, err)
		}
		var st unix.Stat_t
		switch err := unix.Lstat(dest, &st); {
		case err != nil && o.code == 0:
			t.Errorf("%s: exit code 0, and %v", how, err)
		case err == nil && (st.Uid != 0 || st.Nlink != 1 || st.Mode&unix.S_IFMT != unix.S_IFREG || st.Mode&0o022 != 0):
			t.Errorf("%s: exit code %d; what came belongs to user %d, with %d names and mode %o", how, o.code, st.Uid, st.Nlink, st.Mode)
		}
	}
}

// created are the temporary names that are made in a directory.
func created(t *testing.T, dir string, during func()) []string {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_CREATE|unix.IN_MOVED_TO); err != nil {
		t.Fatal(err)
	}
	during()
	events := make([]byte, 64<<10)
	n, err := unix.Read(fd, events)
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`\.shareproc-[A-Za-z0-9._-]+`).FindAllString(string(events[:n]), -1)
}
