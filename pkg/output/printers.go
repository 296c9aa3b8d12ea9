// SPDX-License-Identifier: Apache-2.0

package output

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/printers"
)

// Formats of -o that print a document, whatever it is. Behind "=" follows a template; docs/output.md has the documents.
const (
	ColumnsFormat = "custom-columns="
	PathFormat    = "jsonpath="
)

// DocumentFormats are the formats that print any document.
func DocumentFormats() []string {
	return []string{"json", "yaml", PathFormat, ColumnsFormat}
}

// IsDocument reports whether a format prints a document.
func IsDocument(format string) bool {
	_, err := PrinterOf(format)
	return format != "" && err == nil
}

// ErrFormat is that of a format of no known kind.
var ErrFormat = errors.New("unknown format")

// PrinterOf finds the printer of a format. What is new to it is errFormat.
func PrinterOf(format string) (printers.ResourcePrinter, error) {
	switch format {
	case "json":
		return &printers.JSONPrinter{}, nil
	case "yaml", "":
		return &printers.YAMLPrinter{}, nil
	}
	if spec, ok := strings.CutPrefix(format, ColumnsFormat); ok {
		return newColumns(spec)
	}
	// go-template is left out on purpose: text/template calls methods by name, so that the linker can leave out none of
	// client-go's, and the binary has 52 MB instead of 31.
	p, err := genericclioptions.NewJSONPathPrintFlags("", true).ToPrinter(format)
	if genericclioptions.IsNoCompatiblePrinterError(err) {
		return nil, ErrFormat
	}
	if err != nil {
		return nil, err
	}
	return fromTemplate{p}, nil
}

// PrintObject prints a document in one of documentFormats; yaml is the default.
func PrintObject(w io.Writer, format string, object any) error {
	return PrintList(w, format, object, true)
}

// PrintList is printObject, for what has columns with or without their names.
func PrintList(w io.Writer, format string, object any, headers bool) error {
	p, err := PrinterOf(format)
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
			parts[j] = EscapeLine(part)
		}
		lines[i] = strings.Join(parts, "\t")
	}
	_, err := io.WriteString(e.Writer, strings.Join(lines, "\n"))
	return len(p), err
}
