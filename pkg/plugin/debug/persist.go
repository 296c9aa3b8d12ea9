// SPDX-License-Identifier: Apache-2.0

package debug

import (
	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
)

// persistFlags are those of debug for a shell that outlives the connection.
type persistFlags struct {
	persist bool
	cli.DetachFlag
}

func (p *persistFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&p.persist, "persist", false, "Keep the shell running without a connection; reattach with attach. Its output is recorded in the log of the helper")
	p.Add(cmd.Flags(), "With --persist: ")
	cli.GroupRare(cmd.Flags(), "", "detach-keys")
	cmd.Long += `

With --persist the shell is the helper's own process, which keeps running
without a connection: the detach keys leave it, and "kubectl shareproc attach
POD" reattaches. Its output is recorded in the log of the helper. If you are
allowed to attach but not to exec, a shell is opened this way without the flag.`
}

func (p *persistFlags) validate(cmd *cobra.Command, of *debugOptions) error {
	if err := p.Parse(); err != nil || !p.persist {
		return err
	}
	switch {
	case len(of.command) > 0:
		return cli.Usage(cmd.CommandPath()+" "+of.pod+" --persist", "--persist and a command are mutually exclusive: it keeps a shell")
	case of.copy:
		return cli.Usage("use --persist or --copy", "--persist and --copy are mutually exclusive: a copy is deleted when its session ends")
	case of.patch:
		return cli.Usage("use --patch --keep-patched", "--persist and --patch are mutually exclusive: the template is restored when its session ends")
	case of.root.root:
		return cli.Usage("use --persist or --root", "--persist and --root are mutually exclusive: the shell of --root is a command in an idle helper")
	case of.ttySet && !of.tty, !of.stdin:
		return cli.Usage("leave out -t=false and -i=false", "--persist requires a terminal: there is nothing to attach to without one")
	}
	return nil
}
