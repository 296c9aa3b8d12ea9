// SPDX-License-Identifier: Apache-2.0

package completion

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/rbac"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// Listed returns the pods of the namespace; none if the request fails.
func Listed(ctx context.Context, deps *cli.Deps) []corev1.Pod {
	client, err := deps.Client()
	if err != nil {
		return nil
	}
	ns, err := cli.Namespace(deps)
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	list, err := client.CoreV1().Pods(ns).List(ctx, metav1.ListOptions{Limit: maxPods})
	if err != nil {
		return nil
	}
	return list.Items
}

const (
	// listTime bounds a question to the API server while somebody waits with a finger on TAB.
	listTime = 2 * time.Second
	// maxPods is how many pods are asked for.
	maxPods = 500
)

// completer is what completes a word, as cobra has it. Whatever goes wrong completes nothing: a message would land in the
// line that is being typed.
type completer = func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective)

// None completes nothing, file names of this machine included.
func None(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// fixed completes one of some words.
func fixed(words ...string) completer {
	return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}

// completePods completes the first argument as a pod, or as what makes pods, and the next ones with the completers given, one for each.
func completePods(deps *cli.Deps, next ...completer) completer {
	return func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		args, err := cli.WithPod(cmd, args)
		switch i := len(args) - 1; {
		case err != nil:
			return None(cmd, args, word)
		case i < 0:
			return completeTarget(deps, cmd, word), cobra.ShellCompDirectiveNoFileComp
		case i < len(next):
			return next[i](cmd, args, word)
		default:
			return None(cmd, args, word)
		}
	}
}

// Pods lists the pods of the namespace, with what they are up to. A prefix such as pod/ stays.
func Pods(ctx context.Context, deps *cli.Deps, word string) []cobra.Completion {
	prefix := ""
	if kind, _, found := strings.Cut(word, "/"); found {
		prefix = kind + "/"
		if _, err := target.ParseName(prefix + "x"); err != nil {
			return nil
		}
	}
	var out []cobra.Completion
	for _, pod := range Listed(ctx, deps) {
		p := &pod
		if name := prefix + p.Name; strings.HasPrefix(name, word) {
			out = append(out, cobra.CompletionWithDesc(name, podState(p)))
		}
	}
	return out
}

// podState is a pod's phase, or the reason for which a container of it waits.
func podState(p *corev1.Pod) string {
	if p.DeletionTimestamp != nil {
		return "Terminating"
	}
	for i := range p.Status.ContainerStatuses {
		if w := p.Status.ContainerStatuses[i].State.Waiting; w != nil && w.Reason != "" {
			return remote.Escape(w.Reason)
		}
	}
	return string(p.Status.Phase)
}

// containers lists those of the pod that was typed already.
func containers(deps *cli.Deps, cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	t, ok := TypedTarget(deps, cmd, args, "")
	if !ok {
		return None(cmd, args, "")
	}
	return target.Containers(t.Pod), cobra.ShellCompDirectiveNoFileComp
}

// TypedTarget gets the pod that was typed already. The flags are read by name: each command has options of its own.
func TypedTarget(deps *cli.Deps, cmd *cobra.Command, args []string, container string) (target.Target, bool) {
	args, err := cli.WithPod(cmd, args)
	if err != nil || len(args) == 0 {
		return target.Target{}, false
	}
	client, err := deps.Client()
	if err != nil {
		return target.Target{}, false
	}
	ns, err := cli.Namespace(deps)
	if err != nil {
		return target.Target{}, false
	}
	selector, _ := cmd.Flags().GetString("selector")
	ctx, cancel := context.WithTimeout(cmd.Context(), listTime)
	defer cancel()
	t, err := target.Resolve(ctx, client, ns, target.Ref{Arg: args[0], Selector: selector, Container: container}, func(string, ...any) {})
	return t, err == nil
}

// inHelper asks a helper that runs already. None is ever started for a completion.
func inHelper(deps *cli.Deps, cmd *cobra.Command, args []string, need podspec.Access, do func(context.Context, *session.Session)) {
	container, _ := cmd.Flags().GetString("container")
	t, ok := TypedTarget(deps, cmd, args, container)
	if !ok {
		return
	}
	request := session.Request{Access: need}
	plan, err := session.Choose(t, request, rbac.Permissions{})
	if err != nil || plan.Mode != session.Reuse {
		return
	}
	d, err := cli.Manager(deps)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), deps.LookTime)
	defer cancel()
	d.Report = &output.Reporter{IOStreams: deps.Streams, Quiet: true}
	s, err := session.Open(ctx, d, t, request)
	if err != nil {
		return
	}
	do(ctx, s)
}

// pids lists the processes of the pod that was typed, with their commands.
func pids(deps *cli.Deps, cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var out []cobra.Completion
	inHelper(deps, cmd, args, podspec.SeeProcesses, func(ctx context.Context, r *session.Session) {
		processes, err := r.Processes(ctx)
		if err != nil {
			return
		}
		for _, p := range processes {
			if !strings.HasPrefix(p.Container, podspec.NamePrefix) {
				out = append(out, completedPID(p))
			}
		}
	})
	return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

// completedPID is a PID with the command line, or the name of a process that has none.
func completedPID(p session.Process) cobra.Completion {
	return cobra.CompletionWithDesc(strconv.Itoa(p.PID), description(cmp.Or(strings.Join(p.Args, " "), p.Name)))
}

// pidOrPath completes what follows the pod: a path where one was begun, else a PID.
func pidOrPath(deps *cli.Deps, cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if strings.HasPrefix(word, "/") {
		return Paths(deps, cmd, args, word)
	}
	return pids(deps, cmd, args, word)
}

// Paths lists the target's directory in which the word is, as far as it was typed.
func Paths(deps *cli.Deps, cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	pid := 0
	if len(args) > 1 {
		var err error
		if pid, err = strconv.Atoi(args[1]); err != nil {
			return None(cmd, args, word)
		}
	}
	directory := word[:strings.LastIndexByte(word, '/')+1]
	if directory == "" {
		return []cobra.Completion{"/"}, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	var out []cobra.Completion
	inHelper(deps, cmd, args, podspec.ReadRoot, func(ctx context.Context, r *session.Session) {
		root, err := r.Dial(ctx, pid)
		if err != nil {
			return
		}
		defer func() { _ = root.Close() }()
		if entries, err := fs.ReadDir(rootfs.FS(ctx, root), cmp.Or(strings.Trim(path.Clean(directory), "/"), ".")); err == nil {
			out = completedPaths(directory, word, entries)
		}
	})
	return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// completedPaths leaves out names that a shell might take for more than a name, and those that begin with a dot unless one was typed.
func completedPaths(directory, word string, entries []fs.DirEntry) []cobra.Completion {
	var out []cobra.Completion
	for _, e := range entries {
		name := e.Name()
		hidden := strings.HasPrefix(name, ".") && word == directory
		if hidden || strings.ContainsFunc(name, func(r rune) bool { return !harmless(r) }) || !strings.HasPrefix(directory+name, word) {
			continue
		}
		switch {
		case e.IsDir():
			name += "/"
		case e.Type() == fs.ModeSymlink:
			if entry, ok := e.(rootfs.Entry); ok {
				name = cobra.CompletionWithDesc(name, "-> "+description(entry.Stat().LinkTarget))
			}
		}
		out = append(out, directory+name)
	}
	return out
}

// harmless tells what is nothing but itself to a shell. The container chooses its names, and bash expands what older versions of kubectl's
// completion offer it, substitutions of commands included.
func harmless(r rune) bool {
	return r != utf8.RuneError && (unicode.In(r, unicode.L, unicode.M, unicode.Nd) || strings.ContainsRune("._-+@%,:=/", r))
}

// description puts "?" for what is not harmless.
func description(text string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || harmless(r) {
			return r
		}
		return '?'
	}, text)
}

// completeConfig completes kubectl's own flags as kubectl does.
func completeConfig(deps *cli.Deps, root *cobra.Command) error {
	names := func(of func(*cli.Deps) []string) completer {
		return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return of(deps), cobra.ShellCompDirectiveNoFileComp
		}
	}
	for flag, complete := range map[string]completer{
		"context": names(func(deps *cli.Deps) []string { c, _, _ := kubeconfigNames(deps); return c }),
		"cluster": names(func(deps *cli.Deps) []string { _, c, _ := kubeconfigNames(deps); return c }),
		"user":    names(func(deps *cli.Deps) []string { _, _, u := kubeconfigNames(deps); return u }),
		"namespace": func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return namespaces(cmd.Context(), deps), cobra.ShellCompDirectiveNoFileComp
		},
	} {
		if err := root.RegisterFlagCompletionFunc(flag, complete); err != nil {
			return fmt.Errorf("complete --%s: %w", flag, err)
		}
	}
	return nil
}

func kubeconfigNames(deps *cli.Deps) (contexts, clusters, users []string) {
	raw, err := deps.Config.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return nil, nil, nil
	}
	for name := range raw.Contexts {
		contexts = append(contexts, name)
	}
	for name := range raw.Clusters {
		clusters = append(clusters, name)
	}
	for name := range raw.AuthInfos {
		users = append(users, name)
	}
	slices.Sort(contexts)
	slices.Sort(clusters)
	slices.Sort(users)
	return contexts, clusters, users
}

func namespaces(ctx context.Context, deps *cli.Deps) []string {
	client, err := deps.Client()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	list, err := client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{Limit: maxPods})
	if err != nil {
		return nil
	}
	var out []string
	for i := range list.Items {
		out = append(out, list.Items[i].Name)
	}
	return out
}
