// SPDX-License-Identifier: Apache-2.0

package dump

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

// How long the log is waited for: until the dump begins, for each line of it, for what is behind the threads, and in all.
const (
	beginTime = 15 * time.Second
	moreTime  = 5 * time.Second
	endTime   = 2 * time.Second
	wholeTime = 2 * time.Minute
)

// maxLine bounds a line of the log; what is longer comes in parts.
const maxLine = 64 << 10

var errNoDump = errors.New("no threads came into the container's log")

// containerLog is the log of a container.
type containerLog struct {
	client                    kubernetes.Interface
	namespace, pod, container string
}

func (c containerLog) stream(ctx context.Context, o corev1.PodLogOptions) (io.ReadCloser, error) {
	o.Container, o.Timestamps = c.container, true
	stream, err := c.client.CoreV1().Pods(c.namespace).GetLogs(c.pod, &o).Stream(ctx)
	if apierrors.IsForbidden(err) {
		return nil, hint.With(fmt.Errorf("read the log: %w", err), "have get on pods/log added to your Role in namespace "+c.namespace)
	}
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	return stream, nil
}

// last is the time of the log's last line, by the node's clock; zero where there is no line.
func (c containerLog) last(ctx context.Context) (time.Time, error) {
	one := int64(1)
	stream, err := c.stream(ctx, corev1.PodLogOptions{TailLines: &one})
	if err != nil {
		return time.Time{}, err
	}
	defer func() { _ = stream.Close() }()
	line, err := bufio.NewReaderSize(stream, maxLine).ReadSlice('\n')
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return time.Time{}, fmt.Errorf("read the log: %w", err)
	}
	at, _ := stamp(string(line))
	return at, nil
}

// follow copies the dump from the log to out: what is written after since, until it ends. whole is false where its end did not
// come.
func (c containerLog) follow(ctx context.Context, since time.Time, out io.Writer) (whole bool, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, wholeTime, fmt.Errorf("the log did not end after %s", wholeTime))
	defer cancel()
	options := corev1.PodLogOptions{Follow: true}
	if !since.IsZero() {
		options.SinceTime = &metav1.Time{Time: since}
	}
	// The kubelet answers a request only once there is a line, so opening the stream waits too.
	lines, failed := make(chan string), make(chan error, 1)
	crash.Go(ctx, func() { failed <- c.lines(ctx, options, since, lines) })
	d := &jvmDump{out: out}
	timer := time.NewTimer(d.patience())
	defer timer.Stop()
	for {
		select {
		case line := <-lines:
			before := d.patience()
			if err := d.line(line); err != nil || d.ended {
				return d.ended, err
			}
			// Lines of the program's own do not make the waits in front of the dump, or behind it, longer.
			if after := d.patience(); after != before || after == moreTime {
				timer.Reset(after)
			}
		case err := <-failed:
			return d.close(err)
		case <-timer.C:
			return d.close(nil)
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}

// lines sends the lines that were written after since, without their times, until the log or ctx ends.
func (c containerLog) lines(ctx context.Context, o corev1.PodLogOptions, since time.Time, to chan<- string) error {
	stream, err := c.stream(ctx, o)
	if err != nil {
		return err
	}
	defer func() { _ = stream.Close() }()
	r := bufio.NewReaderSize(stream, maxLine)
	old := false
	for whole := true; ; {
		part, more, err := r.ReadLine()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		text := string(part)
		if whole {
			var at time.Time
			at, text = stamp(text)
			old = !at.After(since)
		}
		whole = !more
		if old {
			continue
		}
		select {
		case to <- text:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// stamp takes the time off a line.
func stamp(line string) (time.Time, string) {
	word, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
	at, err := time.Parse(time.RFC3339Nano, word)
	if err != nil {
		return time.Time{}, line
	}
	return at, text
}
