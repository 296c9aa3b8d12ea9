// SPDX-License-Identifier: Apache-2.0

package session

import _ "embed"

//go:embed run.sh
var runScript string

// Command is what to run in a session's container for argv: argv itself, after a mark that keeps the
// helper from ending as idle. A command that can't be found ends with 127, as in any shell.
func (s Session) Command(argv []string) []string {
	return append([]string{"sh", "-c", runScript, "shareproc"}, argv...)
}
