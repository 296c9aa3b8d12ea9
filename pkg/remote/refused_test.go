// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
)

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
	_, err := Dial(t.Context(), r, Where{})
	if err == nil || err.Error() != "exec in web/nginx: not allowed here" || transfer.IsBroken(err) {
		t.Errorf("got %v", err)
	}
	if r.calls != 1 {
		t.Errorf("asked %d times", r.calls)
	}
}
