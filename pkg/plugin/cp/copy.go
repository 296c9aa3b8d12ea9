// SPDX-License-Identifier: Apache-2.0

package cp

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/tree"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer/localfs"
)

// A copySide is an end of a copy that is open.
type copySide struct {
	copyEnd
	tree    transfer.Tree
	session *session.Session // nil on this machine
	root    *rootfs.Root
	pid     int
}

// Between copies as the command does, from one container to another where their names differ too.
func Between(ctx context.Context, deps *cli.Deps, h cli.HelperFlags, from, to files.End) error {
	end := func(e files.End) copyEnd { return copyEnd{e.Namespace, e.Pod, e.Path} }
	return run(ctx, deps, &cpOptions{HelperFlags: h, source: end(from), dest: end(to), in: [2]files.End{from, to}, compress: string(tree.PackAuto)})
}

func run(ctx context.Context, deps *cli.Deps, opts *cpOptions) error {
	if opts.dest.pod != "" {
		if err := cli.CheckWritable(cli.Within(deps, opts.dest.namespace), "copying into a pod"); err != nil {
			return err
		}
	}
	if local := opts.source; local.pod == "" && !local.stream() {
		// Before a helper is added for nothing.
		if _, err := os.Lstat(local.path); err != nil {
			return readLocal(filepath.ToSlash(local.path), errors.Unwrap(err))
		}
	}
	return openEnd(ctx, deps, opts, opts.source, false, func(from copySide) error {
		return openEnd(ctx, deps, opts, opts.dest, true, func(to copySide) error { return copyFiles(ctx, deps, opts, from, to) })
	})
}

// openEnd opens an end of a copy while do runs.
func openEnd(ctx context.Context, deps *cli.Deps, opts *cpOptions, end copyEnd, write bool, do func(copySide) error) (err error) {
	p := copySide{copyEnd: end}
	switch {
	case end.stream() && write:
		screen := deps.Report.Screen(false)
		defer screen.Close(&err)
		p.tree = transfer.Output(screen, nil)
	case end.stream():
		p.tree = transfer.Input(deps.Streams.In, nil)
	case end.pod == "":
		p.path, p.tree = filepath.ToSlash(end.path), localfs.Tree()
	default:
		number := map[bool]int{true: 1}[write]
		in, flags := opts.in[number], opts.Of(number)
		p.pid, flags.Container = cmp.Or(in.PID, opts.pid), cmp.Or(in.Container, flags.Container)
		p.session, err = cli.Open(ctx, cli.Within(deps, end.namespace), end.pod, &flags, session.Request{Access: podspec.ReadRoot, Bulk: true}, 0)
		if err != nil {
			return err
		}
		defer p.session.CloseInto(ctx, &err)
		// One that breaks at once is dialed again by the copy.
		if p.root, err = p.session.Dial(ctx, p.pid); err != nil && !transfer.IsBroken(err) {
			return files.PathError(ctx, p.session, p.pid, p.root, &fs.PathError{Op: "open", Path: end.path, Err: err})
		}
		defer func() { _ = p.root.Close() }()
		files.SayPartial(deps, p.session, p.root)
		if absolute, err := p.root.Absolute(ctx, p.path); err == nil {
			p.path = absolute
		} else if !transfer.IsBroken(err) {
			return files.PathError(ctx, p.session, p.pid, p.root, err)
		}
		if p.tree = tree.Destination(p.root, tree.Packing(opts.compress)); !write {
			var done func()
			if p.tree, done, err = p.source(ctx, opts); err != nil {
				return err
			}
			defer done()
		}
	}
	return do(p)
}

// source is the files of a pod to copy from, over as many connections as were asked for.
func (p copySide) source(ctx context.Context, opts *cpOptions) (from transfer.Tree, done func(), err error) {
	more := max(0, opts.connections-1)
	roots, errs, others := make([]*rootfs.Root, more), make([]error, more), make([]transfer.Tree, more)
	done = func() {
		for _, root := range roots {
			_ = root.Close()
		}
	}
	group := crash.NewGroup(ctx)
	for i := range more {
		group.Go(func() { roots[i], errs[i] = rootfs.Dial(ctx, p.session.Runner(), p.session.Where(p.pid)) })
	}
	group.Wait()
	for i, err := range errs {
		if err != nil && !transfer.IsBroken(err) {
			done()
			return nil, nil, files.PathError(ctx, p.session, p.pid, roots[i], &fs.PathError{Op: "open", Path: p.path, Err: err})
		}
		others[i] = tree.Source(roots[i], tree.Packing(opts.compress))
	}
	if more == 0 {
		return tree.Source(p.root, tree.Packing(opts.compress)), done, nil
	}
	return transfer.Streams(tree.Source(p.root, tree.Packing(opts.compress)), others), done, nil
}

// garbage is how much of it, in percent of what is in use, is left lying while a list of files grows.
const garbage = 40

// leave is how much is left lying once there is a list that takes so many bytes: a few megabytes, as much as a large file needs to
// be quick.
func leave(bytes uint64) int { return int(min(100, max(garbage/2, 400<<20/max(bytes, 1)))) }

func heap() uint64 {
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	return now.HeapAlloc
}

func copyFiles(ctx context.Context, deps *cli.Deps, opts *cpOptions, from, to copySide) error {
	bar := deps.Report.Progress(ctx)
	defer bar.Stop()
	defer debug.SetGCPercent(debug.SetGCPercent(garbage))
	attempt := 1
	report, err := transfer.Copy(ctx, to.tree, from.tree, transfer.Options{
		Source: from.path, Dest: to.path, Preserve: opts.preserve, Resume: opts.resume, Follow: opts.follow,
		Progress: bar.Add, Total: bar.Total.Store,
		Admit: func(path, dir string, bytes int64) error {
			debug.SetGCPercent(leave(heap()))
			return opts.admit(ctx, deps, to, path, dir, bytes)
		},
		Report: func(name string, err error) { files.NotCopied(deps, from.path, name, err) },
		Retry: func(err error, _ time.Duration) {
			bar.Clear()
			attempt++
			deps.Report.Say("connection lost: %s; resuming (attempt %d)", files.Breakage(err), attempt)
		},
	})
	if report.Left != "" && to.session != nil && !clearAway(ctx, deps, opts, path.Dir(report.Left), err) {
		deps.Report.Warn("left in pod/%s: %s; the next cp to that directory removes it", to.session.Pod, report.Left)
	}
	failed := (*fs.PathError)(nil)
	switch {
	case err == nil:
		return outcome(deps, from, to, report)
	case ctx.Err() != nil, errors.As(err, new(output.WriteError)):
		return err
	case !errors.As(err, &failed):
		return err
	case failed.Op == "write":
		return opts.resumeHint(to.writeError(ctx, failed.Err), err)
	default:
		return opts.resumeHint(from.readError(ctx, failed.Err), err)
	}
}

// clearTime bounds how long another helper may take to clear away what one has left that was ended.
const clearTime = 30 * time.Second

// clearAway has another helper take away what a copy has left in a directory whose helper was ended, as for lack of memory: what
// is in memory would keep the target from starting again. Each stage begins with that.
func clearAway(ctx context.Context, deps *cli.Deps, opts *cpOptions, dir string, cause error) bool {
	if transfer.IsBroken(cause) || ctx.Err() != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, clearTime)
	defer cancel()
	return openEnd(ctx, deps, opts, opts.dest, true, func(to copySide) error {
		stage, err := to.tree.Stage(ctx, dir, ".shareproc-"+rand.Text()[:16], false)
		if err != nil {
			return err
		}
		return stage.Close(ctx, false)
	}) == nil
}

// outcome is the error of a copy that came to its end, and says what it left.
func outcome(deps *cli.Deps, from, to copySide, report transfer.Report) error {
	if report.Inside && report.Copied > 1 && !strings.HasSuffix(to.path, "/") && !strings.HasSuffix(to.path, ".") {
		deps.Report.Say("%s exists: copied to %s", to, report.To)
	}
	switch lost := report.Failed - report.Grown; {
	case lost > 0:
		return fmt.Errorf("copy %s: %s; the rest was copied", from, output.Plural(lost, "file could not be copied", "files could not be copied"))
	case report.Grown > 0 && !to.stream():
		return fmt.Errorf("copy %s: %s while being copied", from, output.Plural(report.Grown, "file grew", "files grew"))
	}
	return nil
}

// resumeHint says what to do about a copy that could not go on.
func (o *cpOptions) resumeHint(err, cause error) error {
	switch {
	case !transfer.IsBroken(cause):
		return err
	case o.source.stream(), o.dest.stream():
		return hint.With(err, "use a file instead of -, so that the copy can be resumed")
	case o.resume:
		return hint.With(err, "run the same command again to resume")
	default:
		return hint.With(err, "run the same command with --resume, which keeps partial files for the next run")
	}
}

// String is how a person would write it, fit for a terminal.
func (p copySide) String() string {
	if p.session == nil {
		return remote.Escape(p.path)
	}
	return remote.Escape(p.path) + " in pod/" + p.session.Pod
}

// readLocal says why a source on this machine could not be read.
func readLocal(path string, cause error) error {
	err := fmt.Errorf("read %s: %w", remote.Escape(path), cause)
	if errors.Is(cause, fs.ErrNotExist) {
		return hint.With(err, "check the path, which is one of this machine")
	}
	return err
}

// readError says why a source could not be read.
func (p copySide) readError(ctx context.Context, cause error) error {
	if p.session == nil {
		return readLocal(p.path, cause)
	}
	return files.PathError(ctx, p.session, p.pid, p.root, &fs.PathError{Op: "open", Path: p.path, Err: cause})
}

// writeError says why something could not be written, and what might help.
func (p copySide) writeError(ctx context.Context, cause error) error {
	if p.session == nil {
		err := fmt.Errorf("write %s: %w", remote.Escape(p.path), cause)
		if errors.Is(cause, transfer.ErrNoDirectory) {
			return hint.With(err, "mkdir -p "+path.Dir(p.path))
		}
		return err
	}
	return files.WriteError(ctx, p.session, p.pid, p.root, p.path, cause)
}
