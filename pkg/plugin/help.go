// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// printCommands is what the bare command does; --help has the flags too.
func printCommands(cmd *cobra.Command, _ []string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s.\n", cmd.Short)
	for _, group := range cmd.Groups() {
		fmt.Fprintf(&b, "\n%s\n", group.Title)
		for _, sub := range cmd.Commands() {
			if sub.GroupID == group.ID && sub.IsAvailableCommand() {
				fmt.Fprintf(&b, "  %-*s %s\n", cmd.NamePadding(), sub.Name(), sub.Short)
			}
		}
	}
	fmt.Fprintf(&b, `
Start with:
  %[1]s debug nginx
  %[1]s fs nginx /etc/nginx

Use "%[1]s COMMAND --help" for more about a command.
`, cmd.CommandPath())
	_, err := fmt.Fprint(cmd.OutOrStdout(), b.String())
	return err
}
