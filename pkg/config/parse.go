// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// document is the file. What it does not set is nil.
type document struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	scope      `json:",inline"`
	Contexts   map[string]scope `json:"contexts"`
}

type scope struct {
	fields     `json:",inline"`
	Namespaces map[string]fields `json:"namespaces"`
}

type fields struct {
	Image       *string  `json:"image"`
	Images      []string `json:"images"`
	PullPolicy  *string  `json:"imagePullPolicy"`
	IdleTimeout *string  `json:"idleTimeout"`
	Timeout     *string  `json:"timeout"`
	Transport   *string  `json:"transport"`
	ReadOnly    *bool    `json:"readOnly"`

	Tools map[string]string `json:"tools"`
}

// PullPolicies are the pull policies that Kubernetes has.
func PullPolicies() []string { return []string{"Always", "IfNotPresent", "Never"} }

// Transports are what can carry a stream: the two protocols that API servers have, or either, in an order that suits.
func Transports() []string { return []string{"auto", "websocket", "spdy"} }

// CheckImage returns why an image's name cannot be one. What a registry makes of it is for the node to say.
func CheckImage(image string) error {
	if image == "" {
		return errors.New("empty")
	}
	if strings.ContainsFunc(image, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return fmt.Errorf("%q contains a space", image)
	}
	return nil
}

// Parse reads what the file says. The error has a line for each field that is wrong, with its place.
func (f File) Parse() (Config, error) {
	var doc document
	errs := decode(f.Data, &doc)
	if errs == nil && !isEmpty(f.Data) {
		errs = doc.check()
	}
	for i, err := range errs {
		errs[i] = fmt.Errorf("read %s: %w", f.Path, err)
	}
	if len(errs) > 0 {
		return Config{}, errors.Join(errs...)
	}
	return Config{path: f.Path, document: doc}, nil
}

// decode refuses what the document has no field for, a field twice, and a second document.
func decode(data []byte, doc *document) []error {
	text, err := yaml.YAMLToJSONStrict(data)
	if err != nil {
		return []error{err}
	}
	if documents(data) > 1 || isEmpty(data) && documents(data) > 0 {
		return []error{errors.New("more than one document")}
	}
	strict, err := kjson.UnmarshalStrict(text, doc)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		// Field has the names of embedded types too, and not those of contexts and namespaces.
		name := strings.NewReplacer("scope.", "", "fields.", "").Replace(wrong.Field)
		err = fmt.Errorf("%s: got %s, want %s", name, wrong.Value, wanted(wrong))
		if wrong.Field == "" {
			err = fmt.Errorf("got %s, want fields", wrong.Value)
		}
	}
	if err != nil {
		return []error{err}
	}
	return strict
}

func wanted(err *json.UnmarshalTypeError) string {
	switch err.Type.Kind().String() {
	case "struct", "map":
		return "a mapping"
	case "slice":
		return "a list"
	case "bool":
		return "true or false"
	}
	return "text"
}

// isEmpty reports whether the first document, the one that is decoded, says nothing.
func isEmpty(data []byte) bool {
	var first any
	return yaml.Unmarshal(data, &first) == nil && first == nil
}

// documents counts those that say something. The YAML parser reads the first and is silent about the others.
func documents(data []byte) int {
	found := 0
	for r := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data))); ; {
		text, err := r.Read()
		if err != nil {
			return found // the end, as the whole is YAML
		}
		if !isEmpty(text) {
			found++
		}
	}
}

func (d document) check() []error {
	var errs []error
	for _, constant := range [][3]string{{"apiVersion", d.APIVersion, APIVersion}, {"kind", d.Kind, Kind}} {
		if constant[1] != constant[2] {
			errs = append(errs, fmt.Errorf("%s: %q: not %s", constant[0], constant[1], constant[2]))
		}
	}
	errs = append(errs, d.scope.check(nil)...)
	for _, name := range slices.Sorted(maps.Keys(d.Contexts)) {
		at := field.NewPath("contexts").Key(name)
		errs = append(append(errs, checkName(at, name)...), d.Contexts[name].check(at)...)
	}
	return errs
}

func (s scope) check(at *field.Path) []error {
	errs := s.fields.check(at)
	for _, name := range slices.Sorted(maps.Keys(s.Namespaces)) {
		at := at.Child("namespaces").Key(name)
		wrong := checkName(at, name)
		if wrong == nil && len(validation.IsDNS1123Label(name)) > 0 {
			wrong = []error{fmt.Errorf("%s: not a valid namespace name", at)}
		}
		errs = append(append(errs, wrong...), s.Namespaces[name].check(at)...)
	}
	return errs
}

func checkName(at *field.Path, name string) []error {
	switch name {
	case "":
		return []error{fmt.Errorf("%s: empty name", at)}
	case "true", "false": // nothing is called that, but YAML takes the name n for it
		return []error{fmt.Errorf("%s: not a name; quote names such as y, n, on or off", at)}
	}
	return nil
}

func (f fields) check(at *field.Path) []error {
	var errs []error
	fail := func(at *field.Path, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", at, err))
		}
	}
	if f.Image != nil {
		fail(at.Child("image"), CheckImage(*f.Image))
	}
	for i, image := range f.Images {
		fail(at.Child("images").Index(i), CheckImage(image))
	}
	for _, name := range slices.Sorted(maps.Keys(f.Tools)) {
		at := at.Child("tools").Key(name)
		fail(at, CheckImage(f.Tools[name]))
		if len(validation.IsDNS1123Label(name)) > 0 {
			fail(at, errors.New("not a name of lower case letters, digits and dashes"))
		}
	}
	if f.PullPolicy != nil && !slices.Contains(PullPolicies(), *f.PullPolicy) {
		fail(at.Child("imagePullPolicy"), fmt.Errorf("%q: not one of %s", *f.PullPolicy, strings.Join(PullPolicies(), ", ")))
	}
	if f.Transport != nil && !slices.Contains(Transports(), *f.Transport) {
		fail(at.Child("transport"), fmt.Errorf("%q: not one of %s", *f.Transport, strings.Join(Transports(), ", ")))
	}
	_, err := duration(f.IdleTimeout, time.Second, "must be at least a second")
	fail(at.Child("idleTimeout"), err)
	_, err = duration(f.Timeout, 1, "must be greater than zero")
	fail(at.Child("timeout"), err)
	return errs
}

// duration is nil for a text that is nil.
func duration(text *string, least time.Duration, tooShort string) (*time.Duration, error) {
	if text == nil {
		return nil, nil
	}
	d, err := time.ParseDuration(*text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%q: not a duration such as 90s or 10m", *text)
	case d < least:
		return nil, fmt.Errorf("%s: %s", *text, tooShort)
	}
	return &d, nil
}
