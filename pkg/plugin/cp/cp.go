// SPDX-License-Identifier: Apache-2.0

// Package cp is the command cp: it opens both ends, and says how the copy went. It does not copy: pkg/transfer does.
package cp

import (
	"context"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

type cpOptions struct {
	cli.HelperFlags
	source, dest copyEnd
	pid          int
	preserve     bool
	resume       bool
	follow       bool
	force        bool
}

// A copyEnd is POD:PATH, or a path of this machine.
type copyEnd struct {
	namespace string // "" is that of the command line
	pod       string // "" for a path of this machine
	path      string // "-" without a pod is a standard stream
}

func (e copyEnd) stream() bool { return e.pod == "" && e.path == "-" }

// NewCommand returns the command cp.
func NewCommand(deps *cli.Deps) *cobra.Command { return newCommand(deps, run) }

func newCommand(deps *cli.Deps, run func(context.Context, *cli.Deps, *cpOptions) error) *cobra.Command {
	opts := &cpOptions{}
	cmd := &cobra.Command{
		Use:   "cp SOURCE DESTINATION",
		Short: "Copy files out of a container, into it, or from pod to pod",
		Long: `Copy a file or a directory with all that is in it. SOURCE and DESTINATION are POD:PATH (also
NAMESPACE/POD:PATH and TYPE/NAME:PATH); one of both may be a path on this machine, or "-" for a
file's bytes on stdin or stdout. A path with a colon is local behind ./ as in ./a:b.

Use it where kubectl cp fails for want of tar in the image, and where a copy must be whole or fail.

As with cp -r, where DESTINATION is a directory SOURCE goes into it under its own name, and
SOURCE/. means what is in it. Links are copied as links, SOURCE included; those on the way to it
resolve inside the container. Modes, times and hard links are kept; owners, setuid and setgid
bits with -p.

A file appears under its name only once all of it has arrived and its checksum is right. What
is not copied (devices, sockets, what may not be read, what changed while it was read) is named,
and the exit code is then 1.

A connection that breaks is made again, three times, and the copy goes on where it was. After
that nothing of it stays; with --resume, what has come is kept in a directory .shareproc-...
beside its place, and the same command goes on with it.`,
		Example: `  # a directory of the pod's default container, to ./conf
  kubectl shareproc cp nginx:/etc/nginx ./conf

  # a file into it, and one to stdout
  kubectl shareproc cp ./nginx.conf nginx:/tmp/
  kubectl shareproc cp nginx:/etc/nginx/nginx.conf - | grep worker

  # from pod to pod, or within one
  kubectl shareproc cp nginx:/etc/nginx nginx:/tmp/conf

  # much over a bad line: as often as it takes
  kubectl shareproc cp --resume nginx:/var/log ./log`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return cli.Usage(cmd.CommandPath()+" --help", "name a source and a destination: got %d arguments", len(args))
			}
			if err := opts.ends(cmd, args[0], args[1]); err != nil {
				return err
			}
			if err := opts.Validate(cmd); err != nil {
				return err
			}
			return run(cmd.Context(), deps, opts)
		},
	}
	opts.Add(cmd.Flags())
	cmd.Flags().IntVar(&opts.pid, "pid", 0, "The process whose files are meant (default the container's first); not with two pods")
	cmd.Flags().BoolVarP(&opts.preserve, "preserve", "p", false, "Keep owners, setuid and setgid bits too")
	cmd.Flags().BoolVar(&opts.resume, "resume", false, "Go on with what an earlier run of the same command left, and keep what has come if this one fails")
	cmd.Flags().BoolVarP(&opts.follow, "dereference", "L", false, "Copy what links lead to, SOURCE itself included, instead of the links")
	cmd.Flags().BoolVar(&opts.force, "force", false, "Also copy more into a pod than it may hold, for which the kubelet evicts it")
	return cmd
}

// ends finds out which end is where.
func (o *cpOptions) ends(cmd *cobra.Command, source, dest string) error {
	o.source, o.dest = copyEndOf(source), copyEndOf(dest)
	switch {
	case o.source.pod == "" && o.dest.pod == "":
		return cli.Usage(cmd.CommandPath()+" POD:PATH LOCAL", "neither %q nor %q is of the form POD:PATH", source, dest)
	case o.source.path == "" || o.dest.path == "":
		return cli.Usage(cmd.CommandPath()+" --help", "an empty path")
	case o.Selector != "":
		return cli.Usage(cmd.CommandPath()+" POD:PATH LOCAL", "-l: the pod is named by its path here")
	case !cmd.Flags().Changed("pid"):
		return o.streams(cmd)
	case o.pid < 1 || o.pid >= cli.MaxPID:
		return cli.Usage("kubectl shareproc ps POD, for the PIDs", "--pid %d: not a PID", o.pid)
	case o.source.pod != "" && o.dest.pod != "":
		return cli.Usage("POD:/proc/PID/root/PATH", "--pid: with two pods it is not known which one is meant")
	}
	return o.streams(cmd)
}

// streams says what a standard stream cannot be.
func (o *cpOptions) streams(cmd *cobra.Command) error {
	switch {
	case o.source.stream() && strings.HasSuffix(o.dest.path, "/"):
		return cli.Usage(cmd.CommandPath()+" - POD:PATH", "copy stdin: PATH has to name a file")
	case o.resume && o.source.stream():
		return cli.Usage("a file instead of -", "--resume with -: stdin cannot be read a second time")
	case o.resume && o.dest.stream():
		return cli.Usage("a file instead of -", "--resume with -: what is on stdout cannot be looked at")
	}
	return nil
}

func copyEndOf(arg string) copyEnd {
	pod, path, ok := files.RemoteEnd(arg, runtime.GOOS)
	if !ok {
		return copyEnd{path: arg}
	}
	e := copyEnd{pod: pod, path: path}
	// NAMESPACE/POD as kubectl cp has it, unless it is TYPE/NAME.
	if ns, name, ok := strings.Cut(pod, "/"); ok && (target.Ref{Arg: pod}).Validate() != nil && (target.Ref{Arg: name}).Validate() == nil {
		e.namespace, e.pod = ns, name
	}
	return e
}
