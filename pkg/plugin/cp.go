// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

type cpOptions struct {
	helperFlags
	pod      string
	pid      int
	path     string // in the pod
	local    string // "-" is a standard stream
	up       bool
	preserve bool
	resume   bool
	follow   bool
}

func newCPCmd(f *Factory, run func(context.Context, *Factory, *cpOptions) error) *cobra.Command {
	opts := &cpOptions{}
	cmd := &cobra.Command{
		Use:   "cp SOURCE DESTINATION",
		Short: "Copy files and directories out of a container, and into it",
		Long: `Copy a file or a directory with all that is in it. One of SOURCE and DESTINATION is
POD:PATH (also NAMESPACE/POD:PATH and TYPE/NAME:PATH), the other a path on this machine, or "-"
for a file's bytes on stdout or stdin. A path with a colon is local behind ./ as in ./a:b.

Use it where kubectl cp fails for want of tar in the image, and where a copy must be whole or fail.

Where DESTINATION is a directory, SOURCE goes into it under its own name; SOURCE/. means what
is in it. Links are copied as links, and links on the way to SOURCE resolve inside the
container. Modes, times and hard links are kept, setuid and setgid bits and owners with -p.

A file appears under its name only once all of it has arrived and its checksum is right.
What is not copied (devices, sockets, what may not be read, what changed meanwhile) is named,
and the exit code is then 1.

A connection that breaks is made again, three times, and the copy goes on where it was. After
that nothing of it stays, but with --resume what has come does, under a name that begins with
.shareproc-, and the same command goes on with it.`,
		Example: `  # a directory of the pod's default container, to ./conf
  kubectl shareproc cp nginx:/etc/nginx ./conf

  # a file into it, and one to stdout
  kubectl shareproc cp ./nginx.conf nginx:/tmp/
  kubectl shareproc cp nginx:/etc/nginx/nginx.conf - | grep worker

  # much over a bad line: as often as it takes
  kubectl shareproc cp --resume nginx:/var/log ./log`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage(cmd.CommandPath()+" --help", "name a source and a destination: got %d arguments", len(args))
			}
			if err := opts.ends(f, cmd, args[0], args[1]); err != nil {
				return err
			}
			if err := opts.validate(cmd); err != nil {
				return err
			}
			return run(cmd.Context(), f, opts)
		},
	}
	opts.add(cmd.Flags())
	cmd.Flags().IntVar(&opts.pid, "pid", 0, "The process whose files are meant (default the container's first)")
	cmd.Flags().BoolVarP(&opts.preserve, "preserve", "p", false, "Keep owners, setuid and setgid bits too")
	cmd.Flags().BoolVar(&opts.resume, "resume", false, "Go on with what an earlier run of the same command left, and leave what is not finished")
	cmd.Flags().BoolVar(&opts.follow, "follow", false, "Copy what links in SOURCE lead to, not the links")
	return cmd
}

// ends finds out which end is where.
func (o *cpOptions) ends(f *Factory, cmd *cobra.Command, source, dest string) error {
	from, fromPath, fromRemote := remoteEnd(source, runtime.GOOS)
	to, toPath, toRemote := remoteEnd(dest, runtime.GOOS)
	switch {
	case fromRemote && toRemote:
		return usage("a local copy in between; ./NAME is a local file whose name has a colon", "copy from pod to pod: one of both has to be local")
	case !fromRemote && !toRemote:
		return usage(cmd.CommandPath()+" POD:PATH LOCAL", "neither %q nor %q is of the form POD:PATH", source, dest)
	case cmd.Flags().Changed("pid") && (o.pid < 1 || o.pid >= maxPID):
		return usage("kubectl shareproc ps POD, for the PIDs", "--pid %d: not a PID", o.pid)
	}
	pod := from
	o.path, o.local, o.up = fromPath, dest, toRemote
	if toRemote {
		pod, o.path, o.local = to, toPath, source
	}
	if o.local == "" || o.path == "" {
		return usage(cmd.CommandPath()+" --help", "an empty path")
	}
	if err := o.resumable(); err != nil {
		return err
	}
	if o.selector != "" {
		return usage(cmd.CommandPath()+" POD:PATH LOCAL", "-l: the pod is named by its path here")
	}
	o.pod = pod
	// NAMESPACE/POD as kubectl cp has it, unless it is TYPE/NAME.
	if ns, name, ok := strings.Cut(pod, "/"); ok && (target.Ref{Arg: pod}).Validate() != nil && (target.Ref{Arg: name}).Validate() == nil {
		o.pod = name
		*f.Config.Namespace = ns
	}
	return nil
}

// resumable says why there is nothing to go on with.
func (o *cpOptions) resumable() error {
	switch {
	case !o.resume || o.local != "-":
		return nil
	case o.up:
		return usage("a file instead of -", "--resume with -: stdin cannot be read a second time")
	default:
		return usage("a file instead of -", "--resume with -: what is on stdout cannot be looked at")
	}
}

// remoteEnd takes POD:PATH apart. What begins as a path does, and a drive of Windows, is local.
func remoteEnd(arg, system string) (pod, path string, ok bool) {
	pod, path, ok = strings.Cut(arg, ":")
	switch {
	case !ok, pod == "", strings.HasPrefix(arg, "/"), strings.HasPrefix(arg, "."), strings.Contains(pod, `\`):
		return "", "", false
	case len(pod) == 1 && (strings.HasPrefix(path, `\`) || pod[0] < 'a' || system == "windows"):
		return "", "", false
	}
	return pod, path, true
}

func runCP(ctx context.Context, f *Factory, opts *cpOptions) error {
	do := f.download
	if opts.up {
		do = f.upload
	}
	want := session.Wanted{Need: podspec.OpenRoot}
	return f.use(ctx, opts.pod, &opts.helperFlags, want, func(r *room) error { return do(ctx, r, opts) })
}
