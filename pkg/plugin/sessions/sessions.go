// SPDX-License-Identifier: Apache-2.0

// Package sessions is the commands sessions and clean: what runs in the cluster because of this tool, and its end.
package sessions

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/inventory"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

type sessionsOptions struct {
	pod           string
	allNamespaces bool
	noHeaders     bool
	output        string
}

// sessionItem is one of the items of sessionList.
type sessionItem struct {
	Kind      inventory.Kind `json:"kind"`
	Namespace string         `json:"namespace"`
	// Pod is left out of a patch, Workload (deployment/web) of all else.
	Pod       string `json:"pod,omitempty"`
	Workload  string `json:"workload,omitempty"`
	Container string `json:"container,omitempty"`
	// TargetContainer is left out of a helper that sees the processes of the whole pod.
	TargetContainer string `json:"targetContainer,omitempty"`
	CopyOf          string `json:"copyOf,omitempty"`
	// Persistent is true for a helper that keeps a shell, to attach to.
	Persistent      bool                    `json:"persistent,omitempty"`
	CreatedBy       string                  `json:"createdBy,omitempty"`
	Reason          string                  `json:"reason,omitempty"`
	StartTime       *metav1.Time            `json:"startTime,omitempty"`
	EndsAt          *metav1.Time            `json:"expiresAt,omitempty"`
	State           inventory.State         `json:"state"`
	Image           string                  `json:"image,omitempty"`
	SecurityContext *corev1.SecurityContext `json:"securityContext,omitempty"`
}

// SessionList is what "sessions -o json" prints.
type SessionList struct {
	output.TypeMeta
	Items []sessionItem `json:"items"`
}

// NewCommand returns the command sessions.
func NewCommand(deps *cli.Deps) *cobra.Command {
	opts := &sessionsOptions{}
	cmd := &cobra.Command{
		Use:   "sessions [POD]",
		Short: "List running helpers, pod copies and patches",
		Long: `List what this plugin left in a namespace, or in one pod and its copies: running
helper containers, copies of pods, and workloads with a patched template.

Use it to see what is still there, yours and other people's.

EXPIRES is when an idle helper exits, or a copy is terminated at the latest; "-"
if that is unknown, as without permission for pods/exec. A helper that is
running a command is in-use. A shell is a helper of debug --persist, for attach;
it exits when no key was pressed for a while. A finished copy was terminated by
the cluster: nothing runs in it, and the pod still exists. An expired patch is
restored by clean, and by the next debug --copy or --patch. Listing a helper
does not keep it from exiting.

-o name prints pod/NAME for a copy, TYPE/NAME for a patch and pod/NAME/CONTAINER
for a helper, as clean takes them.`,
		Example: `  kubectl shareproc sessions
  kubectl shareproc sessions nginx -o wide
  kubectl shareproc sessions -A

  # remove some of them
  kubectl shareproc sessions -o name | grep web- | xargs -r kubectl shareproc clean`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return cli.Usage(cmd.CommandPath()+" --help", "unexpected argument %q", args[1])
			}
			return checkNames(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.pod = strings.Join(args, "")
			if err := cli.CheckOutput(cmd, opts.output, "wide", "name"); err != nil {
				return err
			}
			if opts.allNamespaces && opts.output == "name" {
				return cli.Usage("use -o json, which includes the namespaces", "-o name and -A are mutually exclusive: a name does not include its namespace")
			}
			return run(cmd.Context(), deps, opts)
		},
	}
	cmd.Flags().BoolVarP(&opts.allNamespaces, "all-namespaces", "A", false, "All namespaces")
	cmd.Flags().BoolVar(&opts.noHeaders, "no-headers", false, "Omit the header line")
	cli.AddOutput(cmd, &opts.output, "wide", "name")
	return cmd
}

func manager(deps *cli.Deps, timeout time.Duration) (inventory.Manager, error) {
	d, err := cli.Manager(deps)
	d.Timeout = timeout
	return inventory.Manager{Cluster: d.Cluster}, err
}

func run(ctx context.Context, deps *cli.Deps, opts *sessionsOptions) error {
	var names []string
	if opts.pod != "" {
		names = append(names, opts.pod)
	}
	scopes, err := scopes(deps, names, opts.allNamespaces)
	if err != nil {
		return err
	}
	o, err := manager(deps, cli.DefaultTimeout)
	if err != nil {
		return err
	}
	list, err := o.List(ctx, scopes[0])
	if err != nil {
		return err
	}
	list, never := inventory.Started(list)
	defer sayNever(deps, never)
	if opts.output != "name" {
		o.LookAt(ctx, list)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return printSessions(deps, list, scopes[0], opts)
}

// sayNever counts what never started, and is left out of a list for that.
func sayNever(deps *cli.Deps, n int) {
	if n > 0 {
		deps.Report.Say("%d that never started omitted: ephemeral containers cannot be removed, so an entry stays until its pod is deleted", n)
	}
}

// checkNames refuses names with a path, or in another namespace than -n.
func checkNames(cmd *cobra.Command, names []string) error {
	for _, name := range names {
		if w := target.ParseWord(name); w.HasPath {
			return cli.NoPath(cmd, w.Arg, w.Path)
		}
		if err := cli.OneNamespace(cmd, name); err != nil {
			return err
		}
	}
	return nil
}

// scopes says where to look for what the words name: one scope for each of them, or the whole namespace.
func scopes(deps *cli.Deps, names []string, allNamespaces bool) ([]inventory.Scope, error) {
	if allNamespaces {
		if len(names) > 0 {
			return nil, cli.Usage("use -n NAMESPACE instead of -A", "-A and a name (%q) are mutually exclusive", names[0])
		}
		return []inventory.Scope{{}}, nil
	}
	namespace, err := cli.Namespace(deps)
	if err != nil {
		return nil, err
	}
	scopes := make([]inventory.Scope, 0, max(len(names), 1))
	for _, name := range names {
		word := target.ParseWord(name)
		namespace, name := cmp.Or(word.Namespace, namespace), word.Arg
		if w, err := target.ParseWorkload(name); err == nil {
			scopes = append(scopes, inventory.Scope{Namespace: namespace, Workload: w})
			continue
		}
		pod, container, err := podAndHelper(name)
		if err != nil {
			return nil, err
		}
		scopes = append(scopes, inventory.Scope{Namespace: namespace, Pod: pod, Container: container})
	}
	if len(scopes) == 0 {
		scopes = append(scopes, inventory.Scope{Namespace: namespace})
	}
	return scopes, nil
}

// podAndHelper reads POD, pod/POD and pod/POD/CONTAINER.
func podAndHelper(arg string) (pod, container string, err error) {
	name := arg
	if parts := strings.Split(arg, "/"); len(parts) == 3 {
		name, container = parts[0]+"/"+parts[1], parts[2]
		if len(validation.IsDNS1123Label(container)) > 0 {
			return "", "", cli.Usage("kubectl shareproc sessions -o name", "%q: %q is not the name of a helper", arg, container)
		}
	}
	if pod, err = target.ParseName(name); err != nil {
		return "", "", cli.AsUsage(err)
	}
	return pod, container, nil
}

func printSessions(deps *cli.Deps, list []inventory.Entry, in inventory.Scope, opts *sessionsOptions) error {
	switch {
	case output.IsDocument(opts.output):
		items := make([]sessionItem, len(list))
		for i, e := range list {
			items[i] = item(e)
		}
		return output.PrintList(deps.Streams.Out, opts.output, SessionList{TypeMeta: output.NewTypeMeta("SessionList"), Items: items}, !opts.noHeaders)
	case opts.output == "name":
		for _, e := range list {
			if _, err := fmt.Fprintln(deps.Streams.Out, sessionName(e)); err != nil {
				return err
			}
		}
	default:
		if len(list) > 0 {
			return sessionTable(deps, deps.Streams.Out, list, opts.allNamespaces, opts.output == "wide", !opts.noHeaders)
		}
	}
	if len(list) == 0 {
		deps.Report.Say("no sessions found in %s", place(in))
	}
	return nil
}

// place names a scope.
func place(in inventory.Scope) string {
	switch {
	case in.Namespace == "":
		return "any namespace"
	case in.Container != "":
		return fmt.Sprintf("container %s in pod/%s in namespace %s", in.Container, in.Pod, in.Namespace)
	case in.Workload.Name != "":
		return fmt.Sprintf("%s in namespace %s", in.Workload, in.Namespace)
	case in.Pod != "":
		return fmt.Sprintf("pod/%s in namespace %s or its copies", in.Pod, in.Namespace)
	default:
		return "namespace " + in.Namespace
	}
}

func item(e inventory.Entry) sessionItem {
	at := func(t time.Time) *metav1.Time {
		if t.IsZero() {
			return nil
		}
		return &metav1.Time{Time: t.UTC()}
	}
	workload := ""
	if e.Kind == inventory.KindPatch {
		workload = e.Workload.String()
	}
	return sessionItem{
		Kind: e.Kind, Namespace: e.Namespace, Workload: workload, Pod: e.Pod, Container: e.Container, TargetContainer: e.Target, CopyOf: e.CopyOf,
		Persistent: e.Persistent,
		CreatedBy:  e.By, Reason: e.Reason, StartTime: at(e.Since), EndsAt: at(e.Ends), State: e.State, Image: e.Image, SecurityContext: e.Security,
	}
}

// sessionName is what clean takes.
func sessionName(e inventory.Entry) string {
	if e.Kind == inventory.KindHelper {
		return "pod/" + e.Pod + "/" + e.Container
	}
	return e.String()
}

func sessionTable(deps *cli.Deps, w io.Writer, list []inventory.Entry, namespaces, wide, headers bool) error {
	row := func(namespace, security, image, reason string, more ...string) []string {
		if namespaces {
			more = append([]string{namespace}, more...)
		}
		if wide {
			more = append(more, security, image, reason)
		}
		return more
	}
	var rows [][]string
	if headers {
		rows = append(rows, row("NAMESPACE", "SECURITY", "IMAGE", "REASON", "POD", "CONTAINER", "KIND", "TARGET", "BY", "SINCE", "EXPIRES", "STATE"))
	}
	now := time.Now()
	for _, e := range list {
		sees := cmp.Or(e.Target, "(pod)")
		name, what := e.Pod, string(e.Kind)
		if e.Persistent {
			what = "shell"
		}
		switch e.Kind {
		case inventory.KindCopy:
			sees = "copy of " + e.CopyOf
		case inventory.KindPatch:
			sees, name = "(template)", e.Workload.String()
		}
		since, ends := "-", "-"
		if !e.Since.IsZero() {
			since = duration.HumanDuration(now.Sub(e.Since))
		}
		if !e.Ends.IsZero() {
			ends = "in " + duration.HumanDuration(max(e.Ends.Sub(now), 0))
		}
		rows = append(rows, row(e.Namespace, security(e.Security), remote.Escape(cmp.Or(e.Image, "-")), remote.Escape(cmp.Or(e.Reason, "-")), name, cmp.Or(e.Container, "-"),
			what, remote.Escape(sees), remote.Escape(cmp.Or(e.By, "-")), since, ends, remote.Escape(string(e.State))))
	}
	state := 7
	if namespaces {
		state++
	}
	return deps.Report.Table(w, rows, func(i, j int) output.Style {
		if i == 0 && headers || j != state {
			return output.Plain
		}
		switch rows[i][j] {
		case string(inventory.StateInUse):
			return output.Yellow
		case string(inventory.StateStarting), string(inventory.StateRunning), string(inventory.StateFinished), string(inventory.StateEnding):
			return output.Plain
		default:
			return output.Red // why the kubelet can't start it
		}
	})
}

// security puts a security context into one word: UID:GID and what is added and dropped.
func security(sc *corev1.SecurityContext) string {
	if sc == nil {
		return "-"
	}
	id := func(n *int64) string {
		if n == nil {
			return "?"
		}
		return fmt.Sprint(*n)
	}
	text := id(sc.RunAsUser) + ":" + id(sc.RunAsGroup)
	if sc.Capabilities != nil {
		for _, c := range sc.Capabilities.Add {
			text += "+" + remote.Escape(string(c))
		}
		for _, c := range sc.Capabilities.Drop {
			text += "-" + remote.Escape(string(c))
		}
	}
	return text
}
