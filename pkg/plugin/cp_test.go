// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/procfs"
)

// copied is what cp makes of its arguments.
func copied(t *testing.T, args ...string) (*cpOptions, string, error) {
	t.Helper()
	d := newDesk(t)
	var got *cpOptions
	cmd := newCPCmd(d.Factory, func(_ context.Context, _ *Factory, o *cpOptions) error {
		got = o
		return nil
	})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	d.Config.AddFlags(cmd.Flags())
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	if (got == nil) != (err != nil) {
		t.Fatalf("%q: ran with %+v, error %v", args, got, err)
	}
	return got, *d.Config.Namespace, err
}

func TestCPFindsItsEnds(t *testing.T) {
	for _, c := range []struct {
		args                 string
		ns, pod, path, local string
		up                   bool
	}{
		{args: "web:/etc there", pod: "web", path: "/etc", local: "there"},
		{args: "here web:/etc", pod: "web", path: "/etc", local: "here", up: true},
		{args: "web:etc/x -", pod: "web", path: "etc/x", local: "-"},
		{args: "- web:/x", pod: "web", path: "/x", local: "-", up: true},
		{args: "pod/web:/x .", pod: "pod/web", path: "/x", local: "."},
		{args: "deploy/web:/x .", pod: "deploy/web", path: "/x", local: "."},
		{args: "statefulsets/web:/x .", pod: "statefulsets/web", path: "/x", local: "."},
		{args: "shop/web:/x .", ns: "shop", pod: "web", path: "/x", local: "."},
		{args: "-n other web:/x .", ns: "other", pod: "web", path: "/x", local: "."},
		{args: "-n other shop/web:/x .", ns: "shop", pod: "web", path: "/x", local: "."},
		{args: "-n other pod/web:/x .", ns: "other", pod: "pod/web", path: "/x", local: "."},
		{args: "web:/a:b .", pod: "web", path: "/a:b", local: "."},
		{args: "./a:b web:/x", pod: "web", path: "/x", local: "./a:b", up: true},
		{args: "/a:b web:/x", pod: "web", path: "/x", local: "/a:b", up: true},
		{args: "../a:b web:/x", pod: "web", path: "/x", local: "../a:b", up: true},
		{args: `C:\x web:/x`, pod: "web", path: "/x", local: `C:\x`, up: true},
		{args: `web:/x c:\x`, pod: "web", path: "/x", local: `c:\x`},
		{args: "C:/x web:/x", pod: "web", path: "/x", local: "C:/x", up: true},
		{args: `dir\a:b web:/x`, pod: "web", path: "/x", local: `dir\a:b`, up: true},
		{args: "--resume --follow -p web:/x .", pod: "web", path: "/x", local: "."},
		{args: "-- web:/x -dash", pod: "web", path: "/x", local: "-dash"},
	} {
		o, ns, err := copied(t, strings.Fields(c.args)...)
		if err != nil {
			t.Errorf("%s: %v", c.args, err)
			continue
		}
		if ns != c.ns || o.pod != c.pod || o.path != c.path || o.local != c.local || o.up != c.up {
			t.Errorf("%s: namespace %q, %+v", c.args, ns, o)
		}
		flags := strings.Contains(c.args, "--resume")
		if o.resume != flags || o.follow != flags || o.preserve != flags {
			t.Errorf("%s: %+v", c.args, o)
		}
	}
}

func TestCPRefusesWhatItCannotMean(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "got 0 arguments"},
		{[]string{"web:/x"}, "got 1 arguments"},
		{[]string{"web:/x", "a", "b"}, "got 3 arguments"},
		{[]string{"web:/x", "user:/x"}, "from pod to pod"},
		{[]string{"a:b", "web:/x"}, "from pod to pod"},
		{[]string{"a", "b"}, `neither "a" nor "b"`},
		{[]string{"-", "-"}, `neither "-" nor "-"`},
		{[]string{":/x", "b"}, `neither ":/x" nor "b"`},
		{[]string{`C:\x`, `D:\x`}, `neither "C:\\x" nor "D:\\x"`},
		{[]string{"web/etc", "there"}, `neither "web/etc" nor "there"`},
		{[]string{"web:", "there"}, "an empty path"},
		{[]string{"web:/x", ""}, "an empty path"},
		{[]string{"", "web:/x"}, "an empty path"},
		{[]string{"--resume", "web:/x", "-"}, "--resume with -: what is on stdout"},
		{[]string{"--resume", "-", "web:/x"}, "--resume with -: stdin"},
		{[]string{"-l", "app=web", "web:/x", "there"}, "-l: the pod is named"},
		{[]string{"--pid", "0", "web:/x", "there"}, "--pid 0: not a PID"},
		{[]string{"--pid", "-1", "web:/x", "there"}, "--pid -1: not a PID"},
		{[]string{"--pid", "5000000000", "web:/x", "there"}, "--pid 5000000000: not a PID"},
	} {
		_, _, err := copied(t, c.args...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.args, err, c.want)
			continue
		}
		if !errors.As(err, new(usageError)) || hint.Of(err) == "" {
			t.Errorf("%q: %v is no usage error with advice", c.args, err)
		}
	}
}

func TestDestinationIsBelowADirectory(t *testing.T) {
	folder, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(folder)
	if err := errors.Join(os.Mkdir("dir", 0o700), os.WriteFile("file", nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("dir", "link"); err != nil {
		t.Skip("Windows lets not everybody make links: ", err)
	}
	for _, c := range []struct{ remote, dest, want string }{
		{"/etc/nginx", "dir", "dir/nginx"},
		{"/etc/nginx/", "dir", "dir/nginx"},
		{"nginx", "dir/", "dir/nginx"},
		{"/etc/nginx", "link", "link/nginx"},
		{"/etc/nginx", ".", "nginx"},
		{"/etc/../x", "dir", "dir/x"},
		{"/etc/nginx/.", "dir", folder + "/dir"},
		{"/etc/nginx/.", "link", folder + "/dir"},
		{".", "dir", folder + "/dir"},
		{"/", "dir", folder + "/dir"},
		{"/..", "dir", folder + "/dir"},
		{"", "dir", folder + "/dir"},
		{"/etc/nginx", "new", "new"},
		{"/etc/nginx", "new/", "new"},
		{"/etc/nginx", "file", "file"},
		{"/etc/nginx/.", "new", "new"},
		{"/etc/nginx", "no/such/../x", "no/x"},
	} {
		if got := destination(c.remote, c.dest); filepath.ToSlash(got) != filepath.ToSlash(c.want) {
			t.Errorf("%s to %s: %s, want %s", c.remote, c.dest, got, c.want)
		}
	}
}

// What broke is tried three times, each time later; what was refused is not.
func TestBrokenStreamsAreTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		bar := d.newProgress(t.Context())
		defer bar.stop()
		again := d.again(t.Context(), bar)
		begun := time.Now()
		for i, want := range []time.Duration{1 * time.Second, 3 * time.Second, 7 * time.Second} {
			if !again(io.ErrUnexpectedEOF) || time.Since(begun) != want {
				t.Errorf("try %d after %s, want %s", i+1, time.Since(begun), want)
			}
		}
		if again(io.ErrUnexpectedEOF) || time.Since(begun) != 7*time.Second {
			t.Errorf("a fourth time, after %s", time.Since(begun))
		}
		if n := strings.Count(d.errOut.String(), "the connection broke: not all of it arrived; going on"); n != 3 {
			t.Errorf("told %d times: %s", n, d.errOut.String())
		}

		again, begun = d.again(t.Context(), bar), time.Now()
		if !again(procfs.ErrStalled) || again(procfs.ErrStalled) || time.Since(begun) != 2*time.Second {
			t.Errorf("a line went silent twice, given up after %s", time.Since(begun))
		}
		if d.again(t.Context(), bar)(fmt.Errorf("no answer: %w", context.DeadlineExceeded)) {
			t.Error("tries again where nothing ever answered")
		}
		refused := apierrors.NewForbidden(metav1.SchemeGroupVersion.WithResource("pods").GroupResource(), "web", nil)
		if d.again(t.Context(), bar)(refused) {
			t.Error("tries again what was forbidden")
		}
		busy := &apierrors.StatusError{ErrStatus: metav1.Status{Code: http.StatusBadGateway}}
		if !d.again(t.Context(), bar)(busy) {
			t.Error("does not try again where a server is busy")
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second/2, cancel)
		begun = time.Now()
		if d.again(ctx, bar)(io.ErrUnexpectedEOF) || time.Since(begun) != time.Second/2 {
			t.Errorf("went on after an interrupt, %s later", time.Since(begun))
		}
	})
}

func TestBrokenCopiesSayHowToGoOn(t *testing.T) {
	for _, c := range []struct {
		opts  cpOptions
		cause error
		want  string
	}{
		{cpOptions{local: "x"}, procfs.ErrStalled, "--resume"},
		{cpOptions{local: "x"}, procfs.ErrDamaged, "--resume"},
		{cpOptions{local: "x", resume: true}, io.ErrUnexpectedEOF, "the same command again"},
		{cpOptions{local: "-"}, io.ErrUnexpectedEOF, "a file instead of -"},
		{cpOptions{local: "x"}, procfs.ErrNoSpace, ""},
	} {
		err := c.opts.howOn(c.cause)
		if got := hint.Of(err); !strings.Contains(got, c.want) || (got == "") != (c.want == "") || !errors.Is(err, c.cause) {
			t.Errorf("%v: %q, want %q", c.cause, got, c.want)
		}
	}
}
