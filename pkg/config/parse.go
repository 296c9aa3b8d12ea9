// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bufio"
	"bytes"
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
	"sigs.k8s.io/yaml"
)

// PullPolicies are the pull policies that Kubernetes has.
func PullPolicies() []string { return []string{"Always", "IfNotPresent", "Never"} }

// CheckImage tells why an image's name can't be one. What a registry makes of it is the node's to say.
func CheckImage(image string) error {
	if image == "" {
		return errors.New("empty")
	}
	if strings.ContainsFunc(image, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return fmt.Errorf("%q has a space in it", image)
	}
	return nil
}

// Parse reads what the file says. The error holds one line for each thing that is wrong.
func (f File) Parse() (Config, error) {
	var doc any
	if err := yaml.UnmarshalStrict(f.Data, &doc); err != nil {
		if inner := errors.Unwrap(err); inner != nil { // without the outer one's talk of JSON
			err = inner
		}
		return Config{}, fmt.Errorf("read %s: %w", f.Path, err)
	}
	if err := single(f.Data, doc); err != nil {
		return Config{}, fmt.Errorf("read %s: %w", f.Path, err)
	}
	if doc == nil {
		return Config{}, nil
	}
	p := &parser{file: f.Path}
	c := p.config(doc)
	if err := errors.Join(p.errs...); err != nil {
		return Config{}, err
	}
	return c, nil
}

// single refuses documents behind the first one, which the YAML parser passes over in silence.
func single(data []byte, first any) error {
	expected := 0
	if first != nil {
		expected = 1
	}
	found := 0
	for r := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data))); ; {
		text, err := r.Read()
		if err != nil {
			break // the end, as the whole was YAML
		}
		var doc any
		if err := yaml.Unmarshal(text, &doc); err != nil || doc != nil {
			found++
		}
	}
	if found > expected {
		return errors.New("more than one document")
	}
	return nil
}

// parser knows the path of everything it looks at, which decoding into a struct does not.
type parser struct {
	file string
	errs []error
}

// fields say what becomes of the values in a mapping, by name.
type fields map[string]func(at *field.Path, value any)

func (p *parser) fail(at *field.Path, format string, args ...any) {
	where := p.file
	if at != nil {
		where += ": " + at.String()
	}
	p.errs = append(p.errs, fmt.Errorf("read %s: %s", where, fmt.Sprintf(format, args...)))
}

func (p *parser) config(doc any) Config {
	var c Config
	known := p.settings(&c.top)
	known["apiVersion"] = p.constant(APIVersion)
	known["kind"] = p.constant(Kind)
	known["namespaces"] = func(at *field.Path, value any) { c.namespaces = p.namespaces(at, value) }
	known["contexts"] = func(at *field.Path, value any) {
		c.contexts = map[string]scope{}
		p.each(at, value, func(name string, at *field.Path, value any) {
			var s scope
			known := p.settings(&s.Settings)
			known["namespaces"] = func(at *field.Path, value any) { s.namespaces = p.namespaces(at, value) }
			p.mapping(at, value, known)
			c.contexts[name] = s
		})
	}
	if p.mapping(nil, doc, known, "apiVersion", "kind"); len(p.errs) > 0 {
		return Config{}
	}
	return c
}

// mapping takes the fields of a mapping apart. One that holds nothing, as one whose lines are all
// commented out, is an empty one.
func (p *parser) mapping(at *field.Path, value any, known fields, required ...string) {
	m, ok := value.(map[string]any)
	if !ok && value != nil {
		p.fail(at, "%s, where fields are wanted", describe(value))
		return
	}
	for _, name := range required {
		if _, ok := m[name]; !ok {
			p.fail(at.Child(name), "missing")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if take := known[name]; take != nil {
			take(at.Child(name), m[name])
		} else {
			p.fail(at.Child(name), "unknown field; known ones are %s", strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
	}
}

// each calls visit for every value of a mapping whose names are the user's.
func (p *parser) each(at *field.Path, value any, visit func(name string, at *field.Path, value any)) {
	m, ok := value.(map[string]any)
	if !ok && value != nil {
		p.fail(at, "%s, where names with fields below are wanted", describe(value))
		return
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		switch name {
		case "":
			p.fail(at.Key(name), "empty name")
		case "true", "false": // nothing is called that, but YAML takes the name n for it
			p.fail(at.Key(name), "not a name; one such as y, n, on or off stands in quotes")
		default:
			visit(name, at.Key(name), m[name])
		}
	}
}

func (p *parser) namespaces(at *field.Path, value any) map[string]Settings {
	found := map[string]Settings{}
	p.each(at, value, func(name string, at *field.Path, value any) {
		if why := validation.IsDNS1123Label(name); len(why) > 0 {
			p.fail(at, "no namespace has such a name")
		}
		var s Settings
		p.mapping(at, value, p.settings(&s))
		found[name] = s
	})
	return found
}

// settings are the fields that every level has.
func (p *parser) settings(s *Settings) fields {
	return fields{
		"image":           func(at *field.Path, value any) { s.Image = from(p, at, p.image(at, value)) },
		"images":          func(at *field.Path, value any) { s.Images = from(p, at, p.images(at, value)) },
		"imagePullPolicy": func(at *field.Path, value any) { s.PullPolicy = from(p, at, p.pullPolicy(at, value)) },
		"keep": func(at *field.Path, value any) {
			s.Keep = from(p, at, p.duration(at, value, time.Second, "less than a second"))
		},
		"timeout": func(at *field.Path, value any) {
			s.Timeout = from(p, at, p.duration(at, value, time.Nanosecond, "not more than zero"))
		},
	}
}

func from[T any](p *parser, at *field.Path, value T) Value[T] {
	return Value[T]{Value: value, From: p.file + ": " + at.String()}
}

func (p *parser) text(at *field.Path, value any, wanted string) (string, bool) {
	text, ok := value.(string)
	if !ok {
		p.fail(at, "%s, where %s is wanted", describe(value), wanted)
	}
	return text, ok
}

func (p *parser) constant(want string) func(at *field.Path, value any) {
	return func(at *field.Path, value any) {
		if text, ok := p.text(at, value, want); ok && text != want {
			p.fail(at, "%q: not %s", text, want)
		}
	}
}

func (p *parser) image(at *field.Path, value any) string {
	text, ok := p.text(at, value, "an image's name")
	if !ok {
		return ""
	}
	if err := CheckImage(text); err != nil {
		p.fail(at, "%s", err)
	}
	return text
}

func (p *parser) images(at *field.Path, value any) []string {
	list, ok := value.([]any)
	if !ok {
		p.fail(at, "%s, where a list of images is wanted", describe(value))
	}
	images := make([]string, 0, len(list))
	for i, item := range list {
		images = append(images, p.image(at.Index(i), item))
	}
	return images
}

func (p *parser) pullPolicy(at *field.Path, value any) string {
	allowed := strings.Join(PullPolicies(), ", ")
	text, ok := p.text(at, value, "one of "+allowed)
	if ok && !slices.Contains(PullPolicies(), text) {
		p.fail(at, "%q: not one of %s", text, allowed)
	}
	return text
}

func (p *parser) duration(at *field.Path, value any, least time.Duration, tooShort string) time.Duration {
	const wanted = "a duration such as 90s or 10m"
	text, ok := p.text(at, value, wanted)
	if !ok {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		p.fail(at, "%q: not %s", text, wanted)
	} else if d < least {
		p.fail(at, "%s: %s", text, tooShort)
	}
	return d
}

// describe names the type of a value as whoever wrote the file knows it.
func describe(value any) string {
	switch v := value.(type) {
	case nil:
		return "nothing"
	case string:
		return fmt.Sprintf("%q", v)
	case []any:
		return "a list"
	case map[string]any:
		return "a mapping"
	}
	return fmt.Sprint(value)
}
