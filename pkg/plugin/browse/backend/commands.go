// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
)

// silent are the dependencies of what runs behind the screen: what sessions say would go across it.
func (b *Backend) silent(namespace string) *cli.Deps {
	d := cli.Within(b.deps, namespace)
	d.Streams.In, d.Streams.Out, d.Streams.ErrOut = strings.NewReader(""), io.Discard, io.Discard
	d.Report.Quiet = true
	return d
}

// Command runs a command line in a namespace and gives what it prints. An error is what it says on stderr; diff's 1 is none.
func (b *Backend) Command(ctx context.Context, namespace string, args ...string) (string, error) {
	var out, said bytes.Buffer
	d := b.silent(namespace)
	d.Streams.Out, d.Streams.ErrOut = &out, &said
	differs := slices.Contains(args, "diff")
	if differs {
		d.Pool = b.slow // what is compared may be long, and the screen goes on
	}
	switch code := b.line(ctx, d, args); {
	case code != 0 && (code != 1 || !differs):
		return out.String(), saidError(said.String())
	case out.Len() == 0 && said.Len() > 0:
		return said.String(), nil
	case out.Len() == 0:
		return "nothing: both are the same, or there is none", nil
	}
	return out.String(), nil
}

// saidError is what a command said before it ended.
func saidError(said string) error {
	for line := range strings.Lines(said) {
		if text, ok := strings.CutPrefix(line, "error: "); ok {
			return errors.New(strings.TrimSpace(text))
		}
	}
	return errors.New(strings.TrimSpace(said))
}

// Terminal runs a command line on the terminal, which the screen gives away for as long, and hears then how it ended.
func (b *Backend) Terminal(then tea.ExecCallback, namespace string, args ...string) tea.Cmd {
	return tea.Exec(&ownLine{b, namespace, args}, then)
}

// An ownLine is a command line of this tool, as bubbletea runs it.
type ownLine struct {
	b         *Backend
	namespace string
	args      []string
}

// Run runs it, with the streams that the program has.
func (l *ownLine) Run() error {
	var said bytes.Buffer
	d := cli.Within(l.b.deps, l.namespace)
	d.Streams.ErrOut = io.MultiWriter(l.b.deps.Streams.ErrOut, &said)
	if code := l.b.line(l.b.ctx, d, l.args); code != 0 {
		return saidError(said.String())
	}
	return nil
}

// SetStdin does nothing: the command has the program's own.
func (l *ownLine) SetStdin(io.Reader) {}

// SetStdout does nothing.
func (l *ownLine) SetStdout(io.Writer) {}

// SetStderr does nothing.
func (l *ownLine) SetStderr(io.Writer) {}

// Copy copies as cp does, over connections that are kept for that, so that the screen goes on. bar counts.
func (b *Backend) Copy(ctx context.Context, from, to files.End, bar *output.Progress) error {
	b.copying.RLock()
	defer b.copying.RUnlock()
	var said bytes.Buffer
	d := b.silent("")
	d.Pool, d.Streams.ErrOut, d.Report.Bar = b.slow, &said, bar
	for _, end := range []*files.End{&from, &to} {
		if end.Pod == "" {
			end.Path = filepath.FromSlash(end.Path)
		}
	}
	err := b.copier(ctx, d, b.flags, from, to)
	if first, _, _ := strings.Cut(strings.TrimSpace(said.String()), "\n"); err != nil && first != "" {
		return errors.Join(err, errors.New(first))
	}
	return err
}
