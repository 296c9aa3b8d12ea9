// SPDX-License-Identifier: Apache-2.0

// Package attach is the command attach, which goes back into a shell of debug --persist.
package attach

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/completion"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

type attachOptions struct {
	pod   string
	shell string
	cli.DetachFlag
}

// NewCommand returns the command attach.
func NewCommand(deps *cli.Deps) *cobra.Command {
	opts := &attachOptions{}
	cmd := &cobra.Command{
		Use:   "attach POD",
		Short: "Reattach to a shell started with debug --persist",
		Long: `Reattach to a shell started with debug --persist: after its detach keys, a lost
connection or a closed terminal. If a pod has several, your newest one is used,
or else the newest; -c names another, as "sessions" lists them. Everyone
attached to a shell sees and types the same.

Use it after the network was lost, or to return to a shell that you detached.

The exit code is that of the shell if it exits, and 0 if you detach. The output
is recorded in the log of the helper container, as in every attach session.`,
		Example: `  kubectl shareproc debug nginx --persist
  kubectl shareproc attach nginx

  # use other detach keys
  kubectl shareproc attach nginx --detach-keys ctrl-]`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return cli.Usage("run kubectl shareproc sessions, then "+cmd.CommandPath()+" POD", "a pod name is required")
			case len(args) > 1:
				return cli.Usage(cmd.CommandPath()+" --help", "unexpected argument %q", args[1])
			}
			_, err := cli.PodOnly(cmd, args)
			return err
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			args, err := cli.PodOnly(cmd, args)
			if err != nil {
				return err
			}
			opts.pod = args[0]
			if err := opts.Parse(); err != nil {
				return err
			}
			return run(cmd.Context(), deps, opts)
		},
		ValidArgsFunction: func(a0 *cobra.Command, a1 []string, a2 string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return podsWithShells(deps, a0, a1, a2)
		},
	}
	cmd.Flags().StringVarP(&opts.shell, "container", "c", "", "The helper to attach to")
	opts.Add(cmd.Flags(), "")
	_ = cmd.RegisterFlagCompletionFunc("container", func(a0 *cobra.Command, a1 []string, a2 string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return shells(deps, a0, a1, a2)
	}) // fails only where there is no such flag
	return cmd
}

func run(ctx context.Context, deps *cli.Deps, opts *attachOptions) error {
	if err := cli.CheckWritable(deps, "attach"); err != nil {
		return err
	}
	t := attach.NewTerminal(deps.Streams.In, deps.Streams.Out, deps.Streams.ErrOut)
	if !t.InputIsTerminal() {
		return cli.Usage("kubectl shareproc debug "+opts.pod+" -- COMMAND", "stdin is not a terminal")
	}
	d, err := cli.Manager(deps)
	if err != nil {
		return err
	}
	on, err := cli.Resolve(ctx, deps, d, target.Ref{Arg: opts.pod})
	if err != nil {
		return err
	}
	s, err := session.FindShell(ctx, d, on, opts.shell)
	if err != nil {
		return err
	}
	return cli.Join(ctx, deps, s, t, opts.DetachFlag)
}

// podsWithShells completes the pods in which there is something to attach to.
func podsWithShells(deps *cli.Deps, cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return completion.None(cmd, args, word)
	}
	prefix := ""
	if kind, _, found := strings.Cut(word, "/"); found {
		prefix = kind + "/"
		if _, err := target.ParseName(prefix + "x"); err != nil {
			return completion.None(cmd, args, word)
		}
	}
	var out []cobra.Completion
	for _, pod := range completion.Listed(cmd.Context(), deps) {
		if names := session.Shells(&pod); len(names) > 0 && strings.HasPrefix(prefix+pod.Name, word) {
			out = append(out, cobra.CompletionWithDesc(prefix+pod.Name, strings.Join(names, ", ")))
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// shells completes the helpers of the pod that was typed that keep a shell.
func shells(deps *cli.Deps, cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	t, ok := completion.TypedTarget(deps, cmd, args, "")
	if !ok {
		return completion.None(cmd, args, word)
	}
	return session.Shells(t.Pod), cobra.ShellCompDirectiveNoFileComp
}
