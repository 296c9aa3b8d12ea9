// SPDX-License-Identifier: Apache-2.0

package cp

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// copied is what cp makes of its arguments.
func copied(t *testing.T, args ...string) (*cpOptions, string, error) {
	t.Helper()
	deps := cli.NewDeps(genericiooptions.IOStreams{}, func(string) string { return "" })
	var got *cpOptions
	cmd := newCommand(deps, func(_ context.Context, _ *cli.Deps, o *cpOptions) error {
		got = o
		return nil
	})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	deps.Config.AddFlags(cmd.Flags())
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	if (got == nil) != (err != nil) {
		t.Fatalf("%q: ran with %+v, error %v", args, got, err)
	}
	return got, *deps.Config.Namespace, err
}

func TestCPFindsItsEnds(t *testing.T) {
	for _, c := range []struct {
		args                      string
		ns, own, pod, path, local string
		up                        bool
	}{
		{args: "web:/etc there", pod: "web", path: "/etc", local: "there"},
		{args: "here web:/etc", pod: "web", path: "/etc", local: "here", up: true},
		{args: "web:etc/x -", pod: "web", path: "etc/x", local: "-"},
		{args: "- web:/x", pod: "web", path: "/x", local: "-", up: true},
		{args: "pod/web:/x .", pod: "pod/web", path: "/x", local: "."},
		{args: "deploy/web:/x .", pod: "deploy/web", path: "/x", local: "."},
		{args: "statefulsets/web:/x .", pod: "statefulsets/web", path: "/x", local: "."},
		{args: "shop/web:/x .", own: "shop", pod: "web", path: "/x", local: "."},
		{args: "-n other web:/x .", ns: "other", pod: "web", path: "/x", local: "."},
		{args: "-n shop shop/web:/x .", ns: "shop", own: "shop", pod: "web", path: "/x", local: "."},
		{args: "shop/deploy/web:/x .", own: "shop", pod: "deploy/web", path: "/x", local: "."},
		{args: "-r web:/x .", pod: "web", path: "/x", local: "."},
		{args: "-R web:/x .", pod: "web", path: "/x", local: "."},
		{args: "-aL --resume web:/x .", pod: "web", path: "/x", local: "."},
		{args: "-n other pod/web:/x .", ns: "other", pod: "pod/web", path: "/x", local: "."},
		{args: "web:/a:b .", pod: "web", path: "/a:b", local: "."},
		{args: "./a:b web:/x", pod: "web", path: "/x", local: "./a:b", up: true},
		{args: "/a:b web:/x", pod: "web", path: "/x", local: "/a:b", up: true},
		{args: "../a:b web:/x", pod: "web", path: "/x", local: "../a:b", up: true},
		{args: `C:\x web:/x`, pod: "web", path: "/x", local: `C:\x`, up: true},
		{args: `web:/x c:\x`, pod: "web", path: "/x", local: `c:\x`},
		{args: "C:/x web:/x", pod: "web", path: "/x", local: "C:/x", up: true},
		{args: `dir\a:b web:/x`, pod: "web", path: "/x", local: `dir\a:b`, up: true},
		{args: "--resume --dereference -p web:/x .", pod: "web", path: "/x", local: "."},
		{args: "-- web:/x -dash", pod: "web", path: "/x", local: "-dash"},
	} {
		o, ns, err := copied(t, strings.Fields(c.args)...)
		if err != nil {
			t.Errorf("%s: %v", c.args, err)
			continue
		}
		far, near := o.source, o.dest
		if c.up {
			far, near = near, far
		}
		if ns != c.ns || far != (copyEnd{c.own, c.pod, c.path}) || near != (copyEnd{path: c.local}) {
			t.Errorf("%s: namespace %q, %+v", c.args, ns, o)
		}
		flags := strings.Contains(c.args, "--resume")
		if o.resume != flags || o.follow != flags || o.preserve != flags {
			t.Errorf("%s: %+v", c.args, o)
		}
	}
}

func TestCPFindsTwoPods(t *testing.T) {
	o, _, err := copied(t, "web:/etc/nginx", "shop/user:/tmp/")
	if err != nil || o.source != (copyEnd{pod: "web", path: "/etc/nginx"}) || o.dest != (copyEnd{"shop", "user", "/tmp/"}) {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestCPRefusesWhatItCannotMean(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "got 0 arguments"},
		{[]string{"-n", "other", "shop/web:/x", "."}, `-n other and "shop/web:/x" name two namespaces`},
		{[]string{"web:/x"}, "got 1 arguments"},
		{[]string{"web:/x", "a", "b"}, "got 3 arguments"},
		{[]string{"--pid", "8", "web:/x", "user:/x"}, "--pid is not supported with two pods"},
		{[]string{"-", "web:/x/"}, "PATH must name a file"},
		{[]string{"a", "b"}, `neither "a" nor "b"`},
		{[]string{"-", "-"}, `neither "-" nor "-"`},
		{[]string{":/x", "b"}, `neither ":/x" nor "b"`},
		{[]string{`C:\x`, `D:\x`}, `neither "C:\\x" nor "D:\\x"`},
		{[]string{"web/etc", "there"}, `neither "web/etc" nor "there"`},
		{[]string{"web:", "there"}, "the path is empty"},
		{[]string{"web:/x", ""}, "the path is empty"},
		{[]string{"", "web:/x"}, "the path is empty"},
		{[]string{"--resume", "web:/x", "-"}, "--resume does not work with -: stdout"},
		{[]string{"--resume", "-", "web:/x"}, "--resume does not work with -: stdin"},
		{[]string{"-l", "app=web", "web:/x", "there"}, "-l is not supported"},
		{[]string{"--pid", "0", "web:/x", "there"}, "--pid 0: not a PID"},
		{[]string{"--pid", "-1", "web:/x", "there"}, "--pid -1: not a PID"},
		{[]string{"--pid", "5000000000", "web:/x", "there"}, "--pid 5000000000: not a PID"},
	} {
		_, _, err := copied(t, c.args...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.args, err, c.want)
			continue
		}
		if !errors.As(err, new(cli.UsageError)) || hint.Of(err) == "" {
			t.Errorf("%q: %v is no usage error with advice", c.args, err)
		}
	}
}

// refused is an error that asking again changes nothing about, as pkg/remote knows it.
type refused struct{ error }

func (refused) Refused() bool { return true }

func TestBrokenCopiesSayHowToGoOn(t *testing.T) {
	stalled := &remote.BrokenError{Cause: remote.ErrStalled}
	file, stream := copyEnd{path: "x"}, copyEnd{path: "-"}
	for _, c := range []struct {
		opts  cpOptions
		cause error
		want  string
	}{
		{cpOptions{dest: file}, stalled, "--resume"},
		{cpOptions{dest: file}, &remote.BrokenError{}, "--resume"},
		{cpOptions{dest: file, resume: true}, &remote.BrokenError{}, "the same command again"},
		{cpOptions{dest: stream}, &remote.BrokenError{}, "a file instead of -"},
		{cpOptions{source: stream}, &remote.BrokenError{}, "a file instead of -"},
		{cpOptions{dest: file}, remote.ErrFull, ""},
		{cpOptions{dest: file}, &remote.BrokenError{Cause: refused{io.EOF}}, ""},
	} {
		err := c.opts.resumeHint(c.cause, c.cause)
		if got := hint.Of(err); !strings.Contains(got, c.want) || (got == "") != (c.want == "") || !errors.Is(err, c.cause) {
			t.Errorf("%v: %q, want %q", c.cause, got, c.want)
		}
	}
}

func TestAMissingSourceHereAsksNoCluster(t *testing.T) {
	f := cli.NewDeps(genericiooptions.IOStreams{}, func(string) string { return "" })
	f.Client = func() (kubernetes.Interface, error) {
		t.Error("a cluster is asked")
		return nil, errors.ErrUnsupported
	}
	cmd := NewCommand(f)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs([]string{t.TempDir() + "/none", "web:/tmp"})
	if err := cmd.ExecuteContext(t.Context()); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(hint.Of(err), "this machine") {
		t.Errorf("%v, try %q", err, hint.Of(err))
	}
}
