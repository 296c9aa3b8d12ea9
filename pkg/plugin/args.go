// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// completionName begins the name of the program that kubectl runs to complete a plugin's command line ("kubectl plugin
// --help"). This program is it when it is linked to by that name.
const completionName = "kubectl_complete-"

// Arguments are the words of a command line (os.Args) without the program's name, which may ask for their completion.
func Arguments(argv []string) []string {
	if len(argv) == 0 {
		return nil
	}
	if strings.HasPrefix(filepath.Base(argv[0]), completionName) {
		return append([]string{cobra.ShellCompRequestCmd}, argv[1:]...)
	}
	return argv[1:]
}
