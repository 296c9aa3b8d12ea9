// SPDX-License-Identifier: Apache-2.0

//go:build linux

package e2e

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// What commands that take a whole tree read is what is in that tree, however its directories are exchanged for links,
// also for those that lead out of every root: /proc/PID/root.
func TestReadsStayInsideTheTree(t *testing.T) {
	full(t)
	fromEnvironment(t)
	t.Parallel()
	for name, spec := range map[string]hostileSpec{"restricted": restricted(), "daemon": daemonized()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHostilePod(t, spec)
			helper := h.debug()
			h.in(helper, nil, "sh", "-c", "echo outside >/dev/shm/marker")
			h.in("app", nil, "sh", "-c", `for i in 0 1 2 3 4 5 6 7 8 9; do mkdir -p "$1/d$i" && echo inside >"$1/d$i/marker"; done
				[ "$(id -u)" != 0 ] || chown -R 1000:1000 "$1"`, "sh", "/data/t")
			stop := h.attack("", "swap-dir", "/data/t", "*", "/proc/"+h.pid("")+"/root/dev/shm")
			read := 0
			for range 4 {
				read += h.readInside()
			}
			if said := strings.Join(stop(), " "); !strings.Contains(said, "swapped") || strings.Contains(said, "swapped 0") {
				t.Errorf("no attack took place: %q", said)
			}
			if read == 0 {
				t.Error("nothing was read at all")
			}
		})
	}
}

// readInside reads the tree once in each way, and returns how many readings of a marker there were.
func (h *hostilePod) readInside() int {
	h.t.Helper()
	n := h.lines("grep", func(line string) bool { return strings.HasSuffix(line, "inside\n") }, "fs", "grep", "-r", "side", "web", "/data/t", "-c", "app", "-q")
	n += h.lines("sum", sumsInside, "fs", "checksum", "-R", "web", "/data/t", "-c", "app", "-q")
	if o := h.try(nil, "fs", "tar", "web", "/data/t", "-c", "app", "-q"); strings.Contains(o.stdout, "outside") {
		h.t.Error("tar has a file of the helper's")
	}
	dest := h.t.TempDir()
	h.try(nil, "cp", "web:/data/t", dest, "-c", "app", "-q")
	markers, err := filepath.Glob(filepath.Join(dest, "t", "*", "marker"))
	if err != nil {
		h.t.Fatal(err)
	}
	for _, path := range markers {
		n++
		// A link in the copy leads to a file of this machine, which is none.
		if text, err := os.ReadFile(path); err == nil && string(text) != "inside\n" {
			h.t.Errorf("cp brought %q as %s", text, path)
		}
	}
	return n
}

// sumsInside reports whether a line of sum is of the text that the files of the target have.
func sumsInside(line string) bool {
	return strings.HasPrefix(line, fmt.Sprintf("%x", sha256.Sum256([]byte("inside\n"))))
}

// lines runs the plugin, and returns how many lines it printed. Each has to be right.
func (h *hostilePod) lines(what string, right func(string) bool, args ...string) int {
	h.t.Helper()
	var wrong []string
	n := 0
	for line := range strings.Lines(h.try(nil, args...).stdout) {
		if n++; !right(line) {
			wrong = append(wrong, line)
		}
	}
	if len(wrong) > 0 {
		h.t.Errorf("%s read %d of %d from elsewhere, such as %q", what, len(wrong), n, wrong[0])
	}
	return n
}

// A FIFO is never waited for: a command ends where one took a file's place after the look at it.
func TestReadsEndWhereAFIFOTakesTheFilesPlace(t *testing.T) {
	full(t)
	fromEnvironment(t)
	t.Parallel()
	h := newHostilePod(t, restricted())
	h.in("app", nil, "sh", "-c", `mkdir "$1" && for i in 0 1 2 3 4 5 6 7 8 9; do echo inside >"$1/f$i"; done`, "sh", "/data/t")
	stop := h.attack("", "swap-fifo", "/data/t", "*")
	for range 3 {
		h.lines("sum", sumsInside, "fs", "checksum", "-R", "web", "/data/t", "-c", "app", "-q")
		h.lines("grep", func(line string) bool { return strings.HasSuffix(line, "inside\n") }, "fs", "grep", "-r", "side", "web", "/data/t", "-c", "app", "-q")
		if o := h.try(nil, "fs", "cat", "web", "/data/t/f0", "-c", "app", "-q"); o.code == 0 && o.stdout != "inside\n" {
			t.Errorf("cat read %q, exit code 0", o.stdout)
		}
		h.try(nil, "cp", "web:/data/t", t.TempDir(), "-c", "app", "-q")
	}
	if said := strings.Join(stop(), " "); !strings.Contains(said, "swapped") || strings.Contains(said, "swapped 0") {
		t.Errorf("no attack took place: %q", said)
	}
}

// giant is the size of a sparse file in GiB. giantSaid is how a refusal may put it: in bytes or in a unit.
const giant = 15000

func giantSaid() *regexp.Regexp { return regexp.MustCompile(`16106127360000|15000|14\.6|16\.1`) }

// A file without blocks is one hole, or is refused with its size, and is not read for hours.
func TestSparseGiantIsOneHole(t *testing.T) {
	full(t)
	fromEnvironment(t)
	t.Parallel()
	h := newHostilePod(t, restricted())
	h.in("app", nil, "truncate", "-s", fmt.Sprintf("%dG", giant), "/data/giant")
	local := filepath.Join(t.TempDir(), "giant")
	// Hours are meant, so that any machine is fast enough.
	ctx, cancel := context.WithTimeout(t.Context(), patience())
	defer cancel()
	_, err := h.plugin(ctx, "cp", "web:/data/giant", local, "-c", "app", "-q")
	if ctx.Err() != nil {
		t.Fatal("cp of a file of no blocks has not ended")
	}
	if err != nil {
		if !giantSaid().MatchString(err.Error()) {
			t.Errorf("refused without a word of how large it is: %v", err)
		}
		return
	}
	info, err := os.Stat(local)
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(giant) << 30; info.Size() != want {
		t.Errorf("%d bytes came of %d", info.Size(), want)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Blocks > 2048 {
		t.Errorf("the copy has %d blocks, the file has none", st.Blocks)
	}
}
