// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// MaxPID is the largest PID that Linux gives (PID_MAX_LIMIT in linux/threads.h, exclusive).
const MaxPID = 1 << 22

// ParsePID reads a PID of a command line.
func ParsePID(cmd *cobra.Command, arg string) (int, error) {
	pid, err := strconv.Atoi(arg)
	if err != nil || pid < 1 || pid >= MaxPID {
		return 0, Usage("kubectl shareproc ps POD", "%q is not a PID: must be a number from 1 to %d", arg, MaxPID-1)
	}
	return pid, nil
}

// PodPIDPaths takes POD [PID] [PATH...]. A second word that begins with a slash is a path; a PID left out is 0.
func PodPIDPaths(cmd *cobra.Command, args []string, most int) (pod string, pid int, paths []string, err error) {
	rest := args[1:]
	if len(rest) > 0 && !strings.HasPrefix(rest[0], "/") {
		if pid, err = ParsePID(cmd, rest[0]); err != nil {
			try := "kubectl shareproc ps POD"
			if strings.Contains(rest[0], "/") {
				try = fmt.Sprintf("%s %s /%s", cmd.CommandPath(), cmp.Or(args[0], "--selector ..."), rest[0])
			}
			return "", 0, nil, Usage(try, "%q is neither a PID nor an absolute path", rest[0])
		}
		rest = rest[1:]
	}
	if len(rest) > most {
		return "", 0, nil, Usage(cmd.CommandPath()+" --help", "unexpected argument %q", rest[most])
	}
	return args[0], pid, rest, nil
}

// PodFirst takes between one argument, a pod, and most; with -l, which stands for the pod, one less.
func PodFirst(most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		args = WithPod(cmd, args)
		switch {
		case len(args) == 0:
			return Usage("run kubectl get pods, then "+cmd.CommandPath()+" NAME", "a pod name is required")
		case strings.HasPrefix(args[0], "/"):
			return Usage(cmd.CommandPath()+" POD "+args[0], "%q is a path: the pod comes first%s", args[0], taken(cmd))
		case strings.Contains(args[0], "="):
			return Usage("use --selector "+args[0], "%q is not the name of a pod", args[0])
		case len(args) > most:
			return Usage(cmd.CommandPath()+" --help", "unexpected argument %q", args[most])
		}
		return nil
	}
}

// taken says which words a letter took that has no value to the tool that the command is named after.
func taken(cmd *cobra.Command) (words string) {
	for _, name := range []string{"namespace", "container"} {
		if flag := cmd.Flags().Lookup(name); flag != nil && flag.Changed {
			words += fmt.Sprintf("; --%s is %q", name, flag.Value)
		}
	}
	return words
}

// WithPod puts an empty word where -l selects the pod.
func WithPod(cmd *cobra.Command, args []string) []string {
	if !cmd.Flags().Changed("selector") {
		return args
	}
	return append([]string{""}, args...)
}
