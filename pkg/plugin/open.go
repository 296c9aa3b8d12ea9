// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// defaultImage is a static busybox: its tools run whatever the target's root holds.
const defaultImage = "busybox:1.37.0-musl"

// helperFlags are the flags of every command that needs a session.
type helperFlags struct {
	container string
	image     string
	pull      string
	keep      time.Duration
	timeout   time.Duration
}

func (h *helperFlags) add(flags *pflag.FlagSet) {
	flags.StringVarP(&h.container, "container", "c", "", "Target container; by default the pod's default container, else its first")
	flags.StringVar(&h.image, "image", "", "Image of the helper (default "+defaultImage+", or the environment's SHAREPROC_IMAGE)")
	flags.StringVar(&h.pull, "image-pull-policy", "", "Pull policy of the helper's image: Always, IfNotPresent or Never")
	flags.DurationVar(&h.keep, "keep", 10*time.Minute, "How long the helper waits for another command before it ends by itself")
	flags.DurationVar(&h.timeout, "timeout", time.Minute, "How long to wait for the helper to start")
}

func (h *helperFlags) validate(cmd *cobra.Command) error {
	help := cmd.CommandPath() + " --help"
	switch corev1.PullPolicy(h.pull) {
	case "", corev1.PullAlways, corev1.PullIfNotPresent, corev1.PullNever:
	default:
		return usage(help, "--image-pull-policy %q: not one of Always, IfNotPresent, Never", h.pull)
	}
	if h.keep < time.Second {
		return usage(help, "--keep %s: less than a second", h.keep)
	}
	if h.timeout <= 0 {
		return usage(help, "--timeout %s: not more than zero", h.timeout)
	}
	return nil
}

// opener makes the session opener of a command; ttl is for copies.
func (f *Factory) opener(h *helperFlags, ttl time.Duration) (*session.Opener, error) {
	client, err := f.Client()
	if err != nil {
		return nil, err
	}
	image := h.image
	if image == "" {
		image = f.Getenv("SHAREPROC_IMAGE")
	}
	if image == "" {
		image = defaultImage
	}
	return &session.Opener{Client: client, Options: session.Options{
		Image: image, PullPolicy: corev1.PullPolicy(h.pull),
		Keep: h.keep, TTL: ttl, Timeout: h.timeout, Say: f.say,
	}}, nil
}

// open resolves the pod that arg names and opens a session to it. The caller closes the room, also
// when it gets one beside an error. A helper that already runs costs one request: the pod's.
func (f *Factory) open(ctx context.Context, arg string, h *helperFlags, want session.Wanted, ttl time.Duration) (*room, error) {
	o, err := f.opener(h, ttl)
	if err != nil {
		return nil, err
	}
	t, plan, err := f.plan(ctx, o, arg, h, want)
	if err != nil {
		return nil, err
	}
	s, err := o.Open(ctx, t, plan)
	r := &room{target: t, session: s, opener: o}
	if err != nil {
		return r, err
	}
	r.wire, err = f.Exec(s)
	return r, err
}

func (f *Factory) plan(ctx context.Context, o *session.Opener, arg string, h *helperFlags, want session.Wanted) (target.Target, session.Plan, error) {
	ns, err := f.namespace()
	if err != nil {
		return target.Target{}, session.Plan{}, err
	}
	t, err := target.Resolve(ctx, o.Client, ns, arg, h.container)
	if err != nil {
		return t, session.Plan{}, err
	}
	want.Image = h.image
	plan, err := session.Choose(t, want)
	return t, plan, err
}
