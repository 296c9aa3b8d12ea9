// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
)

// mostReads is how many files are read at once: each holds a window.
const mostReads = 8

// A handler answers whoever knows its token.
type handler struct {
	ctx   context.Context //nolint:containedctx // a window is read to its end, whether or not the client waits
	end   context.CancelCauseFunc
	tree  tree
	base  string // what "/" is, physical
	title string
	token string
	hosts []string
	uses  *uses
	reads chan struct{}
}

func newHandler(ctx context.Context, end context.CancelCauseFunc, t tree, base, address string) *handler {
	_, port, _ := net.SplitHostPort(address)
	return &handler{
		ctx: ctx, end: end, tree: t, base: base, token: newToken(), hosts: []string{address, "localhost:" + port},
		uses: newUses(0, nil), reads: make(chan struct{}, mostReads),
	}
}

// url is what the user opens.
func (h *handler) url() string { return "http://" + h.hosts[0] + h.prefix() + "/" }

func (h *handler) prefix() string { return "/" + h.token }

// readOnly are the methods that change nothing.
const readOnly = "OPTIONS, GET, HEAD, PROPFIND"

// ServeHTTP says no to whatever does not know the token, comes by another name, or would change something.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer h.caught()
	secure(w.Header())
	name, ours := h.below(r.URL.Path)
	switch {
	case !h.named(r.Host):
		// A page of somebody else's whose name leads here by now (DNS rebinding).
		say(w, http.StatusMisdirectedRequest, "no such host")
	case !ours:
		say(w, http.StatusNotFound, "not found")
	case r.Method == http.MethodOptions:
		// Class 1 is without locks: file managers take that for read-only.
		w.Header().Set("Allow", readOnly)
		w.Header().Set("DAV", "1")
		w.Header().Set("MS-Author-Via", "DAV")
	case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != "PROPFIND":
		w.Header().Set("Allow", readOnly)
		say(w, http.StatusMethodNotAllowed, "read-only")
	default:
		defer h.uses.begin()()
		h.answer(w, r, name)
	}
}

// caught hands a mistake of ours to main, which reports it; net/http would only drop the connection.
func (h *handler) caught() {
	switch p := recover(); {
	case p == nil:
	case p == any(http.ErrAbortHandler):
		panic(p)
	default:
		h.end(crash.New(p))
	}
}

// secure has no script run, and nobody else learn the token or read an answer.
func secure(header http.Header) {
	header.Set("Content-Security-Policy", "default-src 'none'; img-src 'self'; media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Cache-Control", "no-store")
}

func (h *handler) named(host string) bool {
	for _, own := range h.hosts {
		if strings.EqualFold(host, own) {
			return true
		}
	}
	return false
}

// below takes the token off a path. What is left is clean, and leads nowhere above.
func (h *handler) below(name string) (string, bool) {
	token, rest, slash := strings.Cut(strings.TrimPrefix(name, "/"), "/")
	if subtle.ConstantTimeCompare([]byte(token), []byte(h.token)) != 1 {
		return "", false
	}
	if !slash {
		return "", true
	}
	clean := path.Clean("/" + rest)
	if strings.HasSuffix(rest, "/") && clean != "/" {
		clean += "/"
	}
	return clean, true
}

// answer answers about a name below the base.
func (h *handler) answer(w http.ResponseWriter, r *http.Request, name string) {
	info, err := h.tree.Stat(h.ctx, h.path(name), true)
	if err == nil && h.tree.Kernel(info.Path) {
		err = errKernel
	}
	switch {
	case err != nil:
		h.fail(w, err)
	case r.Method == "PROPFIND":
		propfind(h, w, r, name, info)
	case info.FileMode().IsDir() && !strings.HasSuffix(name, "/"):
		w.Header().Set("Location", escaped(h.prefix()+name+"/"))
		w.WriteHeader(http.StatusMovedPermanently)
	case info.FileMode().IsDir():
		h.list(w, r, name)
	case !info.FileMode().IsRegular():
		h.fail(w, remote.ErrSpecial)
	default:
		h.send(w, r, info)
	}
}

// path is where a name is in the container.
func (h *handler) path(name string) string { return path.Join(h.base, name) }

// escaped is a path in a URL.
func escaped(name string) string { return (&url.URL{Path: name}).EscapedPath() }

var errKernel = errors.New("kernel files are not served")

// send sends a file or a range of it.
func (h *handler) send(w http.ResponseWriter, r *http.Request, info rootfs.Info) {
	select {
	case h.reads <- struct{}{}:
		defer func() { <-h.reads }()
	case <-r.Context().Done():
		return
	}
	c := &content{ctx: h.ctx, tree: h.tree, file: info}
	kind := typeOf(info.Path)
	if kind == "" {
		var err error
		if kind, err = sniffed(c); err != nil {
			h.fail(w, err)
			return
		}
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("ETag", tag(info.Stat))
	if !shown(kind) {
		w.Header().Set("Content-Disposition", "attachment")
	}
	http.ServeContent(w, r, "", info.Mtime, c)
	if c.failed != nil {
		// The length has been said: a client sees that bytes are missing.
		h.judge(c.failed)
		panic(http.ErrAbortHandler)
	}
}

// tag names a state of a file.
func tag(s *remote.Stat) string {
	return fmt.Sprintf(`"%x-%x-%x-%x"`, s.Dev, s.Ino, s.Size, s.Changed().UnixNano())
}

// fail answers with an error.
func (h *handler) fail(w http.ResponseWriter, err error) {
	code := http.StatusInternalServerError
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, remote.ErrNotDirectory):
		code = http.StatusNotFound
	case errors.Is(err, fs.ErrPermission), errors.Is(err, remote.ErrSpecial), errors.Is(err, errKernel):
		code = http.StatusForbidden
	case errors.Is(err, remote.ErrNameTooLong):
		code = http.StatusRequestURITooLong
	case transfer.IsBroken(err), errors.Is(err, remote.ErrStuck):
		code = http.StatusBadGateway
	}
	var cause *fs.PathError
	if errors.As(err, &cause) {
		err = cause.Err
	}
	say(w, code, err.Error())
	h.judge(err)
}

// judge ends the server where no request will be answered any more.
func (h *handler) judge(err error) {
	if !transfer.IsBroken(err) && files.GoesFor(err) {
		h.end(err)
	}
}

// say answers with a line of text.
func say(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	fmt.Fprintln(w, output.EscapeLine(cmp.Or(text, http.StatusText(code))))
}
