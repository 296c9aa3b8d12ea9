// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/diff"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
)

// A side is one of the two ends while they are compared.
type side struct {
	deps  *cli.Deps // of its own namespace
	end   diffEnd
	flags cli.HelperFlags
	// beside is the side whose container's image this one is; nil for others.
	beside *side
	tree   *diffTree
	top    string // where the listing begins, in a pod without links
	list   diff.Listing
	sums   map[string][32]byte
	// files are what is known of those on this machine.
	files map[string]transfer.File
	// reasons say why a file has no sum. parts are those that could not be compared for that.
	reasons map[string]error
	parts   []string

	ready   chan struct{} // closed once it is listed
	listed  sync.Once
	release chan struct{} // closed when nothing more is asked
	err     error         // what it failed with after it was listed
	ended   chan error
}

// errSide stands for the error of a side, which the side itself gives.
var errSide = errors.New("one side failed")

func newSide(deps *cli.Deps, end diffEnd, flags cli.HelperFlags) *side {
	return &side{
		deps: cli.Within(deps, end.namespace), end: end, flags: flags, list: diff.NewListing(), sums: map[string][32]byte{}, reasons: map[string]error{}, files: map[string]transfer.File{},
		ready: make(chan struct{}), release: make(chan struct{}), ended: make(chan error, 1),
	}
}

func (s *side) sum(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return nil
	}
	if s.err = s.tree.sum(ctx, s, names); s.err != nil {
		return errSide
	}
	return nil
}

// addUncompared records a file that could not be compared because of this side.
func (s *side) addUncompared(name string) {
	if _, ok := s.sums[name]; !ok {
		s.addUndecided(name, cmp.Or(s.reasons[name], remote.ErrChanged))
	}
}

func (s *side) addUndecided(name string, err error) {
	if cause := (*fs.PathError)(nil); errors.As(err, &cause) {
		err = cause.Err
	}
	s.parts = append(s.parts, "compare "+s.name(name)+": "+output.EscapeLine(err.Error()))
}

// name is a file's name for people.
func (s *side) name(name string) string {
	end := s.end
	end.path = s.absolute(name)
	return end.String()
}

// missing says what could not be listed or compared.
func (s *side) missing() (errs []error) {
	if err := s.tree.missing(s); err != nil {
		errs = append(errs, err)
	}
	for i, text := range s.parts {
		if i == files.FailuresShown {
			text = fmt.Sprintf("compare %d more files of %s", len(s.parts)-i, s.end)
		}
		errs = append(errs, files.NewPartError(text, nil))
		if i == files.FailuresShown {
			break
		}
	}
	return errs
}

// openBoth lists both sides at the same time, runs work when both are listed, and closes them. An image is listed once its
// container is.
func openBoth(ctx context.Context, deps *cli.Deps, opts *diffOptions, a, b *side, work func(context.Context) error) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	// The output of the second side is held back until the first side is done.
	held := &bufferedOutput{out: deps.Streams.ErrOut}
	b.deps.Streams.ErrOut = held
	begin := func(s *side) {
		err := crash.Try(func() error { return s.listAndWait(inner, opts) })
		if err != nil {
			cancel()
		}
		s.ended <- err
	}
	inTurn := a.samePod(b) || b.beside == a
	crash.Go(ctx, func() { begin(a) })
	crash.Go(ctx, func() {
		if inTurn {
			// The second side of one pod reuses the helper of the first.
			select {
			case <-a.ready:
			case <-inner.Done():
				b.ended <- context.Cause(inner) // what it waits for failed
				return
			}
		}
		begin(b)
	})
	var worked error
	overA, errA := a.waitListed()
	held.open()
	overB, errB := b.waitListed()
	if !overA && !overB {
		worked = work(inner)
	}
	close(a.release)
	close(b.release)
	if !overA {
		errA = <-a.ended
	}
	if !overB {
		errB = <-b.ended
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var own []error
	for _, err := range []error{worked, errA, errB} {
		// One that fails ends the other.
		if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, errSide) {
			own = append(own, err)
		}
	}
	return files.Together(own)
}

// waitListed waits until a side is listed or has failed.
func (s *side) waitListed() (over bool, err error) {
	select {
	case <-s.ready:
		return false, nil
	case err := <-s.ended:
		return true, err
	}
}

func (s *side) samePod(other *side) bool {
	// Without a namespace, opening the side fails soon.
	ns, _ := cli.Namespace(s.deps)
	otherNS, _ := cli.Namespace(other.deps)
	return !s.end.local() && s.end.pod == other.end.pod && ns == otherNS
}

// listAndWait lists a side, and keeps it open until it is released.
func (s *side) listAndWait(ctx context.Context, opts *diffOptions) (err error) {
	list := func(r *session.Session) error {
		s.tree, s.list = &diffTree{session: r}, diff.NewListing()
		if err := s.tree.list(ctx, s, opts); err != nil {
			return err
		}
		s.listed.Do(func() { close(s.ready) })
		select {
		case <-s.release:
			return s.err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if s.end.local() {
		return list(nil)
	}
	opened, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer opened.CloseInto(ctx, &err)
	defer func() {
		if root := s.tree.root; root != nil {
			_ = root.Close()
		}
	}()
	if s.beside != nil {
		if s.end.pid, err = session.ImageProcess(ctx, opened); err != nil {
			return err
		}
		s.end.path = strings.TrimSuffix(podspec.ImageDir+s.beside.top, "/")
	}
	return list(opened)
}

func (s *side) open(ctx context.Context) (*session.Session, error) {
	if s.beside == nil {
		want := session.Request{Access: podspec.ReadRoot, AnyProcess: s.end.pid != 0}
		return cli.Open(ctx, s.deps, s.end.pod, &s.flags, want, 0)
	}
	d, err := cli.SessionDeps(s.deps, &s.flags, imageTTL)
	if err != nil {
		return nil, err
	}
	return session.OpenImage(ctx, d, s.beside.tree.session)
}

// imageTTL is when the cluster ends the pod of an image, whatever became of the client.
const imageTTL = 30 * time.Minute

// bufferedOutput buffers what is written until it is opened.
type bufferedOutput struct {
	mu     sync.Mutex
	out    io.Writer
	kept   bytes.Buffer
	opened bool
}

// Write keeps or writes.
func (h *bufferedOutput) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.opened {
		return h.kept.Write(p)
	}
	return h.out.Write(p)
}

func (h *bufferedOutput) open() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.opened = true
	// Narration: what becomes of it changes nothing.
	_, _ = h.kept.WriteTo(h.out)
}
