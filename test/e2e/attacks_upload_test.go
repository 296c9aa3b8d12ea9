// SPDX-License-Identifier: Apache-2.0

//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/diff"
)

// An upload is a command that writes to the directory dir of the target, where app.conf is.
type upload struct {
	name string
	// where target leads, and when the temporary name is exchanged for a link to there.
	target, when string
	env          []string
	args         func(local, dir string) []string
	// result is what it writes, and text what that has then.
	result, text string
}

func uploads(helper, side string) []upload {
	edit := func(target, when string) upload {
		return upload{"edit", target, when, []string{"EDITOR=sed -i s/before/after/"}, func(_, dir string) []string {
			return []string{"fs", "edit", "web", dir + "/app.conf", "-c", "app"}
		}, "app.conf", "after\n"}
	}
	file := func(target, when string, flags ...string) upload {
		return upload{"cp" + strings.Join(flags, ""), target, when, nil, func(local, dir string) []string {
			return append([]string{"cp", filepath.Join(local, "new"), "web:" + dir + "/", "-c", "app"}, flags...)
		}, "new", "new\n"}
	}
	tree := func(target, when string) upload {
		return upload{"cp of a tree", target, when, nil, func(local, dir string) []string {
			return []string{"cp", filepath.Join(local, "tree"), "web:" + dir + "/", "-c", "app"}
		}, "tree/busybox", "uploaded\n"}
	}
	bin := "/proc/" + helper + "/root/bin"
	return []upload{
		edit("/etc/passwd", "read"),
		edit("/proc/"+side+"/root/etc/sealed", "read"),
		edit("/proc/"+side+"/root/etc/sealed", "written"),
		edit("/etc/passwd", "inside"),
		file("/etc/passwd", "read"),
		file("/etc/passwd", "create", "--resume"),
		file(bin+"/busybox", "inside"),
		tree(bin, "create"),
		tree(bin, "inside"),
	}
}

// What is written into a directory of the target's goes there or nowhere, whatever links the target puts in the place of
// temporary names. CVE-2018-15664 is that attack on docker cp.
func TestUploadsFollowNoLinkOfTheTarget(t *testing.T) {
	full(t)
	fromEnvironment(t)
	t.Parallel()
	for name, spec := range map[string]hostileSpec{"restricted": restricted(), "daemon": daemonized()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec.shared = true
			h := newHostilePod(t, spec)
			helper := h.debug()
			local := t.TempDir()
			for name, text := range map[string]string{"new": "new\n", "tree/busybox": "uploaded\n"} {
				path := filepath.Join(local, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			h.in("app", nil, "sh", "-c", `for i in 0 1 2 3 4 5 6 7 8 9; do mkdir "/data/$i" && echo before >"/data/$i/app.conf" || exit; done
				[ "$(id -u)" != 0 ] || chown -R 1000:1000 /data/*`)
			exchanged, before := 0, h.facts(helper)
			for i, u := range uploads(h.pid(""), h.pid("sleep 98712")) {
				what := u.name + ", exchanged for " + u.target + " when " + u.when
				exchanged += h.withstand(u, what, local, "/data/"+strconv.Itoa(i))
				after := h.facts(helper)
				if after != before {
					t.Errorf("%s: changed what is outside of the destination:\n%s", what, diff.Diff("before", []byte(before), "after", []byte(after)))
				}
				before = after
			}
			if exchanged == 0 {
				t.Error("nothing was exchanged: no attack took place")
			}
		})
	}
}

// withstand makes one upload under attack, and returns how many names were exchanged.
func (h *hostilePod) withstand(u upload, what, local, dir string) int {
	h.t.Helper()
	stop := h.attack("", "swap-file", dir, u.target, u.when)
	o := h.try(append(u.env, "TMPDIR="+local), u.args(local, dir)...)
	said := stop()
	got := h.in("app", nil, "sh", "-c", `[ ! -e "$1" ] && [ ! -L "$1" ] || { [ -f "$1" ] && [ ! -L "$1" ] && cat "$1"; } || echo is no file`, "sh", dir+"/"+u.result)
	was := map[bool]string{true: "before\n"}[u.result == "app.conf"]
	if got != u.text && (o.code == 0 || got != was) {
		h.t.Errorf("%s: exit code %d, and %s has %q\n%s", what, o.code, u.result, got, o.stderr)
	}
	n := 0
	for _, line := range said {
		if strings.HasPrefix(line, "swapped ") {
			n++
		}
	}
	h.t.Logf("%s: exit code %d, %d exchanged: %s", what, o.code, n, strings.TrimSpace(o.stderr))
	return n
}

// facts are owner, mode, size, time and checksum of what no upload may touch.
func (h *hostilePod) facts(helper string) string {
	h.t.Helper()
	const look = `for f; do stat -c '%n %u:%g %a %s %Y %F' "$f"; [ ! -f "$f" ] || sha1sum <"$f"; done`
	of := func(container string, paths ...string) string {
		return container + ":\n" + h.in(container, nil, append([]string{"sh", "-c", look, "sh"}, paths...)...)
	}
	own := of(helper, "/bin", "/bin/busybox", "/bin/sh", "/etc/passwd")
	return own + of("app", "/etc/passwd") + of("side", "/etc/passwd", "/etc/sealed")
}
