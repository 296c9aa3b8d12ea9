// SPDX-License-Identifier: Apache-2.0

// Package version is the command version: this program's version and the cluster's.
package version

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/version"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
)

type versionOptions struct {
	client bool
	output string
}

// Versions is what "version -o json" prints.
type Versions struct {
	output.TypeMeta
	Client cli.ClientInfo `json:"clientVersion"`
	Server *version.Info  `json:"serverVersion,omitempty"`
}

// NewCommand returns the command version.
func NewCommand(deps *cli.Deps) *cobra.Command {
	opts := &versionOptions{}
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the versions of this plugin and of the cluster",
		Long: `Print the versions of this plugin and of the cluster.

Use it for a bug report, and to check that the cluster is recent enough.`,
		Example: `  kubectl shareproc version
  kubectl shareproc version --client -o json`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cli.CheckOutput(cmd, opts.output); err != nil {
				return err
			}
			return run(deps, opts)
		},
	}
	cmd.Flags().BoolVar(&opts.client, "client", false, "Print this plugin's version only, without asking the cluster")
	cli.AddOutput(cmd, &opts.output)
	return cmd
}

func run(deps *cli.Deps, opts *versionOptions) error {
	v := Versions{TypeMeta: output.NewTypeMeta("Version"), Client: cli.ClientVersion()}
	var unknown error
	if !opts.client {
		v.Server, unknown = serverVersion(deps)
	}
	if err := printVersions(deps.Streams.Out, opts.output, v); err != nil {
		return err
	}
	return unknown
}

func serverVersion(deps *cli.Deps) (*version.Info, error) {
	client, err := deps.Client()
	if err != nil {
		return nil, err
	}
	info, err := client.Discovery().ServerVersion()
	if err != nil {
		return nil, fmt.Errorf("get the server version: %w", err)
	}
	return info, nil
}

func printVersions(w io.Writer, format string, v Versions) error {
	if format != "" {
		return output.PrintObject(w, format, v)
	}
	text := fmt.Sprintf("Client Version: %s\nGo Version: %s\n", v.Client.Version, v.Client.Go)
	if v.Server != nil {
		text += fmt.Sprintf("Server Version: %s\n", v.Server.GitVersion)
	}
	_, err := io.WriteString(w, text)
	return err
}
