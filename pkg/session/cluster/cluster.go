// SPDX-License-Identifier: Apache-2.0

// Package cluster answers "with what does a session reach its cluster?": clients, streams into containers, the server's clock,
// a reporter, and the settings for what is made there. It decides nothing.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
)

// PollInterval is how often something is read that changes. A watch would require a second permission.
const PollInterval = 200 * time.Millisecond

// Cluster is a cluster as its user reaches it, with the settings for what is made in it.
type Cluster struct {
	Client kubernetes.Interface
	// Dynamic is the client for workloads: one code for three kinds.
	Dynamic dynamic.Interface
	// Exec opens streams into a container.
	Exec   func(in attach.Container, bulk bool) (Exec, error)
	Report Reporter
	// Now returns the server's time; nil for the local clock.
	Now func() time.Time
	Settings
}

// Time is the time for marks. Other machines read them, and clocks differ.
func (c Cluster) Time() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

// Reporter shows progress to the user.
type Reporter interface {
	// Say prints one line.
	Say(format string, args ...any)
	// Warn prints a line that --quiet does not suppress.
	Warn(format string, args ...any)
	// Waiting shows what is being waited for until it is called with "".
	Waiting(text string)
}

// Settings configure helpers and copies.
type Settings struct {
	Image string
	// Images are used instead of Image if the node already has one of them, but not Image.
	Images     []string
	PullPolicy corev1.PullPolicy
	// Keep is the idle timeout of a helper.
	Keep time.Duration
	// TTL is the time after which the cluster terminates a copy, even if the client is gone.
	TTL time.Duration
	// Reason is why, in the user's words: it is written into whatever is made. "" for none.
	Reason string
	// Timeout bounds every wait for the cluster.
	Timeout time.Duration
}

// Exec opens streams into one container, like attach.Exec.
type Exec interface {
	Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error
	Shell(ctx context.Context, argv []string, t *attach.Terminal) error
	Attach(ctx context.Context, t *attach.Terminal, detach attach.Keys) error
}

// maxAnswer bounds the bytes of an answer that are kept: the creator of a helper also chose what runs in it.
const maxAnswer = 256

// ErrAnswer is the error for an answer that is none.
var ErrAnswer = errors.New("read answer of helper: unexpected data")

// Ask runs a program of ours that answers within limit, in a few words.
func Ask(ctx context.Context, exec Exec, limit time.Duration, argv []string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer from the helper within %s", limit))
	defer cancel()
	var out short
	err := exec.Run(ctx, argv, nil, &out, io.Discard)
	return string(out.text), err
}

// short keeps an answer of maxAnswer bytes and refuses more.
type short struct{ text []byte }

func (s *short) Write(p []byte) (int, error) {
	if len(s.text)+len(p) > maxAnswer {
		return 0, ErrAnswer
	}
	s.text = append(s.text, p...)
	return len(p), nil
}

// IdleExit describes when an idle helper exits.
func (s Settings) IdleExit() string {
	return "exits after " + FormatDuration(s.Keep) + " idle"
}

// FormatDuration omits zero units: 10m and not 10m0s.
func FormatDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
