// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestPanicOfAGoroutineEndsTheContext(t *testing.T) {
	ctx, cancel := Context(t.Context())
	defer cancel()
	inner, stop := context.WithTimeout(context.WithoutCancel(ctx), 0) // the context still knows its reporter
	defer stop()
	Go(inner, func() { panic("boom") })
	<-ctx.Done()
	p, ok := errors.AsType[*Panic](context.Cause(ctx))
	if !ok || p.Value != "boom" || !strings.Contains(p.Error(), "TestPanicOfAGoroutineEndsTheContext") {
		t.Errorf("cause %v", context.Cause(ctx))
	}
}

func TestNoPanicEndsNothing(t *testing.T) {
	ctx, cancel := Context(t.Context())
	func() { defer catch(ctx) }()
	if ctx.Err() != nil {
		t.Error("the context has ended")
	}
	cancel()
	if !errors.Is(context.Cause(ctx), context.Canceled) {
		t.Errorf("cause %v", context.Cause(ctx))
	}
}

func TestGroupWaitsForThoseThatPanic(t *testing.T) {
	ctx, cancel := Context(t.Context())
	defer cancel()
	g := NewGroup(ctx)
	done := false
	g.Go(func() { panic("boom") })
	g.Go(func() { done = true })
	g.Wait()
	if _, ok := errors.AsType[*Panic](context.Cause(ctx)); !ok || !done {
		t.Errorf("done %t, cause %v", done, context.Cause(ctx))
	}
}

func TestPanicGoesOnWhereNobodyIsToldOfIt(t *testing.T) {
	defer func() {
		if p, ok := recover().(*Panic); !ok || p.Value != "boom" {
			t.Errorf("got %v", p)
		}
	}()
	defer catch(t.Context())
	panic("boom")
}

func TestPanicBecomesAnError(t *testing.T) {
	first := New("boom")
	made := func() (made string, err error) {
		defer Into(&err)
		made = "something"
		panic(first)
	}
	what, err := made()
	if p, ok := errors.AsType[*Panic](err); !ok || p != first || what != "something" {
		t.Errorf("%q, %v", what, err)
	}
}
