// SPDX-License-Identifier: Apache-2.0

package session

import _ "embed"

// runScript leaves the mark that tells the waiting helper of a command that may be over before it looks,
// then becomes the command. It is one line, because shells that run their own applets show it in ps.
//
//go:embed run.sh
var runScript string

// Command is what to run in a session's container for argv: argv itself, after a mark that keeps the
// helper from ending as idle. A command that can't be found ends with 127, as in any shell.
func (s Session) Command(argv []string) []string {
	return append([]string{"sh", "-c", runScript, "shareproc"}, argv...)
}
