// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/config"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/diff"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/doctor"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/env"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/fs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/lsof"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/ps"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/report"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/sessions"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/ss"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/threads"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/top"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/version"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
)

// documents are all that is printed in documentFormats, by kind. A new one needs a line here and a section in docs/output.md.
func documents() map[string]any {
	return map[string]any{
		"ProcessList": ps.ProcessList{}, "ResourceUsage": top.List{}, "SessionList": sessions.SessionList{}, "Diagnosis": doctor.Diagnosis{}, "Settings": config.SettingsDocument{}, "Version": version.Versions{},
		"File": fs.FileInfo{}, "FileEntry": files.FileEntry{}, "FileStat": fs.FileStat{}, "FileTree": fs.FileTree{}, "DiskUsage": fs.DiskUsage{},
		"FileSystemList": inspect.List[fs.FileSystem, struct{}]{}, "FileChange": fs.FileChange{}, "DirectoryChange": fs.DirectoryChange{},
		"OpenFileList": inspect.List[proc.OpenFile, lsof.Summary]{}, "OpenFileSummary": inspect.List[proc.FileGroup, lsof.Summary]{},
		"SocketList": inspect.List[proc.Socket, struct{}]{}, "SocketSummary": inspect.List[proc.SocketGroup, struct{}]{}, "ConnectionCheck": ss.ConnectionCheck{},
		"Report": report.Report{}, "ReportList": report.List{}, "List": inspect.PodList[struct{}, struct{}]{}, "DifferenceList": inspect.DifferenceList{},
		"VariableList": env.VariableList{}, "ThreadList": threads.ThreadList{},
		"Checksum": fs.Checksum{}, "Match": fs.Match{}, "Difference": diff.Difference{}, "The fields of a file": files.File{},
	}
}

// Every kind in the code is in documents, and every field of every kind in docs/output.md, with its type and in its order.
func TestOutputIsDocumented(t *testing.T) {
	sources, err := filepath.Glob("*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`\b(?:output\.NewTypeMeta\(|Kind:\s+)"(\w+)"`)
	for _, source := range sources {
		if strings.HasSuffix(source, "_test.go") {
			continue
		}
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range named.FindAllSubmatch(text, -1) {
			if documents()[string(match[1])] == nil {
				t.Errorf("%s prints kind %s, which is not among documents()", source, match[1])
			}
		}
	}
	text, err := os.ReadFile("../../docs/output.md")
	if err != nil {
		t.Fatal(err)
	}
	for kind, document := range documents() {
		_, section, found := strings.Cut(string(text), "\n### "+kind+"\n")
		section, _, _ = strings.Cut(section, "\n### ")
		section, _, _ = strings.Cut(section, "\n## ")
		if !found {
			t.Errorf("docs/output.md has no section for %s", kind)
		}
		var got []string
		for line := range strings.SplitSeq(section, "\n") {
			if cells := strings.Split(line, "|"); len(cells) > 3 && strings.HasPrefix(cells[1], " `") {
				got = append(got, strings.Trim(cells[1], " `")+" "+strings.TrimSpace(cells[2]))
				if strings.TrimSpace(cells[3]) == "" {
					t.Errorf("%s: nothing is said of %s", kind, cells[1])
				}
			}
		}
		if want := fieldsOf("", reflect.TypeOf(document)); !slices.Equal(got, want) {
			t.Errorf("docs/output.md has of %s\n%s\nand not\n%s", kind, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// fieldsOf lists the fields of a type as they appear in JSON, "path type". What Kubernetes defines is not taken apart.
func fieldsOf(prefix string, t reflect.Type) []string {
	var list []string
	for i := range t.NumField() {
		field := t.Field(i)
		tag, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		inner := field.Type
		for inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		switch {
		case inner.Kind() == reflect.Struct && inner.NumField() == 0:
			continue // a list without a summary
		case field.Anonymous && tag == "" && inner.Kind() == reflect.Struct:
			if prefix == "" && inner == reflect.TypeFor[output.TypeMeta]() {
				continue // every document has it
			}
			if inner == reflect.TypeFor[files.File]() {
				list = append(list, prefix+"... fields of a file")
				continue
			}
			list = append(list, fieldsOf(prefix, inner)...)
			continue
		case tag == "" || tag == "-":
			continue
		}
		path, kind, element := jsonType(prefix+tag, inner)
		if strings.Contains(options, "omitempty") {
			kind += ", optional"
		}
		list = append(list, path+" "+kind)
		if element != nil && element != t && element != reflect.TypeFor[files.File]() && !strings.HasPrefix(element.PkgPath(), "k8s.io/") {
			list = append(list, fieldsOf(path+".", element)...)
		}
	}
	return list
}

// jsonType names a type as a user of JSON knows it, and gives the struct inside it, if there is one.
func jsonType(path string, t reflect.Type) (string, string, reflect.Type) {
	switch {
	case t == reflect.TypeFor[time.Time](), t == reflect.TypeFor[metav1.Time]():
		return path, "time", nil
	case t == reflect.TypeFor[[]byte]():
		return path, "base64", nil
	}
	switch t.Kind() {
	case reflect.Slice:
		inner := t.Elem()
		for inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		_, kind, element := jsonType("", inner)
		return path + "[]", kind, element
	case reflect.Map:
		_, kind, element := jsonType("", t.Elem())
		return path + ".NAME", kind, element
	case reflect.Struct:
		return path, "object", t
	case reflect.Bool:
		return path, "boolean", nil
	case reflect.Float64:
		return path, "number", nil
	case reflect.String:
		return path, "string", nil
	case reflect.Interface:
		return path, "any", nil
	default:
		return path, "integer", nil
	}
}
