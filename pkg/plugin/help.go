// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"fmt"

	"github.com/spf13/cobra"
)

// firstSteps is what the bare command prints; --help has the rest.
const firstSteps = `A shell, the processes and the files of a container that has no shell.

  kubectl shareproc debug nginx                  a shell that sees nginx's processes
  kubectl shareproc ps nginx                     the processes, by container
  kubectl shareproc fs nginx /etc/nginx          a directory is listed, a file is printed
  kubectl shareproc cp nginx:/etc/nginx ./conf   files out of the container, and into it
  kubectl shareproc clean                        end what was left running

What is allowed here, and what is missing: kubectl shareproc doctor
All commands and flags: kubectl shareproc --help
`

func printFirstSteps(cmd *cobra.Command, _ []string) error {
	_, err := fmt.Fprint(cmd.OutOrStdout(), firstSteps)
	return err
}
