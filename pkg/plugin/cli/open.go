// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// DefaultImage is a static busybox: its tools run whatever the target's root holds. The digest is that of the index with all
// platforms, as docker-library/repo-info has it (repos/busybox/remote/1.37.0-musl.md).
const (
	DefaultImage = defaultTag + "@sha256:fc6dddc4c44b1bfe37f41cae8e67d1693828e8f42a91862816d7953e2c9d3f23"
	defaultTag   = "busybox:1.37.0-musl"
)

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
	reason      string
	Selector    string

	Override podspec.Override
	// Two is set where two pods are named, each of whose containers -c may name.
	Two bool
	// changed reports whether the user set a flag.
	changed func(name string) bool
}

// Add adds the flags.
func (h *HelperFlags) Add(flags *pflag.FlagSet) {
	flags.StringVarP(&h.Container, "container", "c", "", "Target container (default: the pod's default container, or its first)")
	flags.StringVarP(&h.Selector, "selector", "l", "", "Label selector: use the newest ready pod that matches, instead of POD")
	flags.StringVar(&h.Image, "image", "", "Image of the helper (default "+defaultTag+" by its digest, or SHAREPROC_IMAGE from the environment)")
	flags.StringVar(&h.pull, "image-pull-policy", "", "Pull policy of the helper's image: Always, IfNotPresent or Never")
	flags.DurationVar(&h.idleTimeout, "idle-timeout", DefaultIdleTimeout, "How long an idle helper stays around")
	flags.DurationVar(&h.timeout, "timeout", DefaultTimeout, "How long to wait for the helper to start")
	flags.StringVar(&h.profile, "profile", "", "Security profile of the helper: restricted, baseline, general or netadmin (default: the least privileged that works)")
	flags.StringVar(&h.runAs, "run-as", "", "UID[:GID] of the helper (default: the target's); GID defaults to UID")
	flags.StringSliceVar(&h.caps, "cap-add", nil, "Capabilities to add to the helper, which then runs as root")
	flags.StringVar(&h.reason, "reason", "", "Why, in your words: recorded in the helper, copy or patch that is made, for others to read")
	Group(flags, GroupTarget, "container", "selector")
	Group(flags, GroupHelper, "image")
	GroupRare(flags, GroupHelper, "image-pull-policy", "idle-timeout", "timeout", "profile", "run-as", "cap-add", "reason")
	h.changed = flags.Changed
}

// maxReason is the longest reason in bytes: it stays in a pod's object for as long as the pod is there.
const maxReason = 256

// AddWithoutLetter adds them for a tool to which -l is its own letter.
func (h *HelperFlags) AddWithoutLetter(flags *pflag.FlagSet) {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	h.Add(all)
	all.Lookup("selector").Shorthand = ""
	flags.AddFlagSet(all)
}

// ForTwo has -c say that it may name a container of each of two pods.
func ForTwo(flags *pflag.FlagSet) {
	flags.Lookup("container").Usage = "Target container, or A,B for one of each of two pods (default: the pod's default container, or its first)"
}

// Of is what the flags say of the first or second of two pods.
func (h HelperFlags) Of(number int) HelperFlags {
	if a, b, both := strings.Cut(h.Container, ","); both && h.Two {
		h.Container = [2]string{a, b}[number]
	}
	return h
}

// Validate refuses values that no helper can have.
func (h *HelperFlags) Validate(cmd *cobra.Command) error {
	help := cmd.CommandPath() + " --help"
	switch corev1.PullPolicy(h.pull) {
	case "", corev1.PullAlways, corev1.PullIfNotPresent, corev1.PullNever:
	default:
		return Usage(help, "--image-pull-policy %q: not one of Always, IfNotPresent, Never", h.pull)
	}
	for i := range 2 {
		if name := h.Of(i).Container; h.Container != "" && len(validation.IsDNS1123Label(name)) > 0 {
			return Usage("kubectl shareproc ps POD", "-c %q: not the name of a container", name)
		}
	}
	if h.idleTimeout < time.Second {
		return Usage(help, "--idle-timeout %s: must be at least a second", h.idleTimeout)
	}
	if len(h.reason) > maxReason || strings.ContainsFunc(h.reason, unicode.IsControl) || !utf8.ValidString(h.reason) {
		return Usage(help, "--reason: must be one line of at most %d bytes", maxReason)
	}
	if h.timeout <= 0 {
		return Usage(help, "--timeout %s: must be greater than zero", h.timeout)
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
	if _, err := h.Override.Candidate(podspec.TargetUser{}); err != nil {
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

// SessionDeps are what sessions of a command need; ttl is for copies.
func SessionDeps(deps *Deps, h *HelperFlags, ttl time.Duration) (session.Deps, error) {
	d, err := Manager(deps)
	if err != nil {
		return d, err
	}
	s, err := Settings(deps)
	if err != nil {
		return d, err
	}
	d.Settings = cluster.Settings{
		Image: s.Image.Value, Images: s.Images.Value, PullPolicy: corev1.PullPolicy(s.PullPolicy.Value),
		Keep: s.IdleTimeout.Value, TTL: ttl, Timeout: s.Timeout.Value, Reason: h.reason,
	}
	if h.Image != "" {
		d.Image, d.Images = h.Image, nil
	}
	if h.pull != "" {
		d.PullPolicy = corev1.PullPolicy(h.pull)
	}
	if h.changed("idle-timeout") {
		d.Keep = h.idleTimeout
	}
	if h.changed("timeout") {
		d.Timeout = h.timeout
	}
	return d, nil
}

// Manager is what is needed to find and end sessions.
func Manager(deps *Deps) (d session.Deps, err error) {
	d = session.Deps{Pool: deps.Pool, Cluster: cluster.Cluster{Report: deps.Report, Exec: deps.Exec, Now: deps.Now, Settings: cluster.Settings{Timeout: DefaultTimeout}}}
	if d.Client, err = deps.Client(); err != nil {
		return d, err
	}
	d.Dynamic, err = deps.Dynamic()
	return d, err
}

// Open opens a session to the pod that arg names. A helper that already runs costs one request: the pod's.
func Open(ctx context.Context, deps *Deps, arg string, h *HelperFlags, want session.Request, ttl time.Duration) (*session.Session, error) {
	d, err := SessionDeps(deps, h, ttl)
	if err != nil {
		return nil, err
	}
	t, err := Resolve(ctx, deps, d, target.Ref{Arg: arg, Selector: h.Selector, Container: h.Container})
	if err != nil {
		return nil, err
	}
	return openTarget(ctx, d, t, h, want)
}

// OpenTarget opens a session to a target that is known.
func OpenTarget(ctx context.Context, deps *Deps, t target.Target, h *HelperFlags, want session.Request, ttl time.Duration) (*session.Session, error) {
	d, err := SessionDeps(deps, h, ttl)
	if err != nil {
		return nil, err
	}
	return openTarget(ctx, d, t, h, want)
}

func openTarget(ctx context.Context, d session.Deps, t target.Target, h *HelperFlags, want session.Request) (*session.Session, error) {
	want.Image, want.Override = h.Image, h.Override
	return session.Open(ctx, d, t, want)
}

// Resolve finds the pod and the container that ref means.
func Resolve(ctx context.Context, deps *Deps, d session.Deps, ref target.Ref) (target.Target, error) {
	ns, err := Namespace(deps)
	if err != nil {
		return target.Target{}, err
	}
	if err := ref.Validate(); err != nil {
		return target.Target{}, AsUsage(err)
	}
	if deps.prepare != nil {
		deps.prepare(ctx)
	}
	return target.Resolve(ctx, d.Client, ns, ref, deps.Report.Say)
}
