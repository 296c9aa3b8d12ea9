// SPDX-License-Identifier: Apache-2.0

package hint_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

func TestAdviceStaysOutOfTheMessage(t *testing.T) {
	cause := errors.New("no such pod")
	err := fmt.Errorf("debug: %w", hint.With(cause, "another name"))
	if err.Error() != "debug: no such pod" || hint.Of(err) != "another name" || !errors.Is(err, cause) {
		t.Errorf("got %q, advice %q", err, hint.Of(err))
	}
}

func TestOutermostAdviceWins(t *testing.T) {
	if got := hint.Of(hint.With(hint.With(errors.New("x"), "inner"), "outer")); got != "outer" {
		t.Errorf("got %q", got)
	}
}

func TestNoErrorHasNoAdvice(t *testing.T) {
	if err := hint.With(nil, "anything"); err != nil || hint.Of(errors.New("x")) != "" {
		t.Errorf("got %v", err)
	}
}
