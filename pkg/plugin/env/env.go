// SPDX-License-Identifier: Apache-2.0

// Package env is the command env, which shows the environment of a process and where each variable comes from.
package env

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect/environ"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
)

type options struct {
	inspect.Args
	showSecrets, stale bool
	// key makes fingerprints of masked values, which mean nothing to another run.
	key []byte
}

// A Summary is about the process.
type Summary struct {
	PID  int    `json:"pid"`
	Name string `json:"name"`
	// FromSpec says that the process's own environment does not show, and that the items are the spec's.
	FromSpec bool `json:"fromSpec,omitempty"`
}

// A VariableList is the document of the command.
type VariableList = inspect.List[environ.Variable, Summary]

// NewCommand returns the command env.
func NewCommand(deps *cli.Deps) *cobra.Command {
	opts := &options{}
	cmd := &cobra.Command{
		Use:   "env POD [PID]",
		Short: "Show the environment of a process, and where each variable comes from",
		Long: `Show the environment of a process, and where each variable comes from.

Use it to see which configuration a process really runs with: the one that it
was started with, whatever its ConfigMaps and Secrets say now. --stale compares
the two. Without PID it is the container's first process.

SOURCE is what the pod's spec names: "spec" for a value in the spec itself, a
ConfigMap, a Secret, or a field of the pod; "service" for the variables of a
Service, and "process" for what the spec does not explain, such as the image's
own. A question mark means that it may come from there.

Values that come from a Secret, or may, are masked unless --show-secrets is
given. So are values that hold one of those, and variables that are called as a
password, a token or a key is.`,
		Example: `  kubectl shareproc env nginx

  # what a restart would change
  kubectl shareproc env nginx -c sidecar --stale

  # which replica has another configuration?
  kubectl shareproc env deploy/web --all-pods --diff`,
		Args: cli.PodFirst(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.Parse(cmd, args); err != nil {
				return err
			}
			if opts.stale && opts.Diff {
				return cli.Usage(cmd.CommandPath()+" --help", "--stale and --diff are mutually exclusive")
			}
			opts.key = make([]byte, sha256.Size)
			if _, err := rand.Read(opts.key); err != nil {
				return err
			}
			return verb(deps, opts).Run(cmd.Context(), deps, &opts.Args)
		},
	}
	opts.Add(cmd, "wide", "name")
	opts.AddPods(cmd, true)
	cmd.Flags().BoolVar(&opts.showSecrets, "show-secrets", false, "Print values that are, or may be, secret")
	cmd.Flags().BoolVar(&opts.stale, "stale", false, "Print only variables that differ from the spec, ConfigMaps and Secrets of now")
	return cmd
}

func verb(deps *cli.Deps, opts *options) inspect.Verb[environ.Variable, Summary] {
	v := inspect.Verb[environ.Variable, Summary]{
		Kind: "VariableList", Access: podspec.ReadRoot,
		Gather: func(ctx context.Context, l *inspect.Look) (inspect.Found[environ.Variable, Summary], error) {
			return gather(ctx, deps, l, opts)
		},
		Name: func(v environ.Variable) string { return v.Name },
		Key:  func(v environ.Variable) string { return v.Name },
		Value: func(v environ.Variable) string {
			if v.Masked {
				return environ.Mask + " (" + opts.fingerprint(v.Plain()) + ")"
			}
			return shown(v)
		},
	}
	v.Columns = []inspect.Column[environ.Variable]{
		{Name: "NAME", Of: func(v environ.Variable) string { return v.Name }},
		{Name: "SOURCE", Of: func(v environ.Variable) string { return v.Source.String() }},
		{Name: "KEY", Wide: true, Of: func(v environ.Variable) string { return cmp.Or(v.Source.Key, "-") }},
	}
	if opts.stale {
		v.Columns = append(v.Columns, inspect.Column[environ.Variable]{Name: "PROCESS", Of: shown}, inspect.Column[environ.Variable]{Name: "NOW", Of: now})
	} else {
		v.Columns = append(v.Columns, inspect.Column[environ.Variable]{Name: "VALUE", Of: shown, Style: styleOf})
	}
	return v
}

// shown is the value, or why there is none.
func shown(v environ.Variable) string {
	switch {
	case v.Unset:
		return "<none>"
	case v.Unknown:
		return "<unknown>"
	case v.Masked:
		return environ.Mask
	}
	return v.Value
}

// now is what the value would be.
func now(v environ.Variable) string {
	switch {
	case v.Gone:
		return "<none>"
	case v.Masked && v.Unset:
		return environ.Mask
	case v.Masked:
		return environ.Mask + " (differs)"
	}
	return v.Now
}

func styleOf(v environ.Variable) output.Style {
	if v.Unknown {
		return output.Yellow
	}
	return output.Plain
}

// fingerprint tells values from one another that are not shown.
func (o *options) fingerprint(value string) string {
	h := hmac.New(sha256.New, o.key)
	h.Write([]byte(value))
	const digits = 4
	return hex.EncodeToString(h.Sum(nil))[:digits]
}

// ownOfPod leaves out what differs between pods by nature: their names and addresses.
func ownOfPod(list []environ.Variable, pod string) []environ.Variable {
	fields := []string{"metadata.name", "metadata.uid", "status.podIP", "status.podIPs", "spec.nodeName", "status.hostIP", "status.hostIPs"}
	return slices.DeleteFunc(list, func(v environ.Variable) bool {
		return v.Name == "HOSTNAME" && v.Plain() == pod || v.Source.Kind == environ.Field && slices.Contains(fields, v.Source.Key)
	})
}
