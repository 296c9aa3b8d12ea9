// SPDX-License-Identifier: Apache-2.0

package debug

import (
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

// promptScript is a shell whose prompt begins with $1. The directory in it is the shell's own word, as it would be without.
const promptScript = `p='$'; [ "$(id -u 2>/dev/null)" = 0 ] && p='#'; export PS1="$1 \$PWD $p "; exec "$0"`

// prompted is the command line of a shell that says where it is: "nginx(web) / #".
func prompted(shell string, r *session.Session) []string {
	return []string{shell, "-c", promptScript, shell, podspec.Prompt(r.Pod, r.Target.Container)}
}
