// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/procfs"
)

// retries is how often one copy goes on after its stream broke.
const retries = 3

// again decides about a stream that broke: it waits a second, then two, then four. A line that went silent has cost time,
// so it counts twice, and one that never answered ends it: a dead network is told of in a minute. What the API server
// refuses, and a pod that is gone, will not be otherwise then.
func (f *Factory) again(ctx context.Context, bar *progress) func(error) bool {
	tries, attempt := 0, 1
	return func(err error) bool {
		var status apierrors.APIStatus
		if errors.As(err, &status) && status.Status().Code < 500 || errors.Is(err, context.DeadlineExceeded) {
			return false
		}
		if tries++; errors.Is(err, procfs.ErrStalled) {
			tries++
		}
		if tries > retries {
			return false
		}
		bar.clear()
		attempt++
		f.say("the connection broke: %s; going on with what is missing (attempt %d)", breakage(err), attempt)
		wait := time.NewTimer(time.Second << (tries - 1))
		defer wait.Stop()
		select {
		case <-ctx.Done():
			return false
		case <-wait.C:
			return true
		}
	}
}

// breakage is why a stream broke, in few words.
func breakage(err error) string {
	switch {
	case errors.Is(err, procfs.ErrStalled):
		return procfs.ErrStalled.Error()
	case errors.Is(err, procfs.ErrDamaged):
		return procfs.ErrDamaged.Error()
	default:
		return "not all of it arrived"
	}
}

// howOn says what to do about a copy that could not go on.
func (o *cpOptions) howOn(err error) error {
	switch {
	case !procfs.Broken(err):
		return err
	case o.local == "-":
		return hint.With(err, "a file instead of -, which can be gone on with")
	case o.resume:
		return hint.With(err, "the same command again: it goes on with what is there")
	default:
		return hint.With(err, "the same command with --resume: it keeps what comes, and goes on with it the next time")
	}
}

// how is what flags say about copying.
func (f *Factory) how(ctx context.Context, opts *cpOptions, bar *progress) procfs.Copying {
	c := procfs.Copying{Again: f.again(ctx, bar), Resume: opts.resume, Follow: opts.follow}
	if bar.live {
		c.Total = bar.total.Store
	}
	return c
}
