// SPDX-License-Identifier: Apache-2.0

// Package doctor is the command doctor, which prints what would work here. It does not find that out: pkg/session does.
package doctor

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/doctor"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

type doctorOptions struct {
	cli.HelperFlags
	pod    string
	named  bool // a pod is, by POD or -l
	copy   bool
	patch  bool
	root   bool
	role   bool
	all    bool
	output string
}

// Diagnosis is what "doctor -o json" prints.
type Diagnosis struct {
	output.TypeMeta
	doctor.Diagnosis
}

// NewCommand returns the command doctor.
func NewCommand(deps *cli.Deps) *cobra.Command {
	opts := &doctorOptions{}
	cmd := &cobra.Command{
		Use:   "doctor [POD]",
		Short: "Check permissions and policy, and print the Role you need",
		Long: `Check whether debug will work, for one pod or in a namespace, and what is
missing: for each of its modes (a helper, --root, --copy, --patch), and in
detail for the one whose flag is given.

Use it before you need debug, and when debug was refused.

It checks your permissions, the features of the server, what the policies of the
cluster admit, and, with POD, its container. It sends only reviews and dry runs:
nothing is created or changed. The dry runs show up in the audit log as such.

Without POD the policy is checked with a small pod, which needs permission to
create pods. The flags are those of debug.

The answer comes first, then what stands in the way; --verbose prints what is
fine too. If a permission is missing, a Role that grants it is printed, and a
RoleBinding to you. The exit code is 0 if debug with that flag will work, else
1; with --role it is 0 if the Role was printed.`,
		Example: `  kubectl shareproc doctor
  kubectl shareproc doctor nginx
  kubectl shareproc doctor deploy/web --patch

  # as an administrator, grant the permissions that anna lacks
  kubectl shareproc doctor nginx --as anna --role | kubectl apply -f -`,
		Args: func(cmd *cobra.Command, args []string) error {
			args, err := cli.PodOnly(cmd, args)
			switch {
			case err != nil:
				return err
			case len(args) > 1:
				return cli.Usage(cmd.CommandPath()+" --help", "unexpected argument %q", args[1])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			args, err := cli.PodOnly(cmd, args)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				opts.pod, opts.named = args[0], true
			}
			if err := opts.validate(cmd); err != nil {
				return err
			}
			return run(cmd.Context(), deps, opts)
		},
	}
	opts.Add(cmd.Flags())
	cmd.Flags().BoolVar(&opts.copy, "copy", false, "Check debug --copy")
	cmd.Flags().BoolVar(&opts.patch, "patch", false, "Check debug --patch")
	cmd.Flags().BoolVar(&opts.root, "root", false, "Check debug --root")
	cmd.Flags().BoolVar(&opts.role, "role", false, "Print only the missing Role, or the complete one if nothing is missing")
	cmd.Flags().BoolVar(&opts.all, "verbose", false, "Print every check, also those that are fine")
	cli.AddOutput(cmd, &opts.output)
	return cmd
}

func (o *doctorOptions) validate(cmd *cobra.Command) error {
	if err := o.Validate(cmd); err != nil {
		return err
	}
	if err := cli.CheckOutput(cmd, o.output); err != nil {
		return err
	}
	switch {
	case o.copy && o.patch || o.copy && o.root || o.patch && o.root:
		return cli.Usage("use only one; without a flag all four modes are checked", "--copy, --patch and --root are mutually exclusive")
	case o.role && o.output != "":
		return cli.Usage("use -o or --role", "-o %s and --role are mutually exclusive: a Role is printed for kubectl apply", o.output)
	case !o.named && o.Container != "":
		return cli.Usage(cmd.CommandPath()+" POD -c "+o.Container, "-c %s requires a pod", o.Container)
	case !o.named:
		return nil
	}
	if err := o.ref().Validate(); err != nil {
		return cli.AsUsage(err)
	}
	return nil
}

func (o *doctorOptions) ref() target.Ref {
	return target.Ref{Arg: o.pod, Selector: o.Selector, Container: o.Container}
}

func (o *doctorOptions) way() doctor.Purpose {
	switch {
	case o.copy:
		return doctor.ForCopy
	case o.patch:
		return doctor.ForPatch
	case o.root:
		return doctor.ForRoot
	default:
		return doctor.ForHelper
	}
}

func run(ctx context.Context, deps *cli.Deps, opts *doctorOptions) error {
	d, err := cli.SessionDeps(deps, &opts.HelperFlags, time.Hour)
	if err != nil {
		return err
	}
	namespace, err := cli.Namespace(deps)
	if err != nil {
		return err
	}
	found, err := doctor.Diagnose(ctx, d, namespace, opts.ref(), opts.way(), session.Request{Image: opts.Image, Override: opts.Override})
	if err != nil {
		return err
	}
	switch {
	case opts.role:
		g := found.Needed()
		if found.Missing != nil {
			g = *found.Missing
		}
		return printGrant(deps, g)
	case opts.output != "":
		err = output.PrintObject(deps.Streams.Out, opts.output, Diagnosis{output.NewTypeMeta("Diagnosis"), found})
	default:
		err = printDiagnosis(deps, found, opts.all)
	}
	if err != nil {
		return err
	}
	return found.Err()
}
