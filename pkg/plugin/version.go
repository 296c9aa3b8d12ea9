// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"fmt"
	"io"
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
	typeMeta
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

func newVersionCmd(f *Factory) *cobra.Command {
	opts := &versionOptions{}
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the versions of this plugin and of the cluster",
		Long: `Print the versions of this plugin and of the cluster.

Use it for a bug report, and to see whether the cluster is recent enough.`,
		Example: `  kubectl shareproc version
  kubectl shareproc version --client -o json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(cmd, opts.output); err != nil {
				return err
			}
			return runVersion(f, opts)
		},
	}
	cmd.Flags().BoolVar(&opts.client, "client", false, "Print this plugin's version only, without asking the cluster")
	addOutput(cmd, &opts.output)
	return cmd
}

func runVersion(f *Factory, opts *versionOptions) error {
	v := versions{typeMeta: kind("Version"), Client: clientVersion()}
	var unknown error
	if !opts.client {
		v.Server, unknown = f.serverVersion()
	}
	if err := printVersions(f.Streams.Out, opts.output, v); err != nil {
		return err
	}
	return unknown
}

func (f *Factory) serverVersion() (*version.Info, error) {
	client, err := f.Client()
	if err != nil {
		return nil, err
	}
	info, err := client.Discovery().ServerVersion()
	if err != nil {
		return nil, fmt.Errorf("get the cluster's version: %w", err)
	}
	return info, nil
}

func printVersions(w io.Writer, format string, v versions) error {
	if format != "" {
		return printObject(w, format, v)
	}
	text := fmt.Sprintf("Client Version: %s\n", v.Client.Version)
	if v.Server != nil {
		text += fmt.Sprintf("Server Version: %s\n", v.Server.GitVersion)
	}
	_, err := io.WriteString(w, text)
	return err
}
