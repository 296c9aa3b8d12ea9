// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"bytes"
	"context"
	"encoding/xml"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"time"

	"golang.org/x/net/webdav"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
)

// mostQuestion is how long a question of WebDAV may be.
const mostQuestion = 64 << 10

// endless says that a whole tree is not listed at once (RFC 4918, 9.1).
const endless = `<?xml version="1.0" encoding="utf-8"?><D:error xmlns:D="DAV:"><D:propfind-finite-depth/></D:error>` + "\n"

// propfind answers what a file is, or what is in a directory.
func propfind(h *handler, w http.ResponseWriter, r *http.Request, name string, info rootfs.Info) {
	if depth := r.Header.Get("Depth"); depth != "0" && depth != "1" {
		w.Header().Set("Content-Type", "application/xml; charset=utf-8")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, endless)
		return
	}
	if !served(info.Stat) {
		h.fail(w, remote.ErrSpecial)
		return
	}
	question, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostQuestion))
	if err != nil {
		say(w, http.StatusRequestEntityTooLarge, "too long a question")
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(withoutLocks(question)))
	r.URL.Path = h.prefix() + path.Join("/", name)
	known := &davFiles{handler: h, known: map[string]davInfo{path.Join("/", name): {path.Base(path.Join("/", name)), info.Stat}}}
	(&webdav.Handler{Prefix: h.prefix(), FileSystem: known, LockSystem: webdav.NewMemLS()}).ServeHTTP(w, r)
}

// everything asks for all that there is of a file; a lock is not.
const everything = `<D:propfind xmlns:D="DAV:"><D:prop><D:resourcetype/><D:displayname/><D:getcontentlength/><D:getlastmodified/>` +
	`<D:getcontenttype/><D:getetag/></D:prop></D:propfind>`

// withoutLocks has a question for everything name what there is.
func withoutLocks(question []byte) []byte {
	var q struct {
		XMLName xml.Name  `xml:"DAV: propfind"`
		All     *struct{} `xml:"DAV: allprop"`
		Prop    *struct{} `xml:"DAV: prop"`
		Names   *struct{} `xml:"DAV: propname"`
	}
	err := xml.Unmarshal(question, &q)
	if len(question) == 0 || err == nil && q.All != nil && q.Prop == nil && q.Names == nil {
		return []byte(everything)
	}
	return question
}

// served reports whether a file is one that WebDAV knows: others would be opened by whoever copies a directory.
func served(s *remote.Stat) bool {
	return s != nil && (s.FileMode().IsDir() || s.FileMode().IsRegular())
}

// davFiles are the files that one request is about: a directory is listed once, whatever is asked about what is in it.
type davFiles struct {
	*handler
	known map[string]davInfo
}

// Stat is webdav.FileSystem's.
func (d *davFiles) Stat(_ context.Context, name string) (os.FileInfo, error) {
	if info, ok := d.known[path.Join("/", name)]; ok {
		return info, nil
	}
	return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
}

// OpenFile is webdav.FileSystem's. Nothing is opened to answer a PROPFIND.
func (d *davFiles) OpenFile(ctx context.Context, name string, _ int, _ os.FileMode) (webdav.File, error) {
	info, err := d.Stat(ctx, name)
	if err != nil {
		return nil, err
	}
	return davFile{files: d, name: path.Join("/", name), info: info}, nil
}

// Mkdir is not allowed.
func (d *davFiles) Mkdir(context.Context, string, os.FileMode) error { return fs.ErrPermission }

// RemoveAll is not allowed.
func (d *davFiles) RemoveAll(context.Context, string) error { return fs.ErrPermission }

// Rename is not allowed.
func (d *davFiles) Rename(context.Context, string, string) error { return fs.ErrPermission }

// mostLinks is how many links of a directory are followed: each is a question.
const mostLinks = 200

// list gives what is in a directory, links followed. What leads nowhere, and what would not be served, is left out.
func (d *davFiles) list(name string) ([]os.FileInfo, error) {
	_, entries, err := d.tree.ReadDir(d.ctx, d.path(name))
	if err != nil {
		d.judge(err)
		return nil, err
	}
	var found []os.FileInfo
	links := 0
	for _, e := range entries {
		at, stat := path.Join(name, e.Name()), e.Stat()
		if stat != nil && stat.FileMode().Type() == fs.ModeSymlink {
			if links++; links > mostLinks {
				continue
			}
			info, err := d.tree.Stat(d.ctx, d.path(at), true)
			if err != nil || d.tree.Kernel(info.Path) {
				continue
			}
			stat = info.Stat
		}
		if served(stat) && !d.tree.Kernel(d.path(at)) {
			d.known[at] = davInfo{e.Name(), stat}
			found = append(found, d.known[at])
		}
	}
	return found, nil
}

// A davInfo is a file with what WebDAV asks of it beside os.FileInfo, so that nothing is opened to be guessed.
type davInfo struct {
	name string
	stat *remote.Stat
}

func (i davInfo) Name() string { return i.name }

func (i davInfo) Size() int64 { return i.stat.Size }

func (i davInfo) Mode() fs.FileMode { return i.stat.FileMode() }

func (i davInfo) IsDir() bool { return i.stat.FileMode().IsDir() }

func (i davInfo) ModTime() time.Time { return i.stat.Mtime }

func (i davInfo) Sys() any { return i.stat }

// ContentType is by name only.
func (i davInfo) ContentType(context.Context) (string, error) {
	if kind := typeOf(i.name); kind != "" {
		return kind, nil
	}
	return binary, nil
}

// ETag is the one that GET gives.
func (i davInfo) ETag(context.Context) (string, error) { return tag(i.stat), nil }

// A davFile is a file whose contents nobody asks for.
type davFile struct {
	files *davFiles
	name  string
	info  os.FileInfo
}

// DeadProps says that there are no locks, for whoever asks: webdav would offer one.
func (f davFile) DeadProps() (map[xml.Name]webdav.Property, error) {
	locks := xml.Name{Space: "DAV:", Local: "supportedlock"}
	return map[xml.Name]webdav.Property{locks: {XMLName: locks}}, nil
}

// Patch is not allowed.
func (f davFile) Patch([]webdav.Proppatch) ([]webdav.Propstat, error) { return nil, fs.ErrPermission }

// Stat is what is known.
func (f davFile) Stat() (os.FileInfo, error) { return f.info, nil }

// Readdir lists all at once, as it is asked for.
func (f davFile) Readdir(int) ([]os.FileInfo, error) { return f.files.list(f.name) }

// Close has nothing to end.
func (f davFile) Close() error { return nil }

// Read is GET's, not PROPFIND's.
func (f davFile) Read([]byte) (int, error) { return 0, fs.ErrPermission }

// Seek is GET's, not PROPFIND's.
func (f davFile) Seek(int64, int) (int64, error) { return 0, fs.ErrPermission }

// Write is not allowed.
func (f davFile) Write([]byte) (int, error) { return 0, fs.ErrPermission }
