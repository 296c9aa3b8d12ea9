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
	cmd.Flags().BoolVar(&p.persist, "persist", false, "Make the shell the helper's own process, which runs on without a connection; attach comes back to it. Its screen is kept in the helper's log")
	p.Add(cmd.Flags(), "With --persist: ")
	cmd.Long += `

With --persist the shell is the helper's own process, which runs on without a connection:
detach keys leave it, and "kubectl shareproc attach POD" comes back. Its screen is kept in
the helper's log. Where you may attach and not exec, a shell is opened so without the flag.`
}

func (p *persistFlags) validate(cmd *cobra.Command, of *debugOptions) error {
	if err := p.Parse(); err != nil || !p.persist {
		return err
	}
	switch {
	case len(of.command) > 0:
		return cli.Usage(cmd.CommandPath()+" "+of.pod+" --persist", "--persist with a command: it keeps a shell, in which commands are typed")
	case of.copy:
		return cli.Usage("one of both", "--persist, --copy: a copy is deleted with its session")
	case of.patch:
		return cli.Usage("--patch --keep-patched", "--persist, --patch: the template is put back with its session")
	case of.root.root:
		return cli.Usage("one of both", "--persist, --root: the shell of --root is a command in a helper that waits")
	case of.ttySet && !of.tty, !of.stdin:
		return cli.Usage("without -t=false, -i=false", "--persist without a terminal: there is nothing to come back to")
	}
	return nil
}
