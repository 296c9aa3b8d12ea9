// SPDX-License-Identifier: Apache-2.0

//go:build linux

package rootfs

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

// A connection without a sign of life is given up. One that only has beats is not, nor one whose reader takes time.
func TestADeadConnectionIsGivenUp(t *testing.T) {
	for name, c := range map[string]struct {
		run  func(over <-chan struct{}) remote.Runner
		want error
	}{
		"nothing comes": {func(<-chan struct{}) remote.Runner {
			return helper.Func(func(ctx context.Context, stdin io.Reader, _, _ io.Writer) error {
				_, _ = io.Copy(io.Discard, stdin)
				<-ctx.Done()
				return context.Cause(ctx)
			})
		}, remote.ErrStalled},
		"nothing is taken": {func(<-chan struct{}) remote.Runner {
			return helper.Func(func(ctx context.Context, stdin io.Reader, _, _ io.Writer) error {
				_, _ = stdin.Read(make([]byte, 1))
				<-ctx.Done()
				return context.Cause(ctx)
			})
		}, remote.ErrStalled},
		"it is not open yet": {func(over <-chan struct{}) remote.Runner {
			return helper.Func(func(context.Context, io.Reader, io.Writer, io.Writer) error {
				<-over
				return io.ErrNoProgress
			})
		}, io.ErrNoProgress},
		"beats come": {func(over <-chan struct{}) remote.Runner {
			return helper.Answering(func(_ helper.Request, out io.Writer) int { return codeDenied }).Slowly(over)
		}, nil},
		"the reader is slow": {func(over <-chan struct{}) remote.Runner {
			return helper.Answering(func(_ helper.Request, out io.Writer) int {
				_, _ = io.WriteString(out, "/f\x00"+line+"\x00")
				return 0
			})
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				over := make(chan struct{})
				time.AfterFunc(5*remote.Silence, func() { close(over) })
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
				if broken, ok := errors.AsType[*remote.BrokenError](err); c.want != nil && (!ok || broken.Stalled() != (c.want == remote.ErrStalled)) { //nolint:errorlint // the table's
					t.Errorf("not a broken connection: %v", err)
				}
				root.Close()
				cancel()
				<-over
			})
		})
	}
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
		}, remote.ErrStuck},
		"sum": {func(ctx context.Context, r *Root) error {
			var errs []error // of both, and then of each
			err := SumFiles(ctx, r, "/", map[string]int64{"a": 1, "b": 1}, func(_ string, _ [32]byte, err error) { errs = append(errs, err) })
			if len(errs) != 2 || !errors.Is(errs[0], remote.ErrStuck) {
				return errors.Join(append(errs, err)...)
			}
			return errs[1]
		}, remote.ErrStuck},
		"grep": {func(ctx context.Context, r *Root) error {
			g := &grep{}
			return g.one(ctx, &Place{Root: r, Start: "/"}, "f", "", "", "x")
		}, remote.ErrStuck},
		"stat": {func(ctx context.Context, r *Root) error {
			_, err := r.Stat(ctx, "f", true)
			return err
		}, remote.ErrStuck},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				over := make(chan struct{})
				time.AfterFunc(3*time.Minute, func() { close(over) })
				fake := helper.Fake(func(q helper.Request, out io.Writer) int {
					if q.Verb != "open" {
						<-over
						return codeDenied
					}
					return helper.Answering(nil)(q, out)
				})
				ready := make(chan struct{})
				close(ready)
				root, err := Dial(t.Context(), fake.Slowly(ready), Where{PID: 8})
				if err != nil {
					t.Fatal(err)
				}
				begun := time.Now()
				if err := c.ask(t.Context(), root); !errors.Is(err, c.want) {
					t.Errorf("%v, want %v", err, c.want)
				}
				if took := time.Since(begun); c.want == remote.ErrStuck && took > 4*root.Conn().Patience { //nolint:errorlint // the table's
					t.Errorf("after %v", took)
				}
				<-over
				root.Close()
			})
		})
	}
}

// codeDenied is that of codes.txt.
const codeDenied = 45
