// SPDX-License-Identifier: Apache-2.0

// Package config is the command config, which shows the settings in force and where each comes from. It does not read
// files: pkg/config does.
package config

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/config"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
)

type configViewOptions struct {
	raw    bool
	output string
}

// setting is one of the settings in force, as "config view" prints it.
type setting struct {
	name  string
	Value any    `json:"value"`
	From  string `json:"source"`
}

// SettingsDocument is what "config view -o json" prints.
type SettingsDocument struct {
	output.TypeMeta
	// File is where config file: or would be; "" where the environment names no home.
	File      string             `json:"file,omitempty"`
	Context   string             `json:"context,omitempty"`
	Namespace string             `json:"namespace"`
	Settings  map[string]setting `json:"settings"`
}

// NewCommand returns the command config.
func NewCommand(deps *cli.Deps) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Settings for every command, by context and namespace",
		Long: `Settings for every command, by context and namespace.

Use it when the defaults do not fit: your own registry, other times in
production.

They are read from kubectl-shareproc/config.yaml in XDG_CONFIG_HOME (default:
~/.config; on Windows AppData), or from the file that SHAREPROC_CONFIG names:

    apiVersion: kubectl-shareproc/v1alpha1
    kind: Config
    image: registry.internal/tools/busybox:1.37.0-musl
    images: [busybox:1.36-musl]     # used instead if the node already has one
    imagePullPolicy: IfNotPresent   # or Always, or Never
    idleTimeout: 30m
    timeout: 2m
    transport: websocket            # or spdy, or auto
    readOnly: true                  # refuse commands that write or run commands
    tools: {net: registry.internal/tools/netshoot:v0.14} # for debug --tools
    contexts:
      production:
        idleTimeout: 5m             # any of the settings above
        namespaces:
          payments: {idleTimeout: 1m} # and here
    namespaces:                     # in every context
      kube-system: {imagePullPolicy: Never}

Every line except the first two is optional. The most specific value wins, field
by field. SHAREPROC_IMAGE in the environment overrides the file, and a flag
overrides both. SHAREPROC_READ_ONLY=1 turns on readOnly whatever the file says.`,
		Example: `  # show the effective settings
  kubectl shareproc config view`,
		Args: cli.KnownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newConfigViewCmd(deps))
	return cmd
}

func newConfigViewCmd(deps *cli.Deps) *cobra.Command {
	opts := &configViewOptions{}
	cmd := &cobra.Command{
		Use:   "view",
		Short: "Show the effective settings and where each comes from",
		Long: `Print the effective settings in a context and a namespace, and where each comes
from.

Use it when a command uses another image or time than you expect.

The cluster is not contacted.`,
		Example: `  kubectl shareproc config view
  kubectl shareproc config view --context production -n payments -o yaml

  # print the file without parsing it
  kubectl shareproc config view --raw`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cli.CheckOutput(cmd, opts.output); err != nil {
				return err
			}
			if opts.raw && opts.output != "" {
				return cli.Usage(cmd.CommandPath()+" --help", "-o %q and --raw are mutually exclusive", opts.output)
			}
			return runConfigView(deps, opts)
		},
	}
	cmd.Flags().BoolVar(&opts.raw, "raw", false, "Print the file without parsing it")
	cli.AddOutput(cmd, &opts.output)
	return cmd
}

func runConfigView(deps *cli.Deps, opts *configViewOptions) error {
	file, err := cli.ConfigFile(deps)
	if err != nil {
		return err
	}
	sayFile(deps, file)
	if opts.raw {
		_, err := deps.Streams.Out.Write(file.Data)
		return err
	}
	context, namespace, err := cli.Place(deps)
	if err != nil {
		return err
	}
	s, err := cli.SettingsOf(deps, file, context, namespace)
	if err != nil {
		return err
	}
	if opts.output == "" {
		return printSettings(deps.Streams.Out, inForce(s))
	}
	doc := SettingsDocument{TypeMeta: output.NewTypeMeta("Settings"), File: file.Path, Context: context, Namespace: namespace, Settings: map[string]setting{}}
	for _, one := range inForce(s) {
		doc.Settings[one.name] = one
	}
	return output.PrintObject(deps.Streams.Out, opts.output, doc)
}

func sayFile(deps *cli.Deps, file config.File) {
	switch {
	case file.Exists:
		deps.Report.Say("config file: %s", file.Path)
	case file.Path != "":
		deps.Report.Say("no config file (looked for %s)", file.Path)
	default:
		deps.Report.Say("no config file, and no home directory in the environment; set %s to use one", config.Env)
	}
}

// inForce lists the settings by the names that they have in the file.
func inForce(s config.Settings) []setting {
	images := s.Images.Value
	if images == nil {
		images = []string{}
	}
	return []setting{
		{"image", s.Image.Value, s.Image.From},
		{"images", images, s.Images.From},
		{"imagePullPolicy", s.PullPolicy.Value, s.PullPolicy.From},
		{"idleTimeout", s.IdleTimeout.Value.String(), s.IdleTimeout.From},
		{"timeout", s.Timeout.Value.String(), s.Timeout.From},
		{"transport", s.Transport.Value, s.Transport.From},
		{"readOnly", s.ReadOnly.Value, s.ReadOnly.From},
		{"tools", s.Tools.Value, s.Tools.From},
	}
}

func printSettings(w io.Writer, settings []setting) error {
	rows := [][]string{{"FIELD", "VALUE", "FROM"}}
	for _, s := range settings {
		text := fmt.Sprint(s.Value)
		if list, ok := s.Value.([]string); ok {
			text = strings.Join(list, ", ")
		}
		if images, ok := s.Value.(map[string]string); ok {
			var list []string
			for _, name := range slices.Sorted(maps.Keys(images)) {
				list = append(list, name+"="+images[name])
			}
			text = strings.Join(list, ", ")
		}
		if text == "" {
			text = "<none>"
		}
		rows = append(rows, []string{s.name, output.EscapeLine(text), output.EscapeLine(s.From)})
	}
	return output.Table(w, rows)
}
