// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

type attachOptions struct {
	pod   string
	shell string
	detachFlag
}

func newAttachCmd(f *Factory) *cobra.Command {
	opts := &attachOptions{}
	cmd := &cobra.Command{
		Use:   "attach POD",
		Short: "Go back into a shell that debug --persist left running",
		Long: `Go back into a shell that debug --persist left running: after its detach keys, a lost
connection, a closed terminal. Where a pod has several, the newest of yours is meant, else
the newest; -c names another, as "sessions" lists them. Whoever is attached to a shell
already sees and types the same.

Use it after the network was lost, or to look again at what was left running.

The exit code is the shell's where it ends, and 0 where it is left by the detach keys.
What it shows is in the log of its container, as of every attach session.`,
		Example: `  kubectl shareproc debug nginx --persist
  kubectl shareproc attach nginx

  # left by other keys
  kubectl shareproc attach nginx --detach-keys ctrl-]`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return usage("kubectl shareproc sessions, then "+cmd.CommandPath()+" POD", "name a pod")
			case len(args) > 1:
				return usage(cmd.CommandPath()+" --help", "unexpected argument %q", args[1])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.pod = args[0]
			if err := opts.parse(); err != nil {
				return err
			}
			return runAttach(cmd.Context(), f, opts)
		},
		ValidArgsFunction: f.podsWithShells,
	}
	cmd.Flags().StringVarP(&opts.shell, "container", "c", "", "The helper whose shell is meant")
	opts.add(cmd.Flags(), "")
	_ = cmd.RegisterFlagCompletionFunc("container", f.shells) // fails only where there is no such flag
	return cmd
}

func runAttach(ctx context.Context, f *Factory, opts *attachOptions) error {
	t := attach.NewTerminal(f.Streams.In, f.Streams.Out, f.Streams.ErrOut)
	if !t.InputIsTerminal() {
		return usage("kubectl shareproc debug "+opts.pod+" -- COMMAND", "standard input is not a terminal")
	}
	o, err := f.keeper(defaultTimeout)
	if err != nil {
		return err
	}
	ns, err := f.namespace()
	if err != nil {
		return err
	}
	ref := target.Ref{Arg: opts.pod}
	if err := ref.Validate(); err != nil {
		return asUsage(err)
	}
	on, err := target.Resolve(ctx, o.Client, ns, ref, f.Report.Say)
	if err != nil {
		return err
	}
	s, err := o.FindShell(ctx, on.Pod, opts.shell)
	if err != nil {
		return err
	}
	f.logged("of container " + s.Container)
	return f.join(ctx, o, s, t, opts.detachFlag)
}

// podsWithShells completes the pods in which there is something to attach to.
func (f *Factory) podsWithShells(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return none(cmd, args, word)
	}
	prefix := ""
	if kind, _, found := strings.Cut(word, "/"); found {
		prefix = kind + "/"
		if _, err := target.ParseName(prefix + "x"); err != nil {
			return none(cmd, args, word)
		}
	}
	var out []cobra.Completion
	for _, pod := range f.listed(cmd.Context()) {
		if names := session.Shells(&pod); len(names) > 0 && strings.HasPrefix(prefix+pod.Name, word) {
			out = append(out, cobra.CompletionWithDesc(prefix+pod.Name, strings.Join(names, ", ")))
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// listed are the pods of the namespace; none where they can't be had.
func (f *Factory) listed(ctx context.Context) []corev1.Pod {
	client, err := f.Client()
	if err != nil {
		return nil
	}
	ns, err := f.namespace()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	list, err := client.CoreV1().Pods(ns).List(ctx, metav1.ListOptions{Limit: mostPods})
	if err != nil {
		return nil
	}
	return list.Items
}

// shells completes the helpers of the pod that was typed that keep a shell.
func (f *Factory) shells(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	t, ok := f.typedTarget(cmd, args, "")
	if !ok {
		return none(cmd, args, word)
	}
	return session.Shells(t.Pod), cobra.ShellCompDirectiveNoFileComp
}
