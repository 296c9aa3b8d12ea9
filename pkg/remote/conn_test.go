// SPDX-License-Identifier: Apache-2.0

//go:build linux

package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

func oneField(a *Answer) error {
	_, err := a.Field()
	return err
}

func TestConnectionWithoutShell(t *testing.T) {
	// It may end before the first request waits for its answer, and behind that.
	for i := range 1000 {
		code := 126 + i%2
		r := helper.Func(func(context.Context, io.Reader, io.Writer, io.Writer) error { return helper.ExitError(code) })
		c := Connect(t.Context(), r)
		err := c.Ask(t.Context(), Request{Verb: "open"}, oneField)
		c.Close()
		var missing *MissingToolError
		if !errors.As(err, &missing) || missing.Tool != "sh" || !errors.Is(err, helper.ExitError(code)) {
			t.Errorf("status %d: %v", code, err)
		}
	}
}

func TestAConnectionSaysWhatTheCommandSaidBeforeItFailed(t *testing.T) {
	r := helper.Func(func(_ context.Context, _ io.Reader, _, stderr io.Writer) error {
		fmt.Fprintf(stderr, "%s\x1b[2Jout of memory\n", strings.Repeat("x", 100000))
		return helper.ExitError(137)
	})
	c := Connect(t.Context(), r)
	defer c.Close()
	err := c.Ask(t.Context(), Request{Verb: "open"}, oneField)
	if err == nil || !strings.HasSuffix(err.Error(), `\x1b[2Jout of memory`) || len(err.Error()) > 2*stderrKept || !errors.Is(err, helper.ExitError(137)) {
		t.Errorf("got %q", err)
	}
}

// refusingRunner never gets a connection.
type refusingRunner struct{ calls int }

type refusedError struct{ error }

func (refusedError) Refused() bool { return true }

func (r *refusingRunner) Run(context.Context, []string, io.Reader, io.Writer, io.Writer) error {
	r.calls++
	return refusedError{errors.New("exec in web/nginx: not allowed here")}
}

// A refused connection is reported in the words of the refusal, and not asked for again.
func TestRefusedConnectionIsTold(t *testing.T) {
	r := &refusingRunner{}
	c := Connect(t.Context(), r)
	defer c.Close()
	err := c.Ask(t.Context(), Request{Verb: "open"}, oneField)
	if err == nil || err.Error() != "exec in web/nginx: not allowed here" || transfer.IsBroken(err) {
		t.Errorf("got %v", err)
	}
	if r.calls != 1 {
		t.Errorf("asked %d times", r.calls)
	}
}

// What blocked once is waited for a shorter time, and a request's own patience is for it alone.
func TestPatienceIsShorterBehindWhatBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		over, ready := make(chan struct{}), make(chan struct{})
		close(ready)
		c := Connect(t.Context(), helper.Fake(func(helper.Request, io.Writer) int {
			<-over
			return codeDenied
		}).Slowly(ready))
		for i, want := range []time.Duration{5 * time.Second, hurry, hurry} {
			q := Request{Verb: "stat", Reads: true}
			if i == 0 {
				q.Patience = want
			}
			begun := time.Now()
			err := c.Ask(t.Context(), q, oneField)
			if took := time.Since(begun); !errors.Is(err, ErrStuck) || took < want || took > want+2*heartbeat+2*settleTime || !c.Stuck() {
				t.Errorf("%v after %v, want %v", err, took, want)
			}
		}
		close(over)
		c.Close()
	})
}

// A connection that broke is made again, and the program brought into its state again, once.
func TestAConnectionIsMadeAgain(t *testing.T) {
	entered, asked := 0, 0
	c := Connect(t.Context(), helper.Fake(func(helper.Request, io.Writer) int { asked++; return 0 }))
	defer c.Close()
	nothing := func(*Answer) error { return nil }
	state := &State{Enter: func(ctx context.Context, l *Link) (bool, error) {
		entered++
		return l.Ask(ctx, Request{Verb: "open"}, nothing)
	}}
	for i := range 4 {
		if err := c.Ask(t.Context(), Request{State: state, Verb: "stat"}, nothing); err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			c.link.cancel(io.ErrNoProgress)
			c.link.input.Close() // this helper heeds no context
			<-c.link.ran
		}
	}
	if entered != 2 || asked != 6 {
		t.Errorf("entered %d times, asked %d times", entered, asked)
	}
}
