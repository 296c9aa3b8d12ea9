// SPDX-License-Identifier: Apache-2.0

// Package backend answers "who does what the screen asks for?": it opens pods, runs command lines as a person would type them, and
// copies files. It knows no key, and draws nothing.
package backend

import (
	"context"
	"sync"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/place"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

// A Line runs a command line of this tool and returns its exit code.
type Line func(ctx context.Context, deps *cli.Deps, args []string) int

// A Copier copies as cp does, and has its progress counted by the reporter's bar.
type Copier func(ctx context.Context, deps *cli.Deps, h cli.HelperFlags, from, to files.End) error

// A Backend does what the screen asks for. What a key waits for goes over one connection to each helper, and what may take long
// over another one, which is made when it is first needed.
type Backend struct {
	ctx  context.Context //nolint:containedctx // an editor gets none from bubbletea
	deps *cli.Deps
	home string // the namespace of the command line
	slow *session.Pool

	flags  cli.HelperFlags
	line   Line
	copier Copier

	mu      sync.Mutex
	opened  []*place.Pod
	copying sync.RWMutex // read-locked by each copy
}

// New is a Backend for the command line's namespace and flags. Commands that it runs share its connections.
func New(ctx context.Context, deps *cli.Deps, home string, flags cli.HelperFlags, line Line, copier Copier) *Backend {
	deps.Pool = session.NewPool(ctx, false)
	return &Backend{ctx: ctx, deps: deps, home: home, slow: session.NewPool(ctx, true), flags: flags, line: line, copier: copier}
}

// Close waits for what copies have to clean up, which has its own end, and ends the sessions.
func (b *Backend) Close(ctx context.Context, err *error) {
	b.copying.Lock()
	defer b.copying.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.slow.Close()
	b.deps.Pool.Close()
	for _, p := range b.opened {
		p.CloseInto(ctx, err)
	}
}
