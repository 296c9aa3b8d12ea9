// SPDX-License-Identifier: Apache-2.0

//go:build linux

package remote

import (
	"context"
	"errors"
	"io"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// A connection without a sign of life is given up. One that only has beats is not, nor one whose reader takes time.
func TestADeadConnectionIsGivenUp(t *testing.T) {
	for name, c := range map[string]struct {
		run  func(over <-chan struct{}) Runner
		want error
	}{
		"nothing comes": {func(<-chan struct{}) Runner {
			return runnerFunc(func(ctx context.Context, stdin io.Reader, _, _ io.Writer) error {
				_, _ = io.Copy(io.Discard, stdin)
				<-ctx.Done()
				return context.Cause(ctx)
			})
		}, ErrStalled},
		"nothing is taken": {func(<-chan struct{}) Runner {
			return runnerFunc(func(ctx context.Context, stdin io.Reader, _, _ io.Writer) error {
				_, _ = stdin.Read(make([]byte, 1))
				<-ctx.Done()
				return context.Cause(ctx)
			})
		}, ErrStalled},
		"it is not open yet": {func(over <-chan struct{}) Runner {
			return runnerFunc(func(context.Context, io.Reader, io.Writer, io.Writer) error {
				<-over
				return io.ErrNoProgress
			})
		}, io.ErrNoProgress},
		"beats come": {func(over <-chan struct{}) Runner {
			return answering(func(_ Request, out io.Writer) int { return codeDenied }).slowly(over)
		}, nil},
		"the reader is slow": {func(over <-chan struct{}) Runner {
			return answering(func(_ Request, out io.Writer) int {
				_, _ = io.WriteString(out, "/f\x00"+line+"\x00")
				return 0
			})
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				over := make(chan struct{})
				time.AfterFunc(5*Silence, func() { close(over) })
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				root, err := Dial(ctx, c.run(over), Where{PID: 8})
				if name == "the reader is slow" && err == nil {
					_, err = Tail(ctx, root, "f", TailOptions{Lines: 1}, func(Info) (io.Writer, error) {
						<-over
						return io.Discard, nil
					})
				}
				if !errors.Is(err, c.want) {
					t.Errorf("%v, want %v", err, c.want)
				}
				if broken, ok := errors.AsType[*BrokenError](err); c.want != nil && (!ok || broken.Stalled() != (c.want == ErrStalled)) { //nolint:errorlint // the table's
					t.Errorf("not a broken connection: %v", err)
				}
				root.Close()
				cancel()
				<-over
			})
		})
	}
}

// slowly has the first answer wait, while beats go on.
func (f fakeHelper) slowly(over <-chan struct{}) Runner {
	return runnerFunc(func(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) error {
		done := make(chan struct{})
		defer close(done)
		go func() {
			beat := time.NewTicker(heartbeat)
			defer beat.Stop()
			for {
				select {
				case <-done:
					return
				case <-beat.C:
					_, _ = stderr.Write([]byte("\n"))
				}
			}
		}()
		text, _ := program()
		argv := []string{strconv.Itoa(len(text))}
		return fakeHelper(func(q Request, out io.Writer) int {
			<-over
			return f(q, out)
		}).Run(ctx, argv, stdin, stdout, stderr)
	})
}

// A helper that waits for a file, and says so by its beats alone, is given up.
func TestWhatBlocksIsGivenUp(t *testing.T) {
	for name, c := range map[string]struct {
		ask  func(context.Context, *Root) error
		want error
	}{
		"read": {func(ctx context.Context, r *Root) error {
			_, err := r.Read(ctx, "f", func(Info) (io.Writer, error) { return io.Discard, nil })
			return err
		}, ErrStuck},
		"sum": {func(ctx context.Context, r *Root) error {
			var errs []error // of both, and then of each
			err := SumFiles(ctx, r, "/", map[string]int64{"a": 1, "b": 1}, func(_ string, _ [32]byte, err error) { errs = append(errs, err) })
			if len(errs) != 2 || !errors.Is(errs[0], ErrStuck) {
				return errors.Join(append(errs, err)...)
			}
			return errs[1]
		}, ErrStuck},
		"grep": {func(ctx context.Context, r *Root) error {
			g := &grep{}
			return g.one(ctx, &Place{Root: r, Start: "/"}, "f", "", "", "x")
		}, ErrStuck},
		"stat": {func(ctx context.Context, r *Root) error {
			_, err := r.Stat(ctx, "f", true)
			return err
		}, ErrStuck},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				over := make(chan struct{})
				time.AfterFunc(3*time.Minute, func() { close(over) })
				helper := fakeHelper(func(q Request, out io.Writer) int {
					if q.Verb != "open" {
						<-over
						return codeDenied
					}
					return answering(nil)(q, out)
				})
				ready := make(chan struct{})
				close(ready)
				root, err := Dial(t.Context(), helper.slowly(ready), Where{PID: 8})
				if err != nil {
					t.Fatal(err)
				}
				begun := time.Now()
				if err := c.ask(t.Context(), root); !errors.Is(err, c.want) {
					t.Errorf("%v, want %v", err, c.want)
				}
				if took := time.Since(begun); c.want == ErrStuck && took > 4*patience { //nolint:errorlint // the table's
					t.Errorf("after %v", took)
				}
				<-over
				root.Close()
			})
		})
	}
}

// What blocked once is waited for a shorter time, and a request's own patience is for it alone.
func TestPatienceIsShorterBehindWhatBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		over, ready := make(chan struct{}), make(chan struct{})
		close(ready)
		c := Connect(t.Context(), fakeHelper(func(Request, io.Writer) int {
			<-over
			return codeDenied
		}).slowly(ready))
		for i, want := range []time.Duration{5 * time.Second, hurry, hurry} {
			q := Request{Verb: "stat", Reads: true}
			if i == 0 {
				q.Patience = want
			}
			begun := time.Now()
			err := c.Ask(t.Context(), q, func(a *Answer) error { _, err := a.Field(); return err })
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
	c := Connect(t.Context(), fakeHelper(func(Request, io.Writer) int { asked++; return 0 }))
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
