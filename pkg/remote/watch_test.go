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
			return answering(func(_ request, out io.Writer) int { return codeDenied }).slowly(over)
		}, nil},
		"the reader is slow": {func(over <-chan struct{}) Runner {
			return answering(func(_ request, out io.Writer) int {
				_, _ = io.WriteString(out, "/f\x00"+line+"\x00")
				return codeOk
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
					_, err = root.Tail(ctx, "f", 1, false, func(Info) (io.Writer, error) {
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
		return fakeHelper(func(q request, out io.Writer) int {
			<-over
			return f(q, out)
		}).Run(ctx, argv, stdin, stdout, stderr)
	})
}
