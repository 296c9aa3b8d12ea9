// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"io"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
)

//go:embed page.css
var style string

// policy is a listing's: it has no script, and its style is known by its sum.
func policy() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// A listing is what a page shows of a directory.
type listing struct {
	title string
	path  string
	above []crumb
	sort  string
	up    bool
	rows  []row
	count string
}

// A crumb is a directory on the way.
type crumb struct{ name, link string }

// A row is an entry. Without a link it is not opened.
type row struct {
	name, link, kind, target string
	size, bytes              string
	time, second             string
	mode, owner              string
	note                     string
	stat                     *remote.Stat
}

// list shows a directory.
func (h *handler) list(w http.ResponseWriter, r *http.Request, name string) {
	info, entries, err := h.tree.ReadDir(h.ctx, h.path(name))
	if err != nil {
		h.fail(w, err)
		return
	}
	l := listing{
		title: h.title, path: remote.Escape(info.Path), above: above(h, name), up: name != "/", sort: r.URL.Query().Get("sort"),
		count: output.Plural(len(entries), "entry", "entries"),
	}
	for _, e := range entries {
		l.rows = append(l.rows, newRow(h, path.Join(h.path(name), e.Name()), e))
	}
	arrange(l.rows, l.sort)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", policy())
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, l.html()) // the client may be gone
	}
}

// above are the directories from the base to this one.
func above(h *handler, name string) []crumb {
	all := []crumb{{remote.Escape(h.base), escaped(h.prefix() + "/")}}
	at := "/"
	for part := range strings.SplitSeq(strings.Trim(name, "/"), "/") {
		if part != "" {
			at += part + "/"
			all = append(all, crumb{remote.Escape(part), escaped(h.prefix() + at)})
		}
	}
	return all
}

// newRow describes an entry.
func newRow(h *handler, at string, e rootfs.Entry) row {
	out := row{name: remote.Escape(e.Name()), kind: "unknown", size: "?", time: "?", mode: "?", owner: "?", stat: e.Stat()}
	s := e.Stat()
	if s == nil {
		out.note = "cannot be read"
		return out
	}
	link := "./" + (&pathSegment{e.Name()}).escaped()
	out.mode, out.owner, out.kind = files.ModeString(s), files.Owner(s.User, s.UID)+":"+files.Owner(s.Group, s.GID), files.KindOf(s.FileMode())
	out.time, out.second = s.Mtime.Local().Format("2006-01-02 15:04"), s.Mtime.Local().Format("2006-01-02 15:04:05 -0700")
	out.size, out.bytes = output.HumanBytes(s.Size), strconv.FormatInt(s.Size, 10)+" bytes"
	switch s.FileMode().Type() {
	case 0:
		out.link = link
	case fs.ModeDir:
		out.link, out.size, out.bytes = link+"/", "", ""
	case fs.ModeSymlink:
		out.link, out.target, out.size, out.bytes = link, remote.Escape(s.LinkTarget), "", ""
	default:
		out.note, out.size, out.bytes = out.kind, "", ""
	}
	if h.tree.Kernel(at) {
		out.link, out.note = "", "kernel files"
	}
	return out
}

// A pathSegment is one name in a URL.
type pathSegment struct{ name string }

func (p *pathSegment) escaped() string {
	return strings.ReplaceAll(escaped("/" + p.name)[1:], ":", "%3A")
}

// arrange sorts rows: directories first by name; by size and time what is largest and newest.
func arrange(rows []row, by string) {
	slices.SortStableFunc(rows, func(a, b row) int {
		switch {
		case by == "size" && a.stat != nil && b.stat != nil:
			return cmp.Compare(length(b.stat), length(a.stat))
		case by == "time" && a.stat != nil && b.stat != nil:
			return b.stat.Mtime.Compare(a.stat.Mtime)
		case by != "size" && by != "time" && a.kind == directory && b.kind != directory:
			return -1
		case by != "size" && by != "time" && a.kind != directory && b.kind == directory:
			return 1
		}
		return 0
	})
}

// length is a file's; what is no file comes behind the empty ones.
func length(s *remote.Stat) int64 {
	if !s.FileMode().IsRegular() {
		return -1
	}
	return s.Size
}
