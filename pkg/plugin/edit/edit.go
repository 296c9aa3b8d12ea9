// SPDX-License-Identifier: Apache-2.0

// Package edit is the command fs edit: a copy on this machine, an editor, and back if nobody changed the file. It does not
// copy by itself: pkg/transfer does.
package edit

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/tree"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
)

// Limit is how long a file may be that is edited: longer ones are copied.
const Limit = 64 << 20

// errEdited says that the file is not the one any more that was edited.
var errEdited = errors.New("changed while it was edited: not written")

// NewCommand returns the command fs edit.
func NewCommand(deps *cli.Deps) *cobra.Command {
	opts := &files.Args{}
	cmd := &cobra.Command{
		Use:   "edit POD [PID] PATH",
		Short: "Edit a file in your editor",
		Long: `Open a copy of a file in the editor that KUBE_EDITOR or EDITOR names (default:
vi, or notepad on Windows), and write it back if it was changed. A link is
followed and stays a link. The new file replaces the old one at once, with its
mode and owner, and only if the old one is unchanged: its inode, times, size,
mode, owner and checksum are compared. Nothing else stays in the container, and
no copy stays on this machine.

Use it to try a configuration change before it goes into the image or the
ConfigMap.

If the file cannot be written, your copy is saved and its path is printed. A
read-only file system, or a file that is a mount point, is reported before the
editor opens. The file may have up to 64 MiB, text or not. No connection to the
pod is open while you edit.`,
		Example: `  kubectl shareproc fs edit nginx /etc/nginx/nginx.conf && kubectl shareproc signal nginx 1 HUP

  # edit in a script
  EDITOR='sed -i s/notice/debug/' kubectl shareproc fs edit deploy/web /etc/nginx/nginx.conf`,
		Args: cli.PodFirst(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.Parse(cmd, args, 1); err != nil {
				return err
			}
			if opts.Path() == "/" {
				return cli.Usage(cmd.CommandPath()+" --help", "a file is required")
			}
			return run(cmd.Context(), deps, opts)
		},
	}
	opts.Add(cmd.Flags())
	return cmd
}

// An edit is one file on its way through an editor.
type edit struct {
	*cli.Deps
	opts *files.Args
	draft
	pod, container string // whose file it was: a workload may have other pods by then
	before         rootfs.Info
	written        bool
	sum            [32]byte
}

func run(ctx context.Context, deps *cli.Deps, opts *files.Args) error {
	if err := cli.CheckWritable(deps, "fs edit"); err != nil {
		return err
	}
	e := &edit{Deps: deps, opts: opts}
	defer e.removeDraft()
	if err := files.UseRoot(ctx, deps, opts, func(r *session.Session, root *rootfs.Root) error { return e.fetch(ctx, r, root) }); err != nil {
		return err
	}
	begun := time.Now()
	err := openEditor(ctx, deps, e.file)
	data, reading := os.ReadFile(e.file)
	switch changed := reading == nil && sha256.Sum256(data) != e.sum; {
	case err != nil && changed:
		return e.keep(ctx, fmt.Errorf("edit %s in pod/%s: not written: %w", remote.Escape(opts.Path()), e.pod, err))
	case err != nil:
		return err
	case reading != nil:
		return fmt.Errorf("edit %s in pod/%s: not written: the editor left no file of that name", remote.Escape(opts.Path()), e.pod)
	case !changed:
		deps.Report.Say("edit canceled, no changes made to %s in pod/%s", e.before.Path, e.pod)
		if time.Since(begun) < editorQuick {
			deps.Report.Say("if the editor returned at once, add its option to wait, as in EDITOR='code --wait'")
		}
		return nil
	}
	// The helper may have ended since: editing takes its time.
	again := *opts
	again.Pod, again.Selector, again.Container = "pod/"+e.pod, "", e.container
	if err := files.UseRoot(ctx, deps, &again, func(r *session.Session, root *rootfs.Root) error { return e.put(ctx, r, root, data) }); err != nil {
		return e.keep(ctx, err)
	}
	e.written = true
	return nil
}

// fetch looks at the file and copies it here.
func (e *edit) fetch(ctx context.Context, r *session.Session, root *rootfs.Root) (err error) {
	e.pod, e.container = r.Pod, r.Target.Container
	if e.before, err = root.Stat(ctx, e.opts.Path(), true); err != nil {
		return err
	}
	if err := e.refuse(ctx, r, root); err != nil {
		return err
	}
	hash := sha256.New()
	var file *os.File
	_, err = root.Read(ctx, e.opts.Path(), func(rootfs.Info) (io.Writer, error) {
		var err error
		file, err = e.create(path.Base(e.before.Path))
		return io.MultiWriter(file, hash), err
	})
	if file != nil {
		err = errors.Join(err, file.Close())
	}
	hash.Sum(e.sum[:0])
	if far := (*fs.PathError)(nil); err != nil && (!errors.As(err, &far) || far.Path != e.opts.Path()) {
		return fmt.Errorf("make a copy on this machine: %w", err)
	}
	return err
}

// refuse says beforehand what would not be possible in the end.
func (e *edit) refuse(ctx context.Context, r *session.Session, root *rootfs.Root) error {
	switch mode := e.before.FileMode(); {
	case mode.IsDir():
		return &fs.PathError{Op: "open", Path: e.opts.Path(), Err: remote.ErrIsDirectory}
	case !mode.IsRegular():
		return &fs.PathError{Op: "open", Path: e.opts.Path(), Err: remote.ErrSpecial}
	case e.before.Size > Limit:
		return hint.With(fmt.Errorf("edit %s in pod/%s: too large (%s)", remote.Escape(e.opts.Path()), r.Pod, output.HumanBytes(e.before.Size)),
			fmt.Sprintf("copy it out and back: kubectl shareproc cp %s:%s .", r.Pod, remote.Escape(e.before.Path)))
	}
	if err := root.Replaceable(e.before); err != nil {
		return e.describe(ctx, r, root, err)
	}
	if n := e.before.Nlink; n > 1 {
		e.Report.Say("%s has %d hard links; only this name will point to the edited file", e.before.Path, n)
	}
	return nil
}

// describe says why the file can't be written.
func (e *edit) describe(ctx context.Context, r *session.Session, root *rootfs.Root, cause error) error {
	err := files.WriteError(ctx, r, e.opts.Pid, root, e.opts.Path(), cause)
	switch {
	case errors.Is(cause, remote.ErrMounted) && cli.Pastable(e.before.Path):
		return hint.With(err, fmt.Sprintf("kubectl shareproc debug %s -- vi /proc/%d/root%s edits the file in place",
			r.Pod, root.Process.PID, e.before.Path))
	case errors.Is(cause, fs.ErrPermission), errors.Is(cause, transfer.ErrOwner):
		return hint.With(err, "use --profile general if the cluster admits a helper as root")
	}
	return err
}

// put writes the file back, if it is as it was. That is looked at last of all, when the new one is ready to take its place.
func (e *edit) put(ctx context.Context, r *session.Session, root *rootfs.Root, data []byte) (err error) {
	directory, base := path.Split(e.before.Path)
	stage, err := tree.Destination(root, tree.PackAuto).Stage(ctx, path.Clean(directory), ".shareproc-"+rand.Text()[:16], true)
	if err != nil {
		return e.describe(ctx, r, root, err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stageEnd)
		defer cancel()
		err = errors.Join(err, stage.Close(ctx, false))
	}()
	part := transfer.Part{File: transfer.File{
		Path: ".", Mode: e.before.FileMode(), UID: e.before.UID, GID: e.before.GID, Size: int64(len(data)), Blocks: -1, Mtime: time.Now(),
	}}
	errs, err := stage.Put(ctx, []transfer.Part{part}, func(to transfer.Receiver) error {
		return errors.Join(to.Data(0, 0, data), to.Done(0, part.Size, nil))
	})
	if err == nil && len(errs) > 0 {
		err = errs[0]
	}
	if err != nil {
		return e.describe(ctx, r, root, err)
	}
	if err := e.unchanged(ctx, r, root); err != nil {
		return err
	}
	errs, err = stage.Commit(ctx, nil, []transfer.Move{{From: ".", To: base}})
	if err == nil && len(errs) > 0 {
		err = errs[0]
	}
	if err != nil {
		return e.describe(ctx, r, root, err)
	}
	e.Report.Say("wrote %s of process %d (%s) in pod/%s", e.before.Path, root.Process.PID, root.Process.Name, e.pod)
	return nil
}

// stageEnd bounds how long an edit that has ended takes to clean up.
const stageEnd = 10 * time.Second

// unchanged says whether the file is still the one that was copied.
func (e *edit) unchanged(ctx context.Context, r *session.Session, root *rootfs.Root) error {
	now, err := root.Stat(ctx, e.opts.Path(), true)
	same := err == nil && now.Same(e.before.Stat) && now.Path == e.before.Path
	if same {
		_, err = rootfs.Sum(ctx, root, e.before.Path, rootfs.SumOptions{}, func(_ string, sum [32]byte) error {
			same = sum == e.sum
			return nil
		})
	}
	if err == nil && !same || errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write %s in pod/%s: %w", remote.Escape(e.opts.Path()), e.pod, errEdited)
	}
	return files.PathError(ctx, r, e.opts.Pid, root, err)
}

// keep leaves the edited copy on this machine, and says where it is, and what to do with it.
func (e *edit) keep(ctx context.Context, err error) error {
	e.kept = true
	copied := remote.Escape(e.file)
	if ctx.Err() != nil {
		fmt.Fprintf(e.Streams.ErrOut, "not written; your copy is saved in %s\n", copied)
		return err
	}
	end := fmt.Sprintf("%s:%s -c %s", e.pod, remote.Escape(cmp.Or(e.before.Path, e.opts.Path())), e.container)
	try := fmt.Sprintf("kubectl shareproc cp %s %s", copied, end)
	switch {
	case errors.Is(err, errEdited):
		try = fmt.Sprintf("kubectl shareproc fs diff %s %s -u to see what changed, then %s to overwrite it", end, copied, try)
	case cli.Explain(err) != "":
		try = cli.Explain(err) + "; once the file is writable, run " + try
	}
	return hint.With(fmt.Errorf("%w\n  your copy is saved in %s", err, copied), try)
}
