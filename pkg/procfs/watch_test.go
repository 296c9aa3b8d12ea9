// SPDX-License-Identifier: Apache-2.0

//go:build linux

package procfs

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A stream without a sign of life is given up; one that only has beats is not, nor one whose reader takes his time.
func TestWatchGivesUpWhatIsDead(t *testing.T) {
	const limit = 20 * time.Second
	var slow chan struct{}
	for name, c := range map[string]struct {
		run  runnerFunc
		want error
	}{
		"nothing comes": {func(ctx context.Context, stdin io.Reader, _, _ io.Writer) error {
			_, _ = io.ReadAll(stdin)
			<-ctx.Done()
			return context.Cause(ctx)
		}, ErrStalled},
		"it was never open": {func(context.Context, io.Reader, io.Writer, io.Writer) error {
			<-slow
			return io.ErrNoProgress
		}, io.ErrNoProgress},
		"the reader is slow": {func(_ context.Context, stdin io.Reader, stdout, _ io.Writer) error {
			_, _ = io.ReadAll(stdin)
			_, err := stdout.Write([]byte("wait"))
			return err
		}, nil},
		"beats come": {func(ctx context.Context, stdin io.Reader, _, stderr io.Writer) error {
			_, _ = io.ReadAll(stdin)
			beat := time.NewTicker(limit / 20)
			defer beat.Stop()
			for {
				select {
				case <-slow:
					return nil
				case <-ctx.Done():
					return context.Cause(ctx)
				case <-beat.C:
					_, _ = stderr.Write([]byte("\n"))
				}
			}
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				slow = make(chan struct{})
				time.AfterFunc(5*limit, func() { close(slow) })
				var stderr bytes.Buffer
				stdout := writerFunc(func(p []byte) (int, error) {
					<-slow
					return len(p), nil
				})
				err := (&watch{limit: limit}).run(t.Context(), c.run, nil, strings.NewReader("x"), stdout, &stderr)
				if !errors.Is(err, c.want) {
					t.Errorf("%v, want %v", err, c.want)
				}
				if stderr.Len() > 0 {
					t.Errorf("stderr %q", &stderr)
				}
			})
		})
	}
}
