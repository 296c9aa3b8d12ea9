// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

type doctorOptions struct {
	helperFlags
	pod    string
	named  bool // a pod is, by POD or -l
	copy   bool
	patch  bool
	root   bool
	role   bool
	output string
}

// diagnosis is what "doctor -o json" prints.
type diagnosis struct {
	typeMeta
	session.Diagnosis
}

func newDoctorCmd(f *Factory) *cobra.Command {
	opts := &doctorOptions{}
	cmd := &cobra.Command{
		Use:   "doctor [POD]",
		Short: "Say what is allowed here, what is missing, and the Role that grants it",
		Long: `Say whether debug would work, for one pod or in a namespace, and what it lacks: each of its
ways (a helper, --root, --copy, --patch), and in detail the one whose flag is given.

Use it before you need debug, and when debug was refused.

Asked are your permissions, the server's features, what the cluster's policy admits, and,
with POD, its container. Reviews and dry runs are all that is sent: nothing is created or
changed. The dry runs show up in the cluster's audit log as such.

Without POD the policy is asked about a small pod, which needs the permission to create
pods. It takes debug's flags, and answers for a debug with them.

Where a needed permission is missing a Role with it is printed, and a RoleBinding to you.
The exit code is 0 where debug with that flag would work, else 1, also with --role.`,
		Example: `  kubectl shareproc doctor
  kubectl shareproc doctor nginx
  kubectl shareproc doctor deploy/web --patch

  # for somebody else, by an administrator: what anna lacks, granted
  kubectl shareproc doctor nginx --as anna --role | kubectl apply -f -`,
		Args: func(cmd *cobra.Command, args []string) error {
			if args = withPod(cmd, args); len(args) > 1 {
				return usage(cmd.CommandPath()+" --help", "unexpected argument %q", args[1])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if args = withPod(cmd, args); len(args) == 1 {
				opts.pod, opts.named = args[0], true
			}
			if err := opts.validate(cmd); err != nil {
				return err
			}
			return runDoctor(cmd.Context(), f, opts)
		},
	}
	opts.add(cmd.Flags())
	cmd.Flags().BoolVar(&opts.copy, "copy", false, "Answer for debug --copy")
	cmd.Flags().BoolVar(&opts.patch, "patch", false, "Answer for debug --patch")
	cmd.Flags().BoolVar(&opts.root, "root", false, "Answer for debug --root")
	cmd.Flags().BoolVar(&opts.role, "role", false, "Print only the Role that is missing, or the whole one where nothing is")
	addOutput(cmd, &opts.output)
	return cmd
}

func (o *doctorOptions) validate(cmd *cobra.Command) error {
	if err := o.helperFlags.validate(cmd); err != nil {
		return err
	}
	if err := checkOutput(cmd, o.output); err != nil {
		return err
	}
	switch {
	case o.copy && o.patch || o.copy && o.root || o.patch && o.root:
		return usage("one of them; all four ways are told in any case", "--copy, --patch, --root: more than one way")
	case o.role && o.output != "":
		return usage("one of both", "-o %s with --role: a Role is printed as kubectl apply reads it", o.output)
	case !o.named && o.container != "":
		return usage(cmd.CommandPath()+" POD -c "+o.container, "-c %s without a pod", o.container)
	case !o.named:
		return nil
	}
	if err := o.ref().Validate(); err != nil {
		return asUsage(err)
	}
	return nil
}

func (o *doctorOptions) ref() target.Ref {
	return target.Ref{Arg: o.pod, Selector: o.selector, Container: o.container}
}

func (o *doctorOptions) way() session.Purpose {
	switch {
	case o.copy:
		return session.ForCopy
	case o.patch:
		return session.ForPatch
	case o.root:
		return session.ForRoot
	default:
		return session.ForHelper
	}
}

func runDoctor(ctx context.Context, f *Factory, opts *doctorOptions) error {
	o, err := f.opener(&opts.helperFlags, time.Hour)
	if err != nil {
		return err
	}
	namespace, err := f.namespace()
	if err != nil {
		return err
	}
	d, err := o.Diagnose(ctx, namespace, opts.ref(), opts.way(), session.Wanted{Image: opts.image, Override: opts.override})
	if err != nil {
		return err
	}
	switch {
	case opts.role:
		g := d.Needed()
		if d.Missing != nil {
			g = *d.Missing
		}
		err = f.printGrant(g)
	case opts.output != "":
		err = printObject(f.Streams.Out, opts.output, diagnosis{kind("Diagnosis"), d})
	default:
		err = f.printDiagnosis(d)
	}
	if err != nil {
		return err
	}
	return d.Err()
}
