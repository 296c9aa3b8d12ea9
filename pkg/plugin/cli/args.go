// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
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

// PodPIDPaths takes POD [PID] [PATH...]. A second word that begins with / or ./ is a path; a PID left out is 0.
func PodPIDPaths(cmd *cobra.Command, args []string, most int) (pod string, pid int, paths []string, err error) {
	rest := args[1:]
	if len(rest) > 0 && !strings.HasPrefix(rest[0], "/") && !strings.HasPrefix(rest[0], "./") {
		if pid, err = ParsePID(cmd, rest[0]); err != nil {
			try := "kubectl shareproc ps " + cmp.Or(args[0], "POD")
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
		args, err := WithPod(cmd, args)
		switch {
		case err != nil:
			return err
		case len(args) == 0:
			return Usage("run kubectl get pods, then "+cmd.CommandPath()+" NAME", "a pod name is required")
		case strings.HasPrefix(args[0], "/"):
			return Usage(cmd.CommandPath()+" POD "+args[0], "%q is a path: the pod comes first%s", args[0], taken(cmd))
		case strings.Contains(args[0], "="):
			return Usage("use --selector "+args[0], "%q is not the name of a pod", args[0])
		case len(args) > most && most == 1 && strings.Contains(args[most], "/"):
			return NoPath(cmd, args[0], args[most])
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

// NoPath says that a command takes a pod alone, and which takes a path.
func NoPath(cmd *cobra.Command, pod, path string) error {
	try := "kubectl shareproc fs POD PATH"
	if path = strings.TrimPrefix(path, "./"); Pastable(pod + path) {
		try = fmt.Sprintf("kubectl shareproc fs %s:%s", pod, path)
	}
	return Usage(try, "%s takes no path: %q", cmd.Name(), path)
}

// PodOnly is WithPod for a command that takes a pod and no path.
func PodOnly(cmd *cobra.Command, args []string) ([]string, error) {
	words, err := WithPod(cmd, args)
	if err == nil && len(words) > len(args) && words[0] != "" {
		return nil, NoPath(cmd, words[0], words[1])
	}
	return words, err
}

// WithPod are the words of a command with the pod in front, as a word of its own: an empty one where -l selects it. What else
// [NAMESPACE/][TYPE/]NAME[:[PID:]PATH] says becomes --namespace, and words behind the pod.
func WithPod(cmd *cobra.Command, args []string) ([]string, error) {
	switch {
	case cmd.Flags().Changed("selector"):
		return append([]string{""}, args...), nil
	case len(args) == 0, !strings.ContainsAny(args[0], "/:"), strings.HasPrefix(args[0], "/"):
		return args, nil
	}
	w := target.ParseWord(args[0])
	if w.HasPath && w.Path == "" {
		return nil, Usage(args[0]+"/", "%q: the path is empty", args[0])
	}
	if err := OneNamespace(cmd, args[0]); err != nil {
		return nil, err
	}
	if w.Namespace != "" {
		if err := cmd.Flags().Set("namespace", w.Namespace); err != nil {
			return nil, err
		}
	}
	words := append([]string{w.Arg}, PathWords(w.Path)...)
	for _, arg := range args[1:] {
		// fs cat POD:PATH POD:PATH
		if path, same := strings.CutPrefix(arg, strings.TrimSuffix(args[0], w.Path)); w.HasPath && same {
			arg = path
		}
		words = append(words, arg)
	}
	return words, nil
}

// OneNamespace refuses a word with another namespace than that of -n.
func OneNamespace(cmd *cobra.Command, text string) error {
	w, flag := target.ParseWord(text), cmd.Flags().Lookup("namespace")
	if w.Namespace != "" && flag != nil && flag.Changed && flag.Value.String() != w.Namespace {
		return Usage("leave out one of them", "-n %s and %q name two namespaces", flag.Value, text)
	}
	return nil
}

// PathWords are [PID] PATH of what follows a pod's colon. The path of a file whose name is a number and a colon begins with a
// slash; one without a slash begins at the process's working directory.
func PathWords(path string) []string {
	if path == "" {
		return nil
	}
	var words []string
	if number, rest, ok := strings.Cut(path, ":"); ok && number != "" && strings.Trim(number, "0123456789") == "" {
		words, path = append(words, number), rest
	}
	switch {
	case path == "":
		return words
	case !strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "./"):
		path = "./" + path
	}
	return append(words, path)
}
