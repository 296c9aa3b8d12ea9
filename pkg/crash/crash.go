// SPDX-License-Identifier: Apache-2.0

// Package crash lets what a session owes (a copy to delete, a template to put back, a terminal to restore) be done after a
// panic, whichever goroutine it is in: Go ends the process past the deferred calls of all others. A panic becomes an error
// or the cause of the end of a context, and goes the way of any other. It hides none: who runs the program tells it.
package crash

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
)

// Panic is a panic that was caught, with the stack that would be lost otherwise.
type Panic struct {
	Value any
	Stack []byte
}

func (p *Panic) Error() string { return fmt.Sprintf("%v\n\n%s", p.Value, p.Stack) }

// New makes one of what recover returned; nil where that was nothing.
func New(recovered any) *Panic {
	if recovered == nil {
		return nil
	}
	if p, ok := recovered.(*Panic); ok {
		return p // it comes from another goroutine
	}
	return &Panic{Value: recovered, Stack: debug.Stack()}
}

type key struct{}

// Context returns a context that a panic in a goroutine of Go or a Group ends, with the *Panic as its cause.
func Context(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	return context.WithValue(ctx, key{}, cancel), func() { cancel(nil) }
}

// Go runs do in a goroutine of its own. Where ctx does not come from Context, its panic goes on.
func Go(ctx context.Context, do func()) {
	go func() {
		defer catch(ctx)
		do()
	}()
}

// Group runs several at once, as sync.WaitGroup does, each as Go would.
type Group struct {
	ctx context.Context //nolint:containedctx // only the receiver of a panic
	all sync.WaitGroup
}

// NewGroup makes an empty one.
func NewGroup(ctx context.Context) *Group { return &Group{ctx: ctx} }

// Go runs one more.
func (g *Group) Go(do func()) {
	g.all.Go(func() {
		defer catch(g.ctx)
		do()
	})
}

// Wait returns when all have ended. After a panic the context has ended too.
func (g *Group) Wait() { g.all.Wait() }

func catch(ctx context.Context) {
	p := New(recover())
	if p == nil {
		return
	}
	end, ok := ctx.Value(key{}).(context.CancelCauseFunc)
	if !ok {
		panic(p)
	}
	end(p)
}

// Try is do, whose panic becomes its error.
func Try(do func() error) (err error) {
	defer Into(&err)
	return do()
}

// Into is deferred by a function whose other results are needed after a panic too: it becomes the function's error.
func Into(err *error) {
	if p := New(recover()); p != nil {
		*err = p
	}
}
