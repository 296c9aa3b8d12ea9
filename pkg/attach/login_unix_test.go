// SPDX-License-Identifier: Apache-2.0

//go:build !windows

package attach_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
)

// loginHelper gives tokens that have expired already, and says on stderr whether it may ask at the terminal.
const loginHelper = `if [ -t 0 ]; then echo "login: asks." >&2; else echo "login: may not ask." >&2; fi
echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"x","expirationTimestamp":"2020-01-01T00:00:00Z"}}'`

// runLogins logs in before a session, in its middle and after it.
func runLogins(address string) int {
	ctx := context.Background()
	client, err := attach.New(&rest.Config{Host: address, ExecProvider: &api.ExecConfig{
		Command: "sh", Args: []string{"-c", loginHelper}, APIVersion: "client.authentication.k8s.io/v1", InteractiveMode: api.IfAvailableExecInteractiveMode,
	}}, attach.AnyTransport)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	e := client.In(attach.Container{Namespace: "shop", Pod: "web", Name: "nginx"})
	run := func(when string) {
		fmt.Fprintf(os.Stderr, "%s: ", when)
		if err := e.Run(ctx, []string{"true"}, nil, io.Discard, io.Discard); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	run("before")
	out := writerFunc(func(p []byte) (int, error) {
		run("during")
		return len(p), nil
	})
	err = e.Shell(ctx, []string{"sh"}, attach.NewTerminal(os.Stdin, out, os.Stderr))
	fmt.Fprintf(os.Stderr, "shell: %v.", err)
	run("after")
	var line string
	_, _ = fmt.Fscanln(os.Stdin, &line)
	fmt.Fprintf(os.Stderr, "typed after: %s.", line)
	return 0
}

// While a session has the terminal a login helper may not ask there: what is typed is the session's. Before and after it may.
func TestLoginHelperHasNoKeysOfASession(t *testing.T) {
	d := newTestTerminal(t)
	newJob(t, d, &server{run: func(c *conversation) int {
		if c.query.Get("tty") != "true" {
			return 0
		}
		fmt.Fprint(c.stdout, "ready")
		keys := make([]byte, 4)
		if _, err := io.ReadFull(c.stdin, keys); err != nil || string(keys) != "keys" {
			return 1
		}
		return 0
	}}, "login")
	seen := d.until(t, "during: ", "ask.")
	d.typeIn(t, "keys")
	seen += d.until(t, "after: ", "ask")
	d.typeIn(t, "later\n")
	seen += d.until(t, "typed after: later.")
	seen = strings.NewReplacer("\r", "", "\n", "").Replace(seen)
	for _, want := range []string{"before: login: asks.", "during: login: may not ask.", "shell: <nil>.", "after: login: asks."} {
		if !strings.Contains(seen, want) {
			t.Errorf("%q is missing in %q", want, seen)
		}
	}
}
