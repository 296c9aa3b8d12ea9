// SPDX-License-Identifier: Apache-2.0

// Package ss is the command ss, which lists the sockets of a pod with their owners, and checks whether an address answers from
// inside the pod. It does not read texts of /proc: pkg/proc does.
package ss

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

type options struct {
	inspect.Args
	listening, summary, names bool
	to                        string
	connectTimeout            time.Duration
}

const defaultConnectTimeout = 5 * time.Second

// NewCommand returns the command ss.
func NewCommand(deps *cli.Deps) *cobra.Command {
	opts := &options{}
	cmd := &cobra.Command{
		Use:   "ss POD [PID]",
		Short: "List the sockets of a pod with their processes, or check a connection from inside it",
		Long: `List the sockets of a pod with their processes, or check a connection from
inside it.

Use it to see who listens, who is connected to what, and what piles up
(--summary: CLOSE_WAIT is a leak here, SYN_SENT a peer that does not answer).

All containers of a pod share its network. If they do not share their processes,
only sockets of one container (-c) have an owner. With PID, only the sockets of
that process are listed.

--to checks HOST:PORT as the container's processes would reach it: each step of
name resolution by the container's own /etc/resolv.conf, the connection, and the
TLS certificates, which are compared with the container's own CA bundle. The
exit code is 1 if a step fails. Programs may resolve names in another order.`,
		Example: `  kubectl shareproc ss nginx
  kubectl shareproc ss nginx --listening

  # what piles up, and to which peer?
  kubectl shareproc ss nginx --summary --names

  # how far does it get on the way there? (exit code 1: not all of it)
  kubectl shareproc ss nginx --to db.example.com:5432`,
		Args: cli.PodFirst(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.Parse(cmd, args); err != nil {
				return err
			}
			if err := opts.check(cmd); err != nil {
				return err
			}
			switch {
			case opts.to != "":
				return runTo(cmd, deps, opts)
			case opts.summary:
				return groups(deps, opts).Run(cmd.Context(), deps, &opts.Args)
			}
			return sockets(deps, opts).Run(cmd.Context(), deps, &opts.Args)
		},
	}
	opts.Add(cmd, "wide", "name")
	opts.AddPods(cmd, true)
	cmd.Flags().BoolVar(&opts.listening, "listening", false, "List only sockets that accept connections or datagrams from anybody")
	cmd.Flags().BoolVar(&opts.summary, "summary", false, "Count sockets by protocol, state, peer and command")
	cmd.Flags().BoolVar(&opts.names, "names", false, "Name peers by their pod or Service, as far as you may list them")
	cmd.Flags().StringVar(&opts.to, "to", "", "HOST:PORT to check from inside the pod: name resolution, connection and TLS")
	cmd.Flags().DurationVar(&opts.connectTimeout, "connect-timeout", defaultConnectTimeout, "How long each step of --to may take")
	return cmd
}

// check refuses flags that do not go together.
func (o *options) check(cmd *cobra.Command) error {
	help := cmd.CommandPath() + " --help"
	switch {
	case o.AllPods && !o.summary:
		return cli.Usage(help, "--all-pods requires --summary")
	case o.to == "" && cmd.Flags().Changed("connect-timeout"):
		return cli.Usage(help, "--connect-timeout requires --to")
	case o.to != "" && (o.summary || o.listening || o.names):
		return cli.Usage(help, "--to and --listening, --summary or --names are mutually exclusive")
	case o.to != "" && (o.Output == "wide" || o.Output == "name"):
		return cli.Usage(help, "--to and -o %s are mutually exclusive", o.Output)
	case o.connectTimeout < time.Second:
		return cli.Usage(help, "--connect-timeout %s: must be at least a second", o.connectTimeout)
	}
	return nil
}

// gather reads the sockets, with their owners among all processes of the pod that are seen.
func gather(ctx context.Context, deps *cli.Deps, l *inspect.Look, opts *options) ([]proc.Socket, []string, error) {
	list, notes, err := inspect.Sockets(ctx, l)
	if err != nil {
		return nil, nil, err
	}
	others := *l
	if opts.PID == 0 {
		others.Processes = slices.DeleteFunc(slices.Clone(l.All), func(p session.Process) bool { return l.Ours(p) })
	}
	readings, err := l.Host.Inspect(ctx, others.PIDs(), process.Descriptors)
	if err != nil {
		return nil, nil, err
	}
	files, denied := inspect.OpenFiles(&others, readings, list)
	proc.SetOwners(list, files)
	list = slices.DeleteFunc(list, func(s proc.Socket) bool {
		return s.Protocol == "netlink" || opts.PID != 0 && len(s.Owners) == 0 || opts.listening && !s.Listening()
	})
	if opts.names {
		named, err := namePeers(ctx, deps, l, list)
		if err != nil {
			return nil, nil, err
		}
		notes = append(notes, named...)
	}
	return list, append(notes, ownerNotes(l, list, denied)...), nil
}

// ownerNotes say why sockets that some process has open have no owner here.
func ownerNotes(l *inspect.Look, list []proc.Socket, denied []string) []string {
	n := 0
	for i := range list {
		if list[i].Inode != 0 && len(list[i].Owners) == 0 {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	without := output.Plural(n, "socket has no visible owner", "sockets have no visible owner")
	switch {
	case len(denied) > 0:
		return append(denied, without)
	case !l.View.Pod() && len(l.Target.Pod.Spec.Containers) > 1:
		return []string{fmt.Sprintf("%s: only processes of container %s are seen (use -c for another one)", without, l.View.Container)}
	}
	return []string{without + ": a process that is not seen has it open, such as a sidecar, or the kernel"}
}

func sockets(deps *cli.Deps, opts *options) inspect.Verb[proc.Socket, struct{}] {
	return inspect.Verb[proc.Socket, struct{}]{
		Kind: "SocketList", Access: podspec.SeeProcesses, Columns: columns(opts.names),
		Gather: func(ctx context.Context, l *inspect.Look) (found inspect.Found[proc.Socket, struct{}], err error) {
			found.Items, found.Notes, err = gather(ctx, deps, l, opts)
			return found, err
		},
		Name: func(s proc.Socket) string {
			text := s.Protocol + " " + s.Local()
			if peer := s.Peer(); peer != "" {
				text += " " + peer
			}
			return strings.TrimSpace(text)
		},
	}
}

// groups is the command with --summary.
func groups(deps *cli.Deps, opts *options) inspect.Verb[proc.SocketGroup, struct{}] {
	return inspect.Verb[proc.SocketGroup, struct{}]{
		Kind: "SocketSummary", Access: podspec.SeeProcesses, Columns: groupColumns(opts.names),
		Gather: func(ctx context.Context, l *inspect.Look) (found inspect.Found[proc.SocketGroup, struct{}], err error) {
			list, notes, err := gather(ctx, deps, l, opts)
			found.Items, found.Notes = proc.GroupSockets(list), notes
			return found, err
		},
		Name: groupKey, Key: groupKey,
		Value: func(g proc.SocketGroup) string { return fmt.Sprint(g.Count) },
	}
}

func groupKey(g proc.SocketGroup) string {
	var words []string
	for _, word := range []string{g.Protocol, g.State, g.Local, g.Peer, g.Command} {
		if word != "" {
			words = append(words, word)
		}
	}
	return strings.Join(words, " ")
}
