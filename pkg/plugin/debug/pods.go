// SPDX-License-Identifier: Apache-2.0

package debug

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// validatePods refuses what all pods cannot have at once.
func (o *debugOptions) validatePods(cmd *cobra.Command) error {
	if !o.AllPods {
		return nil
	}
	for flag, set := range map[string]bool{
		"--copy": o.copy, "--patch": o.patch, "--persist": o.persist, "-i": o.stdin, "-t": o.tty, "--pid": o.root.pid != "", "--dry-run": o.dryRun != "none",
	} {
		if set && (flag != "-i" || len(o.command) > 0) {
			return cli.Usage(cmd.CommandPath()+" --help", "--all-pods and %s are mutually exclusive", flag)
		}
	}
	if len(o.command) == 0 {
		return cli.Usage(cmd.CommandPath()+" deploy/NAME --all-pods -- COMMAND", "--all-pods needs a command: a shell is in one pod")
	}
	return o.CheckPods(cmd)
}

// runInAll runs the command in every pod, and puts the pod's name in front of each line that it prints.
func runInAll(ctx context.Context, deps *cli.Deps, opts *debugOptions, want session.Request) error {
	var mu sync.Mutex
	ref := target.Ref{Arg: opts.pod, Selector: opts.Selector, Container: opts.Container}
	return cli.EachPod(ctx, deps, &opts.HelperFlags, ref, opts.Parallel, func(ctx context.Context, t target.Target) (err error) {
		s, err := cli.OpenTarget(ctx, deps, t, &opts.HelperFlags, want, 0)
		if err != nil {
			return err
		}
		defer s.CloseInto(ctx, &err)
		out := &lineWriter{mu: &mu, w: deps.Streams.Out, prefix: t.Pod.Name + ": "}
		errOut := &lineWriter{mu: &mu, w: deps.Streams.ErrOut, prefix: t.Pod.Name + ": "}
		own := cli.Within(deps, t.Pod.Namespace)
		own.Streams.Out, own.Streams.ErrOut = out, errOut
		err = debug(ctx, own, s, opts, attach.NewTerminal(deps.Streams.In, out, errOut), false)
		err = errors.Join(err, out.end(), errOut.end())
		if exit, ok := errors.AsType[cli.CommandExit](err); ok {
			return fmt.Errorf("the command ended with exit code %d", exit.Code)
		}
		return err
	})
}

// longestLine is how much of a line is kept back; what is longer is cut into lines.
const longestLine = 64 << 10

// A lineWriter writes whole lines, each with a prefix, to what others write to at the same time.
type lineWriter struct {
	mu     *sync.Mutex
	w      io.Writer
	prefix string
	rest   []byte
}

// Write keeps what is no whole line yet.
func (l *lineWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n') + 1
		if i == 0 {
			i = len(rest)
		}
		l.rest, rest = append(l.rest, rest[:i]...), rest[i:]
		if l.rest[len(l.rest)-1] == '\n' || len(l.rest) >= longestLine {
			if err := l.end(); err != nil {
				return 0, err
			}
		}
	}
	return len(p), nil
}

// end writes what is left.
func (l *lineWriter) end() error {
	if len(l.rest) == 0 {
		return nil
	}
	line := append([]byte(l.prefix), l.rest...)
	if line[len(line)-1] != '\n' {
		line = append(line, '\n')
	}
	l.rest = l.rest[:0]
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := l.w.Write(line)
	return err
}
