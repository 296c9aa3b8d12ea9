// SPDX-License-Identifier: Apache-2.0

package cli

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

// DefaultImage is a static busybox: its tools run whatever the target's root holds.
const DefaultImage = "busybox:1.37.0-musl"

// HelperFlags are the flags of every command that needs a session.
type HelperFlags struct {
	Container   string
	Image       string
	pull        string
	idleTimeout time.Duration
	timeout     time.Duration
	profile     string
	runAs       string
	caps        []string
	Selector    string

	Override podspec.Override
	// changed tells whether the user set a flag.
	changed func(name string) bool
}

// Add adds the flags.
func (h *HelperFlags) Add(flags *pflag.FlagSet) {
	flags.StringVarP(&h.Container, "container", "c", "", "Target container; by default the pod's default container, else its first")
	flags.StringVarP(&h.Selector, "selector", "l", "", "Instead of POD: labels (key=value,...) of the pods to choose a ready one from, the newest")
	flags.StringVar(&h.Image, "image", "", "Image of the helper (default "+DefaultImage+", or the environment's SHAREPROC_IMAGE)")
	flags.StringVar(&h.pull, "image-pull-policy", "", "Pull policy of the helper's image: Always, IfNotPresent or Never")
	flags.DurationVar(&h.idleTimeout, "idle-timeout", DefaultIdleTimeout, "How long the helper waits for another command before it exits")
	flags.DurationVar(&h.timeout, "timeout", DefaultTimeout, "How long to wait for the helper to start")
	flags.StringVar(&h.profile, "profile", "", "Security profile of the helper, instead of the least privileged that works: restricted, baseline, general or netadmin")
	flags.StringVar(&h.runAs, "run-as", "", "UID[:GID] of the helper, instead of the target's own; GID is UID where it is left out")
	flags.StringSliceVar(&h.caps, "cap-add", nil, "Capabilities to add to the helper, which then runs as root")
	h.changed = flags.Changed
}

// Validate refuses values that no helper can have.
func (h *HelperFlags) Validate(cmd *cobra.Command) error {
	help := cmd.CommandPath() + " --help"
	switch corev1.PullPolicy(h.pull) {
	case "", corev1.PullAlways, corev1.PullIfNotPresent, corev1.PullNever:
	default:
		return Usage(help, "--image-pull-policy %q: not one of Always, IfNotPresent, Never", h.pull)
	}
	if h.idleTimeout < time.Second {
		return Usage(help, "--idle-timeout %s: less than a second", h.idleTimeout)
	}
	if h.timeout <= 0 {
		return Usage(help, "--timeout %s: not more than zero", h.timeout)
	}
	return h.parseOverride(help)
}

// parseOverride reads --profile, --run-as and --cap-add.
func (h *HelperFlags) parseOverride(help string) error {
	h.Override = podspec.Override{Profile: podspec.Profile(h.profile), Capabilities: h.caps}
	for _, name := range h.caps {
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r != '_' && (r > unicode.MaxASCII || !unicode.IsLetter(r)) }) {
			return Usage(help, "--cap-add %q: not the name of a capability", name)
		}
	}
	if h.runAs != "" {
		user, ok := parseUser(h.runAs)
		if !ok {
			return Usage("--run-as 1000:1000", "--run-as %q: not UID or UID:GID, in numbers", h.runAs)
		}
		h.Override.User = &user
	}
	if _, err := h.Override.Candidate(podspec.Subject{}); err != nil {
		return Usage(help, "%w", err)
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

// NewOpener makes the session opener of a command; ttl is for copies.
func NewOpener(deps *Deps, h *HelperFlags, ttl time.Duration) (*session.Opener, error) {
	client, err := deps.Client()
	if err != nil {
		return nil, err
	}
	s, err := Settings(deps)
	if err != nil {
		return nil, err
	}
	o := session.Options{
		Image: s.Image.Value, Images: s.Images.Value, PullPolicy: corev1.PullPolicy(s.PullPolicy.Value),
		Keep: s.IdleTimeout.Value, TTL: ttl, Timeout: s.Timeout.Value, Say: deps.Report.Say, Wait: deps.Report.Waiting,
	}
	if h.Image != "" {
		o.Image, o.Images = h.Image, nil
	}
	if h.pull != "" {
		o.PullPolicy = corev1.PullPolicy(h.pull)
	}
	if h.changed("idle-timeout") {
		o.Keep = h.idleTimeout
	}
	if h.changed("timeout") {
		o.Timeout = h.timeout
	}
	return &session.Opener{Client: client, Options: o}, nil
}

// Use opens a session to the pod that arg names and does something in it. Where a helper that ran already turns out not
// to reach the target, it is done once more through a better one, if there is one to be had.
func Use(ctx context.Context, deps *Deps, arg string, h *HelperFlags, want session.Wanted, do func(*Session) error) error {
	r, err := Do(ctx, deps, arg, h, want, 0, do)
	if err == nil || r == nil || r.Session.New && !want.AnyProcess || !h.Override.Empty() {
		return err
	}
	subject, ok := r.unreached(err)
	if !ok {
		return err
	}
	want.Except, want.Subject, want.Image = r.Session.Container, &subject, h.Image
	if next, err := session.Choose(r.Target, want); err != nil || next.Way != session.Reuse {
		deps.Report.Say("helper %s does not reach it; looking for a better one", r.Session.Container)
	}
	_, err = Do(ctx, deps, arg, h, want, 0, do)
	return err
}

// Do opens a session, does something in it and closes it. The session is nil where nothing could be done.
func Do(ctx context.Context, deps *Deps, arg string, h *HelperFlags, want session.Wanted, ttl time.Duration, do func(*Session) error) (open *Session, err error) {
	r, err := OpenSession(ctx, deps, arg, h, want, ttl)
	defer func() { r.Close(ctx, &err) }()
	if err == nil {
		open, err = r, do(r)
	}
	if err == nil || r == nil || !r.Session.Running {
		return open, err
	}
	if ctx.Err() == nil && StreamFailed(err) {
		if ended := r.Opener.Ended(ctx, r.Session); ended != nil {
			err = ended
		}
	}
	return open, session.LackExec(err, r.Session.Namespace)
}

// StreamFailed tells an exec that the cluster broke off or refused from one whose command said what was wrong.
func StreamFailed(err error) bool {
	var status apierrors.APIStatus
	if refused, ok := errors.AsType[*attach.ConnectError](err); ok {
		return refused.By == attach.Kubelet
	}
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
func (r *Session) unreached(err error) (podspec.Subject, bool) {
	subject := podspec.SubjectOf(r.Target.Pod, r.Target.Container)
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

// OpenSession resolves the pod that arg names and opens a session to it. The caller closes the session, also
// when it gets one beside an error. A helper that already runs costs one request: the pod's.
func OpenSession(ctx context.Context, deps *Deps, arg string, h *HelperFlags, want session.Wanted, ttl time.Duration) (r *Session, err error) {
	defer crash.Into(&err) // the session must be closed after a panic too
	o, err := NewOpener(deps, h, ttl)
	if err != nil {
		return nil, err
	}
	t, plan, err := Plan(ctx, deps, o, arg, h, want)
	if err != nil {
		return nil, err
	}
	r = &Session{Target: t, Opener: o}
	o.Look = Looker(deps, o, t)
	if r.Session, err = o.Open(ctx, t, plan); err != nil {
		return r, err
	}
	r.Wire, err = deps.Exec(r.Session)
	return r, err
}

// Plan resolves the pod that arg names and chooses what a session to it needs.
func Plan(ctx context.Context, deps *Deps, o *session.Opener, arg string, h *HelperFlags, want session.Wanted) (target.Target, session.Plan, error) {
	ns, err := Namespace(deps)
	if err != nil {
		return target.Target{}, session.Plan{}, err
	}
	ref := target.Ref{Arg: arg, Selector: h.Selector, Container: h.Container}
	if err := ref.Validate(); err != nil {
		return target.Target{}, session.Plan{}, AsUsage(err)
	}
	t, err := target.Resolve(ctx, o.Client, ns, ref, deps.Report.Say)
	if err != nil {
		return t, session.Plan{}, err
	}
	want.Image, want.Override = h.Image, h.Override
	plan, err := session.Choose(t, want)
	return t, plan, err
}
