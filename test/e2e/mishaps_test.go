// SPDX-License-Identifier: Apache-2.0

//go:build unix

package e2e

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
)

// mistaken is a way to the API server in which this program makes a mistake where a gate would keep the request.
type mistaken struct {
	http.RoundTripper
	mu    *sync.Mutex
	judge *judge
}

func (m mistaken) RoundTrip(r *http.Request) (*http.Response, error) {
	m.mu.Lock()
	f := m.judge.fate(r)
	if f != pass {
		m.judge.decide = nil // one is enough: what cleans up after it makes none
	}
	m.mu.Unlock()
	switch f {
	case hold:
		panic("a mistake of ours")
	case mute:
		if answer, err := m.RoundTripper.RoundTrip(r); err == nil {
			_ = answer.Body.Close()
		}
		panic("a mistake of ours")
	default:
		return m.RoundTripper.RoundTrip(r)
	}
}

// mistakenWire makes it in the session.
type mistakenWire struct{ cluster.Exec }

func (m mistakenWire) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	if slices.ContainsFunc(argv, func(word string) bool { return strings.Contains(word, "98765") }) {
		panic("a mistake of ours")
	}
	return m.Exec.Run(ctx, argv, stdin, stdout, stderr)
}

// Shell is not used here.
func (m mistakenWire) Shell(ctx context.Context, argv []string, t *attach.Terminal) error {
	return m.Exec.Shell(ctx, argv, t)
}

// panics makes a mistake in that phase, in this process, which has no such mistake to offer otherwise.
func (p phase) panics(t *testing.T, w *environment, y leaving) {
	t.Helper()
	j := &job{t: t}
	env := map[string]string{}
	for _, pair := range w.env() {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	f := cli.NewDeps(genericiooptions.IOStreams{In: &bytes.Buffer{}, Out: j, ErrOut: j}, func(name string) string { return env[name] })
	m := mistaken{mu: &sync.Mutex{}, judge: &judge{decide: p.decide}}
	f.Config.WrapConfigFn = func(c *rest.Config) *rest.Config {
		c.Wrap(func(next http.RoundTripper) http.RoundTripper {
			m := m
			m.RoundTripper = next
			return m
		})
		return c
	}
	if p.lasts {
		wire := f.Exec
		f.Exec = func(s attach.Container, bulk bool) (cluster.Exec, error) {
			next, err := wire(s, bulk)
			return mistakenWire{next}, err
		}
	}
	args := slices.Concat(y.args, []string{"--kubeconfig", w.own}, p.command())
	if code := plugin.Main(t.Context(), f, args); code != 1 || !strings.Contains(j.text(), "error: internal error: a mistake of ours") {
		t.Errorf("exit code %d\n%s", code, j.text())
	}
	y.gone(t, w, j)
}

// loses has the API server go away for good in that phase.
func (p phase) loses(t *testing.T, w *environment, y leaving) {
	t.Helper()
	g := newGate(t, w, p.decide)
	// A rollout is waited for as long as --timeout, in case that the server comes back.
	y.args = append(y.args[:len(y.args):len(y.args)], "--timeout", "5s")
	const putBack = 10 * time.Second // and so long it is tried to undo a patch
	j := p.reach(t, w, g, y)
	g.cut()
	j.over(5*time.Second + putBack + hang)
	if j.cmd.ProcessState.Success() && !strings.Contains(p.name, "rolling back") {
		t.Errorf("a session that was cut ended well\n%s", j.text())
	}
	if p.there && !strings.Contains(j.text(), "; run kubectl delete pod ") && !strings.Contains(j.text(), "kubectl shareproc clean ") {
		t.Errorf("no word of what to do: %s", j.text())
	}
	y.cleaned(t, w, j)
}

// A reader that goes away, as head does, ends the session and what it made: of the output, and of what is said of it.
func TestNothingIsLeftWhenTheReaderGoes(t *testing.T) {
	t.Parallel()
	lines := map[string]leaving{
		"kubectl-shareproc debug web --copy -q -- yes | head -n 1":                 copying(),
		"kubectl-shareproc debug web --copy -- yes 2>&1 | head -n 1":               copying(),
		"kubectl-shareproc debug web --copy --hold -q -- yes | head -n 1":          holding(),
		"kubectl-shareproc debug web --copy --root -q -- yes | head -n 1":          copying(),
		"kubectl-shareproc debug deploy/web --patch -y -q -- yes | head -n 1":      patching(),
		"kubectl-shareproc debug deploy/web --patch -y -- yes 2>&1 | head -n 1":    patching(),
		"kubectl-shareproc debug deploy/web --patch -y --root -q -- yes|head -n 1": patching(),
	}
	for _, line := range slices.Sorted(maps.Keys(lines)) {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			y := lines[line]
			w := y.environment(t)
			cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
			cmd.Env = append(os.Environ(), w.env()...)
			if out, err := cmd.CombinedOutput(); err != nil || bytes.Count(out, []byte("\n")) != 1 {
				t.Errorf("%q, %v", out, err)
			}
			y.gone(t, w, &job{t: t})
		})
	}
}
