// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
)

// AddOutput adds -o to a command that prints one document. own are the formats that it prints itself.
func AddOutput(cmd *cobra.Command, format *string, own ...string) {
	formats := strings.Join(append(slices.Clone(own), "json", "yaml", output.PathFormat+"TEMPLATE"), ", ")
	cmd.Flags().StringVarP(format, "output", "o", "", formats+" or "+output.ColumnsFormat+"NAME:PATH,...")
	// It fails only where there is no such flag.
	_ = cmd.RegisterFlagCompletionFunc("output", func(_ *cobra.Command, _ []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		words := append(slices.Clone(own), output.DocumentFormats()...)
		words = slices.DeleteFunc(words, func(w string) bool { return !strings.HasPrefix(w, word) })
		directive := cobra.ShellCompDirectiveNoFileComp
		if len(words) == 1 && strings.HasSuffix(words[0], "=") {
			directive |= cobra.ShellCompDirectiveNoSpace
		}
		return words, directive
	})
}

// CheckOutput refuses what addOutput does not offer, and templates that can't be read.
func CheckOutput(cmd *cobra.Command, format string, own ...string) error {
	if format == "" || slices.Contains(own, format) {
		return nil
	}
	_, err := output.PrinterOf(format)
	if errors.Is(err, output.ErrFormat) {
		return OneOf(cmd, format, append(own, output.DocumentFormats()...)...)
	}
	if err != nil {
		return Usage("kubectl get --help", "-o %q: %w", format, err)
	}
	return nil
}

// OneOf checks a value of -o; "" is the table.
func OneOf(cmd *cobra.Command, format string, allowed ...string) error {
	if slices.Contains(allowed, format) {
		return nil
	}
	named := slices.DeleteFunc(slices.Clone(allowed), func(s string) bool { return s == "" })
	return Usage(cmd.CommandPath()+" --help", "-o %q: not one of %s", format, strings.Join(named, ", "))
}

// NoArgs refuses any argument.
func NoArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return Usage(cmd.CommandPath()+" --help", "unexpected argument %q", args[0])
	}
	return nil
}

// CompleteFlag names the values of a flag for the shell. It fails only where there is no such flag.
func CompleteFlag(cmd *cobra.Command, flag string, values ...string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}
