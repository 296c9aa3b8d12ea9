// SPDX-License-Identifier: Apache-2.0

//go:build unix

package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
)

// here runs the helper's program on this machine.
type here struct{}

func (here) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	return cmd.Run()
}

// A site is a served directory.
type site struct {
	*handler
	dir string
	url string
}

// newSite serves a directory of this machine through the root of this process.
func newSite(t *testing.T) *site {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the scripts need a Linux machine")
	}
	root, err := rootfs.Dial(t.Context(), here{}, rootfs.Where{PID: os.Getpid()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancelCause(t.Context())
	s := &site{dir: dir}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	s.handler = newHandler(ctx, end, retrying{root}, dir, server.Listener.Addr().String())
	s.title, s.url = "pod/web, container app", server.URL+s.prefix()
	return s
}

func (s *site) write(t *testing.T, name, text string) {
	t.Helper()
	file := filepath.Join(s.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// A reply is an answer without its body.
type reply struct {
	Status        string
	StatusCode    int
	Header        http.Header
	ContentLength int64
}

// ask makes a request; headers are NAME: VALUE.
func (s *site) ask(t *testing.T, method, path string, headers ...string) (reply, string) {
	t.Helper()
	return s.askWith(t, method, path, "", headers...)
}

func (s *site) askWith(t *testing.T, method, path, question string, headers ...string) (reply, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, path, strings.NewReader(question))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, given := strings.Cut(h, ": ")
		if !given {
			continue
		}
		if name == "Host" {
			r.Host = value
		}
		r.Header.Set(name, value)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil && answer.ContentLength < 0 {
		t.Fatal(err)
	}
	return reply{answer.Status, answer.StatusCode, answer.Header, answer.ContentLength}, string(body)
}

func TestFilesAndTheirRanges(t *testing.T) {
	s := newSite(t)
	large := strings.Repeat("0123456789abcdef", 700<<10) // several windows
	s.write(t, "large.bin", large)
	s.write(t, "hello", "hello\n")
	s.write(t, "empty", "")
	s.write(t, "page.html", "<script>alert(1)</script>")
	s.write(t, "picture", "\x89PNG\r\n\x1a\n rest")
	s.write(t, "core", "\x7fELF\x00\x01")
	if err := os.Symlink(s.dir+"/hello", s.dir+"/link"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, header string
		code         int
		kind, body   string
	}{
		{"hello", "", 200, text, "hello\n"},
		{"link", "", 200, text, "hello\n"},
		{"empty", "", 200, text, ""},
		{"page.html", "", 200, text, "<script>alert(1)</script>"},
		{"picture", "", 200, "image/png", "\x89PNG\r\n\x1a\n rest"},
		{"core", "", 200, binary, "\x7fELF\x00\x01"},
		{"large.bin", "", 200, binary, large},
		{"large.bin", "Range: bytes=5000000-5000009", 206, binary, large[5000000:5000010]},
		{"large.bin", "Range: bytes=-7", 206, binary, large[len(large)-7:]},
		{"large.bin", "Range: bytes=999999999-", 416, "", ""},
		{"gone", "", 404, text, "no such file or directory\n"},
		{"hello/more", "", 404, text, ""},
		{"../../../../etc/passwd", "", 404, "", ""},
		{"%2e%2e/%2e%2e/etc/passwd", "", 404, "", ""},
	} {
		answer, body := s.ask(t, http.MethodGet, s.url+"/"+c.name, c.header)
		if answer.StatusCode != c.code || c.kind != "" && answer.Header.Get("Content-Type") != c.kind || c.body != "" && c.code < 400 && body != c.body {
			t.Errorf("%s %s: %s, %s, %d bytes: %.60q", c.name, c.header, answer.Status, answer.Header.Get("Content-Type"), len(body), body)
		}
		if answer.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(answer.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %v", c.name, answer.Header)
		}
	}
	answer, body := s.ask(t, http.MethodHead, s.url+"/large.bin")
	if answer.ContentLength != int64(len(large)) || body != "" || answer.Header.Get("Content-Disposition") != "attachment" {
		t.Errorf("HEAD: %v", answer.Header)
	}
	if answer, _ := s.ask(t, http.MethodGet, s.url+"/large.bin", "If-None-Match: "+answer.Header.Get("ETag")); answer.StatusCode != http.StatusNotModified {
		t.Errorf("with its tag: %s", answer.Status)
	}
}

// Whoever does not know the token sees nothing, nor a page of somebody else's whose name was made to lead here.
func TestStrangersSeeNothing(t *testing.T) {
	s := newSite(t)
	s.write(t, "secret", "secret\n")
	base := strings.TrimSuffix(s.url, s.prefix())
	for _, c := range []struct {
		url, header string
		code        int
	}{
		{base + "/", "", 404},
		{base + "/secret", "", 404},
		{base + "/" + strings.Repeat("a", 26) + "/secret", "", 404},
		{s.url + "x/secret", "", 404},
		{s.url + "/secret", "Host: evil.example", 421},
		{s.url + "/secret", "Host: 127.0.0.1", 421},
		{s.url + "/secret", "Host: localhost" + base[strings.LastIndex(base, ":"):], 200},
	} {
		answer, body := s.ask(t, http.MethodGet, c.url, c.header)
		if answer.StatusCode != c.code || (c.code == 200) != strings.Contains(body, "secret") {
			t.Errorf("%s %s: %s: %s", c.url, c.header, answer.Status, body)
		}
	}
}

func TestNothingIsChanged(t *testing.T) {
	s := newSite(t)
	s.write(t, "file", "text")
	for _, method := range []string{"PUT", "POST", "DELETE", "PATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "PROPPATCH"} {
		if answer, _ := s.ask(t, method, s.url+"/file", "Destination: "+s.url+"/other"); answer.StatusCode != http.StatusMethodNotAllowed || answer.Header.Get("Allow") != readOnly {
			t.Errorf("%s: %s", method, answer.Status)
		}
	}
	if answer, _ := s.ask(t, http.MethodOptions, s.url+"/"); answer.StatusCode != 200 || answer.Header.Get("DAV") != "1" || answer.Header.Get("Allow") != readOnly {
		t.Errorf("OPTIONS: %s %v", answer.Status, answer.Header)
	}
	if found, err := os.ReadDir(s.dir); err != nil || len(found) != 1 {
		t.Errorf("%v, %v", found, err)
	}
}

// What may block or act is not opened: this would hang.
func TestDevicesAndKernelFilesAreNotOpened(t *testing.T) {
	s := newSite(t)
	if err := syscall.Mkfifo(s.dir+"/pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"kernel": "/proc/self/status", "tree": "/proc", "zero": "/dev/zero"} {
		if err := os.Symlink(target, filepath.Join(s.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"pipe", "kernel", "tree", "tree/1/status", "zero"} {
		if answer, body := s.ask(t, http.MethodGet, s.url+"/"+name); answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s, %.40q", name, answer.Status, body)
		}
	}
	if _, body := s.ask(t, http.MethodGet, s.url+"/"); !strings.Contains(body, "(named pipe)") || strings.Contains(body, `href="./pipe"`) {
		t.Errorf("the pipe is a link, or not there:\n%s", body)
	}
}

func TestAListing(t *testing.T) {
	s := newSite(t)
	const evil = "<img src=x onerror=alert(1)>\"'&\x1b[2J\n\u202e\xff:%2f?#"
	s.write(t, evil, "evil")
	s.write(t, "sub/a", "12345")
	s.write(t, "zzz", strings.Repeat("x", 5000))
	if answer, _ := s.ask(t, http.MethodGet, s.url+"/sub"); answer.StatusCode != 301 || answer.Header.Get("Location") != s.prefix()+"/sub/" {
		t.Errorf("without a slash: %s %v", answer.Status, answer.Header)
	}
	answer, body := s.ask(t, http.MethodGet, s.url+"/")
	if strings.ContainsAny(body, "\x1b\u202e") || strings.Contains(body, "\xff") || strings.Contains(body, "<img") || strings.Contains(body, "<script") || !strings.Contains(body, `\x1b[2J`) {
		t.Errorf("names are not escaped:\n%s", body)
	}
	if policy := answer.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'; style-src 'sha256-") {
		t.Errorf("policy %q", policy)
	}
	_, after, found := strings.Cut(body, `href="./%3Cimg`)
	link, _, _ := strings.Cut(after, `"`)
	if _, got := s.ask(t, http.MethodGet, s.url+"/%3Cimg"+strings.ReplaceAll(strings.ReplaceAll(link, "&#39;", "'"), "&amp;", "&")); !found || got != "evil" {
		t.Errorf("the link %q leads to %q", link, got)
	}
	if strings.Index(body, "sub/</a>") > strings.Index(body, "zzz") || strings.Contains(body, "../</a>") {
		t.Errorf("directories are not first:\n%s", body)
	}
	if _, body := s.ask(t, http.MethodGet, s.url+"/?sort=size"); strings.Index(body, "zzz") > strings.Index(body, "onerror") {
		t.Errorf("not by size:\n%s", body)
	}
	if _, body := s.ask(t, http.MethodGet, s.url+"/sub/"); !strings.Contains(body, `href="../"`) || !strings.Contains(body, `title="5 bytes"`) {
		t.Errorf("below:\n%s", body)
	}
}

func TestWebDAV(t *testing.T) {
	s := newSite(t)
	s.write(t, "sub/deep/file", "text")
	s.write(t, "a & b.txt", "12345")
	if err := errors.Join(os.Symlink("sub", s.dir+"/link"), os.Symlink("gone", s.dir+"/dangling"), syscall.Mkfifo(s.dir+"/pipe", 0o600)); err != nil {
		t.Fatal(err)
	}
	answer, body := s.ask(t, "PROPFIND", s.url+"/", "Depth: 1")
	if answer.StatusCode != http.StatusMultiStatus {
		t.Fatalf("%s: %s", answer.Status, body)
	}
	for _, want := range []string{
		"<D:href>" + s.prefix() + "/</D:href>", "/a%20&amp;%20b.txt</D:href>", "<D:getcontentlength>5</D:getcontentlength>",
		"<D:getcontenttype>text/plain; charset=utf-8</D:getcontenttype>", "/sub/</D:href>", "/link/</D:href>",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is not in\n%s", want, body)
		}
	}
	if strings.Contains(body, "pipe") || strings.Contains(body, "dangling") || strings.Contains(body, "deep") {
		t.Errorf("more than is served:\n%s", body)
	}
	for _, question := range []string{
		"", `<propfind xmlns="DAV:"><allprop/></propfind>`, `<a:propfind xmlns:a="DAV:"><a:prop><a:supportedlock/><a:getetag/></a:prop></a:propfind>`,
	} {
		answer, body := s.askWith(t, "PROPFIND", s.url+"/a%20&%20b.txt", question, "Depth: 0")
		if answer.StatusCode != http.StatusMultiStatus || strings.Contains(body, "lockentry") || !strings.Contains(body, "<D:getetag>") || strings.Contains(body, " 404 ") {
			t.Errorf("%q: %s, %s", question, answer.Status, body)
		}
	}
	for question, code := range map[string]int{"<": 400, strings.Repeat(" ", mostQuestion+1): 413} {
		if answer, body := s.askWith(t, "PROPFIND", s.url+"/", question, "Depth: 0"); answer.StatusCode != code {
			t.Errorf("%.20q: %s, %s", question, answer.Status, body)
		}
	}
	if answer, body := s.ask(t, "PROPFIND", s.url+"/sub/deep/file", "Depth: 0"); answer.StatusCode != http.StatusMultiStatus || strings.Count(body, "<D:response>") != 1 {
		t.Errorf("a file: %s: %s", answer.Status, body)
	}
	for _, depth := range []string{"Depth: infinity", "X: y"} {
		if answer, body := s.ask(t, "PROPFIND", s.url+"/", depth); answer.StatusCode != http.StatusForbidden || !strings.Contains(body, "propfind-finite-depth") {
			t.Errorf("%s: %s: %s", depth, answer.Status, body)
		}
	}
	for name, code := range map[string]int{"gone": 404, "pipe": 403} {
		if answer, _ := s.ask(t, "PROPFIND", s.url+"/"+name, "Depth: 0"); answer.StatusCode != code {
			t.Errorf("%s: %s", name, answer.Status)
		}
	}
}

// damaged gives less than there is.
type damaged struct{ tree }

func (d damaged) ReadRange(ctx context.Context, file rootfs.Info, from, to int64, w io.Writer) error {
	if from > 0 {
		return remote.ErrChanged
	}
	return d.tree.ReadRange(ctx, file, from, to, w)
}

// A download that fails is no shorter file.
func TestADownloadThatBreaksIsSeen(t *testing.T) {
	s := newSite(t)
	s.write(t, "file.bin", strings.Repeat("x", 2<<20))
	s.tree = damaged{s.tree}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/file.bin", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, err := io.ReadAll(answer.Body); err == nil || len(body) >= 2<<20 {
		t.Errorf("%d bytes, %v", len(body), err)
	}
}

// lost has no process any more; broken is a mistake of ours.
type lost struct {
	tree
	panics bool
}

func (l lost) Stat(context.Context, string, bool) (rootfs.Info, error) {
	if l.panics {
		panic("mistake")
	}
	return rootfs.Info{}, fmt.Errorf("find: %w", remote.ErrNoProcess)
}

func TestTheServerEndsWithItsProcess(t *testing.T) {
	for _, panics := range []bool{false, true} {
		s := newSite(t)
		s.tree = lost{s.tree, panics}
		if answer, body := s.ask(t, http.MethodGet, s.url+"/"); !panics && answer.StatusCode != 500 {
			t.Errorf("%s: %s", answer.Status, body)
		}
		cause := context.Cause(s.ctx)
		if panics && (cause == nil || !strings.Contains(cause.Error(), "mistake")) || !panics && !errors.Is(cause, remote.ErrNoProcess) {
			t.Errorf("ended with %v", cause)
		}
	}
}

func TestNobodyAsks(t *testing.T) {
	over := make(chan struct{})
	u := newUses(time.Millisecond, func() { close(over) })
	end := u.begin()
	select {
	case <-over:
		// It may have ended before the first request came.
		return
	default:
	}
	u.over()
	select {
	case <-over:
		t.Error("ended while somebody asks")
	default:
	}
	end()
	<-over
}
