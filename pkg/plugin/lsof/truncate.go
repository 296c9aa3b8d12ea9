// SPDX-License-Identifier: Apache-2.0

package lsof

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
)

// truncate frees the space of one deleted file, after a question.
func truncate(cmd *cobra.Command, deps *cli.Deps, opts *options) (err error) {
	pid, number, ok := strings.Cut(opts.truncate, ":")
	fd, notNumber := strconv.ParseUint(number, 10, 31)
	if !ok || notNumber != nil {
		return cli.Usage("kubectl shareproc lsof POD --deleted", "--truncate %q: not PID:FD", opts.truncate)
	}
	if opts.PID, err = cli.ParsePID(cmd, pid); err != nil {
		return err
	}
	if err := cli.CheckWritable(deps, "lsof --truncate"); err != nil {
		return err
	}
	terminal := attach.NewTerminal(deps.Streams.In, deps.Streams.Out, deps.Streams.ErrOut).InputIsTerminal()
	if !terminal && !opts.yes {
		return cli.Usage("add --yes", "--truncate asks first, and stdin is not a terminal")
	}
	return inspect.With(cmd.Context(), deps, &opts.Args, podspec.ReadRoot, func(ctx context.Context, l *inspect.Look) error {
		return truncateIn(ctx, deps, l, int(fd), !opts.yes)
	})
}

func truncateIn(ctx context.Context, deps *cli.Deps, l *inspect.Look, fd int, ask bool) error {
	p := l.Processes[0]
	f, d, err := find(ctx, l, fd)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%s (descriptor %d of PID %d, %s) in pod/%s", remote.Escape(f.Path), fd, p.PID, remote.Escape(p.Name), l.Pod)
	if ask {
		question := fmt.Sprintf("Truncate deleted file %s? Its %s are lost. [y/N] ", what, output.HumanBytes(*f.SizeBytes))
		if yes, err := cli.AskYes(ctx, deps, question, "canceled"); err != nil || !yes {
			return err
		}
	}
	before, after, err := l.Host.Truncate(ctx, p.Process, fd, d.Stat)
	if errors.Is(err, remote.ErrChanged) {
		return hint.With(fmt.Errorf("truncate %s: the descriptor has changed since it was read; nothing was truncated", what),
			"kubectl shareproc lsof "+l.Pod+" --deleted")
	}
	if err != nil {
		return fmt.Errorf("truncate %s: %w", what, err)
	}
	freed := (before.Blocks - after.Blocks) * 512
	if _, err := fmt.Fprintf(deps.Streams.Out, "truncated %s: %d bytes (%s) freed\n", what, freed, output.HumanBytes(freed)); err != nil {
		return err
	}
	if f.Access != "r" && !f.Append && f.Position != nil && *f.Position > 0 {
		deps.Report.Say("PID %d goes on writing at offset %d: the file will seem that long again, and takes no space before the offset", p.PID, *f.Position)
	}
	return nil
}

// find reads a descriptor of the process, and refuses what is no deleted file.
func find(ctx context.Context, l *inspect.Look, fd int) (f proc.OpenFile, d process.Descriptor, err error) {
	p, try := l.Processes[0], fmt.Sprintf("kubectl shareproc lsof %s --deleted", l.Pod)
	readings, err := l.Host.Inspect(ctx, []int{p.PID}, process.Descriptors)
	if err != nil {
		return f, d, err
	}
	files, notes := inspect.OpenFiles(l, readings, nil)
	if len(notes) > 0 {
		return f, d, hint.With(errors.New(notes[0]), "kubectl shareproc doctor "+l.Pod)
	}
	i := slices.IndexFunc(files, func(f proc.OpenFile) bool { return f.FD == fd })
	if i < 0 {
		return f, d, hint.With(fmt.Errorf("find descriptor %d of PID %d (%s) in pod/%s: not found", fd, p.PID, remote.Escape(p.Name), l.Pod), try)
	}
	f = files[i]
	list, _ := readings.Descriptors(p.PID)
	d = list[slices.IndexFunc(list, func(d process.Descriptor) bool { return d.FD == fd })]
	if !f.Deleted || f.Type != proc.TypeFile || d.Stat == nil || d.Stat.Nlink != 0 {
		return f, d, hint.With(fmt.Errorf("truncate descriptor %d of PID %d (%s) in pod/%s: %s is no deleted file; nothing was truncated",
			fd, p.PID, remote.Escape(p.Name), l.Pod, remote.Escape(f.Path)), try)
	}
	return f, d, nil
}
