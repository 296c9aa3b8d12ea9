// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
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
	profile   string
	runAs     string
	caps      []string
	selector  string

	override podspec.Override
	// changed tells whether the user set a flag.
	changed func(name string) bool
}

func (h *helperFlags) add(flags *pflag.FlagSet) {
	flags.StringVarP(&h.container, "container", "c", "", "Target container; by default the pod's default container, else its first")
	flags.StringVarP(&h.selector, "selector", "l", "", "Instead of POD: labels (key=value,...) of the pods to choose a ready one from, the newest")
	flags.StringVar(&h.image, "image", "", "Image of the helper (default "+defaultImage+", or the environment's SHAREPROC_IMAGE)")
	flags.StringVar(&h.pull, "image-pull-policy", "", "Pull policy of the helper's image: Always, IfNotPresent or Never")
	flags.DurationVar(&h.keep, "keep", defaultKeep, "How long the helper waits for another command before it ends by itself")
	flags.DurationVar(&h.timeout, "timeout", defaultTimeout, "How long to wait for the helper to start")
	flags.StringVar(&h.profile, "profile", "", "Security context of the helper, instead of the least that will do: restricted, baseline, general or netadmin")
	flags.StringVar(&h.runAs, "run-as", "", "UID[:GID] of the helper, instead of the target's own; GID is UID where it is left out")
	flags.StringSliceVar(&h.caps, "cap", nil, "Capabilities to add to the helper, which then runs as root")
	h.changed = flags.Changed
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
	return h.parseOverride(help)
}

// parseOverride reads --profile, --run-as and --cap.
func (h *helperFlags) parseOverride(help string) error {
	h.override = podspec.Override{Profile: podspec.Profile(h.profile), Capabilities: h.caps}
	for _, name := range h.caps {
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r != '_' && (r > unicode.MaxASCII || !unicode.IsLetter(r)) }) {
			return usage(help, "--cap %q: not the name of a capability", name)
		}
	}
	if h.runAs != "" {
		user, ok := parseUser(h.runAs)
		if !ok {
			return usage("--run-as 1000:1000", "--run-as %q: not UID or UID:GID, in numbers", h.runAs)
		}
		h.override.User = &user
	}
	if _, err := h.override.Candidate(podspec.Subject{}); err != nil {
		return usage(help, "%w", err)
	}
	return nil
}

// parseUser reads UID[:GID].
func parseUser(text string) (podspec.User, bool) {
	uid, gid, both := strings.Cut(text, ":")
	if !both {
		gid = uid
	}
	u, uidErr := strconv.ParseUint(uid, 10, 31)
	g, gidErr := strconv.ParseUint(gid, 10, 31)
	return podspec.User{UID: int64(u), GID: int64(g)}, uidErr == nil && gidErr == nil
}

// opener makes the session opener of a command; ttl is for copies.
func (f *Factory) opener(h *helperFlags, ttl time.Duration) (*session.Opener, error) {
	client, err := f.Client()
	if err != nil {
		return nil, err
	}
	s, err := f.settings()
	if err != nil {
		return nil, err
	}
	o := session.Options{
		Image: s.Image.Value, Images: s.Images.Value, PullPolicy: corev1.PullPolicy(s.PullPolicy.Value),
		Keep: s.Keep.Value, TTL: ttl, Timeout: s.Timeout.Value, Say: f.Report.Say, Wait: f.Report.Waiting,
	}
	if h.image != "" {
		o.Image, o.Images = h.image, nil
	}
	if h.pull != "" {
		o.PullPolicy = corev1.PullPolicy(h.pull)
	}
	if h.changed("keep") {
		o.Keep = h.keep
	}
	if h.changed("timeout") {
		o.Timeout = h.timeout
	}
	return &session.Opener{Client: client, Options: o}, nil
}

// use opens a session to the pod that arg names and does something in it. Where a helper that ran already turns out not
// to reach the target, it is done once more through a better one, if there is one to be had.
func (f *Factory) use(ctx context.Context, arg string, h *helperFlags, want session.Wanted, do func(*room) error) error {
	r, err := f.do(ctx, arg, h, want, 0, do)
	if err == nil || r == nil || r.session.New && !want.AnyProcess || !h.override.Empty() {
		return err
	}
	subject, ok := r.unreached(err)
	if !ok {
		return err
	}
	want.Except, want.Subject, want.Image = r.session.Container, &subject, h.image
	if next, err := session.Choose(r.target, want); err != nil || next.Way != session.Reuse {
		f.Report.Say("helper %s does not reach it; looking for a better one", r.session.Container)
	}
	_, err = f.do(ctx, arg, h, want, 0, do)
	return err
}

// do opens a session, does something in it and closes it. The room is nil where nothing could be done.
func (f *Factory) do(ctx context.Context, arg string, h *helperFlags, want session.Wanted, ttl time.Duration, do func(*room) error) (open *room, err error) {
	r, err := f.open(ctx, arg, h, want, ttl)
	defer r.close(ctx, &err)
	if err == nil {
		open, err = r, do(r)
	}
	if err == nil || r == nil || !r.session.Running {
		return open, err
	}
	if ctx.Err() == nil && streamFailed(err) {
		if ended := r.opener.Ended(ctx, r.session); ended != nil {
			err = ended
		}
	}
	return open, session.LackExec(err, r.session.Namespace)
}

// streamFailed tells an exec that the cluster broke off or refused from one whose command said what was wrong.
func streamFailed(err error) bool {
	var status apierrors.APIStatus
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, attach.ErrLost):
		return true
	case errors.As(err, &status):
		return !apierrors.IsForbidden(err) && !apierrors.IsUnauthorized(err)
	default:
		return false
	}
}

// unreached tells whom a helper did not reach, by the kernel's word.
func (r *room) unreached(err error) (podspec.Subject, bool) {
	subject := podspec.SubjectOf(r.target.Pod, r.target.Container)
	if denied, ok := errors.AsType[*remote.AccessError](err); ok {
		user := podspec.User{UID: int64(denied.UID), GID: int64(denied.GID)}
		// Who is as the helper was made for, and denies it all the same, is not to be had by ids.
		same := user == subject.User && subject.Known
		return subject.Met(user, denied.Undumpable || same), true
	}
	denied, ok := errors.AsType[signalError](err)
	if ok && errors.Is(err, fs.ErrPermission) {
		return subject.Met(podspec.User{UID: int64(denied.process.UID), GID: int64(denied.process.GID)}, false), true
	}
	return podspec.Subject{}, false
}

// open resolves the pod that arg names and opens a session to it. The caller closes the room, also
// when it gets one beside an error. A helper that already runs costs one request: the pod's.
func (f *Factory) open(ctx context.Context, arg string, h *helperFlags, want session.Wanted, ttl time.Duration) (r *room, err error) {
	defer crash.Into(&err) // the room must be closed after a panic too
	o, err := f.opener(h, ttl)
	if err != nil {
		return nil, err
	}
	t, plan, err := f.plan(ctx, o, arg, h, want)
	if err != nil {
		return nil, err
	}
	r = &room{target: t, opener: o}
	o.Look = f.looker(o, t)
	if r.session, err = o.Open(ctx, t, plan); err != nil {
		return r, err
	}
	r.wire, err = f.Exec(r.session)
	return r, err
}

func (f *Factory) plan(ctx context.Context, o *session.Opener, arg string, h *helperFlags, want session.Wanted) (target.Target, session.Plan, error) {
	ns, err := f.namespace()
	if err != nil {
		return target.Target{}, session.Plan{}, err
	}
	ref := target.Ref{Arg: arg, Selector: h.selector, Container: h.container}
	if err := ref.Validate(); err != nil {
		return target.Target{}, session.Plan{}, asUsage(err)
	}
	t, err := target.Resolve(ctx, o.Client, ns, ref, f.Report.Say)
	if err != nil {
		return t, session.Plan{}, err
	}
	want.Image, want.Override = h.image, h.override
	plan, err := session.Choose(t, want)
	return t, plan, err
}
