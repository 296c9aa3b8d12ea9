// SPDX-License-Identifier: Apache-2.0

// Package cp is the command cp: it opens both ends, and says how the copy went. It does not copy: pkg/transfer does.
package cp

import (
	"context"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/tree"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

type cpOptions struct {
	cli.HelperFlags
	source, dest copyEnd
	// in says of each pod whose files are meant, where the flags do not.
	in       [2]files.End
	pid      int
	preserve bool
	resume   bool
	follow   bool
	force    bool
	compress string
	// connections is over how many streams a large file of a pod comes.
	connections int
}

// mostStreams is how many a node is asked for; each holds some megabytes of memory here.
const mostStreams = 8

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
		Long: `Copy a file, or a directory with everything in it. SOURCE and DESTINATION are
[NAMESPACE/][TYPE/]NAME:PATH. One of them may be a local path, or "-" for stdin
or stdout. Write a local path that contains a colon with ./ in front, as in
./a:b.

Use it when kubectl cp fails because the image has no tar, and when a copy must
be complete or fail.

As with cp -r, if DESTINATION is a directory, SOURCE is copied into it under its
own name; SOURCE/. means the contents of SOURCE. Links are copied as links,
SOURCE included; those on the way to it resolve inside the container. Modes,
times and hard links are kept; owners, setuid and setgid bits with -p.

A file appears under its name only when all of it has arrived and its checksum
is right. Whatever is not copied (devices, sockets, files that cannot be read or
changed while they were read) is reported, and the exit code is 1.

A lost connection is retried three times, and the copy resumes where it stopped.
After that nothing of it stays. With --resume, partial files are kept in a
directory .shareproc-... next to DESTINATION, and the same command resumes.`,
		Example: `  # copy a directory of the pod's default container to ./conf
  kubectl shareproc cp nginx:/etc/nginx ./conf

  # copy a file into it, and print one to stdout
  kubectl shareproc cp ./nginx.conf nginx:/tmp/
  kubectl shareproc cp nginx:/etc/nginx/nginx.conf - | grep worker

  # copy from pod to pod, or within one
  kubectl shareproc cp nginx:/etc/nginx nginx:/tmp/conf

  # copy a lot over a bad line: run it again until it succeeds
  kubectl shareproc cp --resume nginx:/var/log ./log`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return cli.Usage(cmd.CommandPath()+" --help", "a source and a destination are required: got %d arguments", len(args))
			}
			if !slices.Contains(packings(), opts.compress) {
				return cli.Usage("use --compress=NAME with = and one of these", "--compress %q: not one of %s", opts.compress, strings.Join(packings(), ", "))
			}
			if opts.connections < 1 || opts.connections > mostStreams {
				return cli.Usage(cmd.CommandPath()+" --help", "--streams %d: must be from 1 to %d", opts.connections, mostStreams)
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
	opts.addFlags(cmd)
	return cmd
}

func (o *cpOptions) addFlags(cmd *cobra.Command) {
	o.Add(cmd.Flags())
	cli.ForTwo(cmd.Flags())
	habits(cmd.Flags(), &o.preserve)
	cmd.Flags().IntVar(&o.pid, "pid", 0, "Process whose files to copy (default: the container's first); not with two pods")
	cmd.Flags().BoolVarP(&o.preserve, "preserve", "p", false, "Also keep owners, setuid and setgid bits")
	cmd.Flags().BoolVar(&o.resume, "resume", false, "Resume what an earlier run of the same command left, and keep partial files if this one fails")
	cmd.Flags().BoolVarP(&o.follow, "dereference", "L", false, "Copy the targets of links instead of the links, SOURCE included")
	cmd.Flags().StringVar(&o.compress, "compress", string(tree.PackAuto), "Compress on the way: auto (where the line is slow and it helps), always or never")
	cmd.Flags().Lookup("compress").NoOptDefVal = string(tree.PackAlways)
	cli.CompleteFlag(cmd, "compress", packings()...)
	cmd.Flags().IntVar(&o.connections, "streams", 1, "Connections for each large file that comes from a pod, where one alone is slow")
	cmd.Flags().BoolVar(&o.force, "force", false, "Copy even what does not fit, or has the kubelet evict the pod for its storage limit")
}

func packings() []string {
	return []string{string(tree.PackAuto), string(tree.PackAlways), string(tree.PackNever)}
}

// habits are flags of cp(1) that say what is done anyway, and its -a, of which that leaves -p.
func habits(flags *pflag.FlagSet, preserve *bool) {
	flags.BoolVarP(preserve, "archive", "a", false, "The same as -p, as directories and links are always copied as such")
	flags.BoolP("recursive", "r", false, "No effect: directories are always copied with everything in them")
	flags.BoolP("copy-directories", "R", false, "The same as -r")
	for _, name := range []string{"archive", "recursive", "copy-directories"} {
		flags.Lookup(name).Hidden = true
	}
}

// ends finds out which end is where.
func (o *cpOptions) ends(cmd *cobra.Command, source, dest string) error {
	for i, arg := range []string{source, dest} {
		end := copyEnd{path: arg}
		if files.InPod(arg, runtime.GOOS) {
			w := target.ParseWord(arg)
			end = copyEnd{w.Namespace, w.Arg, w.Path}
		}
		if end.namespace != "" {
			if err := cli.OneNamespace(cmd, arg); err != nil {
				return err
			}
		}
		*[]*copyEnd{&o.source, &o.dest}[i] = end
	}
	o.Two = o.source.pod != "" && o.dest.pod != ""
	switch {
	case o.source.pod == "" && o.dest.pod == "":
		return cli.Usage(cmd.CommandPath()+" POD:PATH LOCAL", "neither %q nor %q has the form POD:PATH", source, dest)
	case o.source.path == "" || o.dest.path == "":
		return cli.Usage(cmd.CommandPath()+" --help", "the path is empty")
	case o.Selector != "":
		return cli.Usage(cmd.CommandPath()+" POD:PATH LOCAL", "-l is not supported: name the pod in its path")
	case !cmd.Flags().Changed("pid"):
		return o.streams(cmd)
	case o.pid < 1 || o.pid >= cli.MaxPID:
		return cli.Usage("kubectl shareproc ps POD", "--pid %d: not a PID", o.pid)
	case o.source.pod != "" && o.dest.pod != "":
		return cli.Usage("use POD:/proc/PID/root/PATH", "--pid is not supported with two pods")
	}
	return o.streams(cmd)
}

// streams says what a standard stream cannot be.
func (o *cpOptions) streams(cmd *cobra.Command) error {
	switch {
	case o.source.pod == "" && o.connections > 1:
		return cli.Usage(cmd.CommandPath()+" --help", "--streams is supported for copies out of a pod only")
	case o.source.stream() && strings.HasSuffix(o.dest.path, "/"):
		return cli.Usage(cmd.CommandPath()+" - POD:PATH", "copy stdin: PATH must name a file")
	case o.resume && o.source.stream():
		return cli.Usage("use a file instead of -", "--resume does not work with -: stdin cannot be read twice")
	case o.resume && o.dest.stream():
		return cli.Usage("use a file instead of -", "--resume does not work with -: stdout cannot be read back")
	}
	return nil
}
