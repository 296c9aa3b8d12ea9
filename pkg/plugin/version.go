// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/version"
)

type versionOptions struct {
	client bool
	output string
}

// clientInfo is this program's own version.
type clientInfo struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// versions is what "version -o json" prints.
type versions struct {
	Client clientInfo    `json:"clientVersion"`
	Server *version.Info `json:"serverVersion,omitempty"`
}

// clientVersion reads what the Go linker recorded of the module and the commit.
func clientVersion() clientInfo {
	v := clientInfo{Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v.Revision = s.Value
		}
	}
	return v
}

func newVersionCmd(f *Factory, run func(context.Context, *Factory, *versionOptions) error) *cobra.Command {
	opts := &versionOptions{}
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the versions of this plugin and of the cluster",
		Example: `  kubectl shareproc version
  kubectl shareproc version --client -o json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := oneOf(cmd, opts.output, "", "json", "yaml"); err != nil {
				return err
			}
			return run(cmd.Context(), f, opts)
		},
	}
	cmd.Flags().BoolVar(&opts.client, "client", false, "Print this plugin's version only, without asking the cluster")
	cmd.Flags().StringVarP(&opts.output, "output", "o", "", "json or yaml")
	return cmd
}

func runVersion(_ context.Context, f *Factory, opts *versionOptions) error {
	v := versions{Client: clientVersion()}
	if !opts.client {
		client, err := f.Client()
		if err != nil {
			return err
		}
		if v.Server, err = client.Discovery().ServerVersion(); err != nil {
			fmt.Fprintf(f.Streams.Out, "Client Version: %s\n", v.Client.Version)
			return fmt.Errorf("get the cluster's version: %w", err)
		}
	}
	if opts.output != "" {
		return printObject(f.Streams.Out, opts.output, v)
	}
	fmt.Fprintf(f.Streams.Out, "Client Version: %s\n", v.Client.Version)
	if v.Server != nil {
		fmt.Fprintf(f.Streams.Out, "Server Version: %s\n", v.Server.GitVersion)
	}
	return nil
}
