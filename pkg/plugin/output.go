// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/printers"
)

// Formats of -o that print a document, whatever it is. Behind "=" follows a template; docs/output.md has the documents.
const (
	columnsFormat = "custom-columns="
	pathFormat    = "jsonpath="
)

func documentFormats() []string {
	return []string{"json", "yaml", pathFormat, columnsFormat}
}

// addOutput adds -o to a command that prints one document. own are the formats that it prints itself.
func addOutput(cmd *cobra.Command, format *string, own ...string) {
	formats := strings.Join(append(slices.Clone(own), "json", "yaml", pathFormat+"TEMPLATE"), ", ")
	cmd.Flags().StringVarP(format, "output", "o", "", formats+" or "+columnsFormat+"NAME:PATH,...")
	// It fails only where there is no such flag.
	_ = cmd.RegisterFlagCompletionFunc("output", func(_ *cobra.Command, _ []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		words := append(slices.Clone(own), documentFormats()...)
		words = slices.DeleteFunc(words, func(w string) bool { return !strings.HasPrefix(w, word) })
		directive := cobra.ShellCompDirectiveNoFileComp
		if len(words) == 1 && strings.HasSuffix(words[0], "=") {
			directive |= cobra.ShellCompDirectiveNoSpace
		}
		return words, directive
	})
}

// checkOutput refuses what addOutput does not offer, and templates that can't be read.
func checkOutput(cmd *cobra.Command, format string, own ...string) error {
	if format == "" || slices.Contains(own, format) {
		return nil
	}
	_, err := printerOf(format)
	if errors.Is(err, errFormat) {
		return oneOf(cmd, format, append(own, documentFormats()...)...)
	}
	if err != nil {
		return usage("kubectl get --help, for the templates", "-o %q: %w", format, err)
	}
	return nil
}

// isDocument tells a format that prints a document from the command's own ones.
func isDocument(format string) bool {
	_, err := printerOf(format)
	return format != "" && err == nil
}

var errFormat = errors.New("unknown format")

// printerOf finds the printer of a format. What is new to it is errFormat.
func printerOf(format string) (printers.ResourcePrinter, error) {
	switch format {
	case "json":
		return &printers.JSONPrinter{}, nil
	case "yaml", "":
		return &printers.YAMLPrinter{}, nil
	}
	if spec, ok := strings.CutPrefix(format, columnsFormat); ok {
		return newColumns(spec)
	}
	// go-template is left out on purpose: text/template calls methods by name, so that the linker can leave out none of
	// client-go's, and the binary has 52 MB instead of 31.
	p, err := genericclioptions.NewJSONPathPrintFlags("", true).ToPrinter(format)
	if genericclioptions.IsNoCompatiblePrinterError(err) {
		return nil, errFormat
	}
	if err != nil {
		return nil, err
	}
	return fromTemplate{p}, nil
}

// printObject prints a document in one of documentFormats; yaml is the default.
func printObject(w io.Writer, format string, object any) error {
	return printList(w, format, object, true)
}

// printList is printObject, for what has columns with or without their names.
func printList(w io.Writer, format string, object any, headers bool) error {
	p, err := printerOf(format)
	if c, ok := p.(columns); ok && !headers {
		p = headless{c}
	}
	if err == nil {
		err = p.PrintObj(document{object}, w)
	}
	if err != nil {
		return fmt.Errorf("print output: %w", err)
	}
	return nil
}

// document makes of anything that encodes as a JSON object what cli-runtime's printers print, with its fields in order.
type document struct{ any }

func (d document) MarshalJSON() ([]byte, error) { return json.Marshal(d.any) }

// GetObjectKind says no more than that there is one: the printers only ask for that.
func (document) GetObjectKind() schema.ObjectKind {
	kind := &unstructured.Unstructured{}
	kind.SetGroupVersionKind(schema.GroupVersionKind{Version: "v1", Kind: "Document"})
	return kind
}

func (d document) DeepCopyObject() runtime.Object { return d }

// tree is the document as templates see it: numbers stay whole.
func (d document) tree() (map[string]any, error) {
	data, err := json.Marshal(d.any)
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	return tree, utiljson.Unmarshal(data, &tree)
}

// fromTemplate gives a template the document as a tree. What a terminal would act on is escaped, as in tables.
type fromTemplate struct{ printers.ResourcePrinter }

func (p fromTemplate) PrintObj(object runtime.Object, w io.Writer) error {
	d, ok := object.(document)
	if !ok {
		return p.ResourcePrinter.PrintObj(object, w)
	}
	tree, err := d.tree()
	if err != nil {
		return err
	}
	if printers.IsTerminal(w) {
		w = escaped{w}
	}
	return p.ResourcePrinter.PrintObj(&unstructured.Unstructured{Object: tree}, w)
}

// escaped is a terminal that acts on nothing but the ends of lines and tabs.
type escaped struct{ io.Writer }

func (e escaped) Write(p []byte) (int, error) {
	lines := strings.Split(string(p), "\n")
	for i, line := range lines {
		parts := strings.Split(line, "\t")
		for j, part := range parts {
			parts[j] = clean(part)
		}
		lines[i] = strings.Join(parts, "\t")
	}
	_, err := io.WriteString(e.Writer, strings.Join(lines, "\n"))
	return len(p), err
}
