// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

// maxPID is the largest PID that Linux gives (PID_MAX_LIMIT in linux/threads.h, exclusive).
const maxPID = 1 << 22

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

func parsePID(cmd *cobra.Command, arg string) (int, error) {
	pid, err := strconv.Atoi(arg)
	if err != nil || pid < 1 || pid >= maxPID {
		return 0, usage("kubectl shareproc ps POD, for the PIDs", "%q is not a PID: %s takes a whole number from 1 to %d",
			arg, cmd.CommandPath(), maxPID-1)
	}
	return pid, nil
}

// podPIDPaths takes POD [PID] [PATH...]. A second word that begins with a slash is a path; a PID left out is 0.
func podPIDPaths(cmd *cobra.Command, args []string, most int) (pod string, pid int, paths []string, err error) {
	rest := args[1:]
	if len(rest) > 0 && !strings.HasPrefix(rest[0], "/") {
		if pid, err = parsePID(cmd, rest[0]); err != nil && strings.Contains(rest[0], "/") {
			err = hint.With(err, fmt.Sprintf("%s %s /%s, if it is a path", cmd.CommandPath(), cmp.Or(args[0], "-l ..."), rest[0]))
		}
		if err != nil {
			return "", 0, nil, err
		}
		rest = rest[1:]
	}
	if len(rest) > most {
		return "", 0, nil, usage(cmd.CommandPath()+" --help", "unexpected argument %q", rest[most])
	}
	return args[0], pid, rest, nil
}

// podFirst takes between one argument, a pod, and most; with -l, which stands for the pod, one less.
func podFirst(most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		args = withPod(cmd, args)
		switch {
		case len(args) == 0:
			return usage("kubectl get pods, then "+cmd.CommandPath()+" NAME", "name a pod")
		case len(args) > most:
			return usage(cmd.CommandPath()+" --help", "unexpected argument %q", args[most])
		}
		return nil
	}
}

// withPod puts an empty word where -l stands for the pod.
func withPod(cmd *cobra.Command, args []string) []string {
	if !cmd.Flags().Changed("selector") {
		return args
	}
	return append([]string{""}, args...)
}
