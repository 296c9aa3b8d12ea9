// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/config"
)

type configViewOptions struct {
	raw    bool
	output string
}

// setting is one of the settings in force, as "config view" prints it.
type setting struct {
	name  string
	Value any    `json:"value"`
	From  string `json:"from"`
}

// settingsDocument is what "config view -o json" prints.
type settingsDocument struct {
	typeMeta
	// File is where the configuration is or would be; "" where the environment names no home.
	File      string             `json:"file,omitempty"`
	Context   string             `json:"context,omitempty"`
	Namespace string             `json:"namespace"`
	Settings  map[string]setting `json:"settings"`
}

func newConfigCmd(f *Factory) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Settings for every command, by context and namespace",
		Long: `Settings for every command, by context and namespace.

Use it where the defaults do not fit: an own registry, other times in production.

They are read from kubectl-shareproc/config.yaml in XDG_CONFIG_HOME (by default
~/.config; on Windows in AppData), or from the file that SHAREPROC_CONFIG names:

    apiVersion: kubectl-shareproc/v1alpha1
    kind: Config
    image: registry.internal/tools/busybox:1.37.0-musl
    images: [busybox:1.36-musl]     # as good where the node has one of them already
    imagePullPolicy: IfNotPresent   # or Always, or Never
    keep: 30m
    timeout: 2m
    contexts:
      production:
        keep: 5m                    # here any of the five above
        namespaces:
          payments: {keep: 1m}      # and here
    namespaces:                     # in every context
      kube-system: {imagePullPolicy: Never}

Every line but the first two may be left out. The more specific wins, field by field.
SHAREPROC_IMAGE in the environment beats the file, and a flag beats both.`,
		Example: `  # what is in force here, and who said so
  kubectl shareproc config view`,
		Args: knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newConfigViewCmd(f))
	return cmd
}

func newConfigViewCmd(f *Factory) *cobra.Command {
	opts := &configViewOptions{}
	cmd := &cobra.Command{
		Use:   "view",
		Short: "Print the settings in force, and where each comes from",
		Long: `Print the settings in force in a context and a namespace, and where each comes from.

Use it when a command takes another image or another time than you expected.

No cluster is asked.`,
		Example: `  kubectl shareproc config view
  kubectl shareproc config view --context production -n payments -o yaml

  # the file as it is
  kubectl shareproc config view --raw`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(cmd, opts.output); err != nil {
				return err
			}
			if opts.raw && opts.output != "" {
				return usage(cmd.CommandPath()+" --help", "-o %q: not with --raw", opts.output)
			}
			return runConfigView(f, opts)
		},
	}
	cmd.Flags().BoolVar(&opts.raw, "raw", false, "Print the file as it is, be it right or wrong")
	addOutput(cmd, &opts.output)
	return cmd
}

func runConfigView(f *Factory, opts *configViewOptions) error {
	file, err := f.configFile()
	if err != nil {
		return err
	}
	f.sayFile(file)
	if opts.raw {
		_, err := f.Streams.Out.Write(file.Data)
		return err
	}
	context, namespace, err := f.place()
	if err != nil {
		return err
	}
	s, err := f.settingsOf(file, context, namespace)
	if err != nil {
		return err
	}
	if opts.output == "" {
		return printSettings(f.Streams.Out, inForce(s))
	}
	doc := settingsDocument{typeMeta: kind("Settings"), File: file.Path, Context: context, Namespace: namespace, Settings: map[string]setting{}}
	for _, one := range inForce(s) {
		doc.Settings[one.name] = one
	}
	return printObject(f.Streams.Out, opts.output, doc)
}

func (f *Factory) sayFile(file config.File) {
	switch {
	case file.Exists:
		f.Report.Say("the configuration is %s", file.Path)
	case file.Path != "":
		f.Report.Say("there is no configuration; it would be %s", file.Path)
	default:
		f.Report.Say("there is no configuration, and the environment names no home to look in; %s can name a file", config.Env)
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
		{"keep", s.Keep.Value.String(), s.Keep.From},
		{"timeout", s.Timeout.Value.String(), s.Timeout.From},
	}
}

func printSettings(w io.Writer, settings []setting) error {
	rows := [][]string{{"FIELD", "VALUE", "FROM"}}
	for _, s := range settings {
		text := fmt.Sprint(s.Value)
		if list, ok := s.Value.([]string); ok {
			text = strings.Join(list, ", ")
		}
		if text == "" {
			text = "<none>"
		}
		rows = append(rows, []string{s.name, clean(text), clean(s.From)})
	}
	return table(w, rows)
}
