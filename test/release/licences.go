// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// licencesFile lists the modules, by the path from the top.
const licencesFile = "docs/licences.md"

// module is code of others that is linked into the program, for one platform at least.
type module struct {
	path, version, dir string
	licences           []string          // SPDX identifiers
	texts              map[string]string // licences and notices by file name
}

// thirdParties finds the modules of the packages that are linked in, and their licences: those in each package's directory and
// above it, up to the module's. A module without a licence, or with one that identify does not know, is an error. The first is
// the Go standard library.
func thirdParties(ctx context.Context, dir string) ([]*module, error) {
	root, err := output(ctx, dir, nil, "go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	std := &module{path: "the Go standard library", dir: root, texts: map[string]string{}}
	if err := std.collect(root); err != nil {
		return nil, err
	}
	found := map[string]*module{}
	for _, p := range every() {
		const each = `{{with .Module}}{{if not .Main}}{{.Path}}|{{.Version}}|{{.Dir}}|{{$.Dir}}{{end}}{{end}}`
		out, err := output(ctx, dir, goEnv(p), "go", "list", "-deps", "-f", each, "./cmd/"+name)
		if err != nil {
			return nil, err
		}
		for line := range strings.SplitSeq(out, "\n") {
			fields := strings.Split(line, "|")
			if len(fields) != 4 {
				continue
			}
			m := found[fields[0]]
			if m == nil {
				m = &module{path: fields[0], version: fields[1], dir: fields[2], texts: map[string]string{}}
				found[m.path] = m
			}
			if err := m.collect(fields[3]); err != nil {
				return nil, err
			}
		}
	}
	all := []*module{std}
	for _, path := range slices.Sorted(maps.Keys(found)) {
		all = append(all, found[path])
	}
	for _, m := range all {
		if err := m.identify(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// legal are the names of files whose text has to come with a copy of the program.
var legal = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)([.-][a-z0-9.]+)?$`)

// collect reads the legal files of a directory of the module, and of those above it.
func (m *module) collect(directory string) error {
	for {
		entries, err := os.ReadDir(directory)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if !e.Type().IsRegular() || !legal.MatchString(e.Name()) {
				continue
			}
			// license.go is code; LICENSE.docs is the licence of a module's documentation, none of which is linked in.
			if ext := filepath.Ext(e.Name()); ext == ".go" || ext == ".docs" {
				continue
			}
			path := filepath.Join(directory, e.Name())
			file, err := filepath.Rel(m.dir, path)
			if err != nil {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			m.texts[filepath.ToSlash(file)] = string(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
		}
		parent := filepath.Dir(directory)
		if directory == m.dir || parent == directory {
			return nil
		}
		directory = parent
	}
}

// identify names the module's licences. Only those known here may get into a release: all of them allow it where their text comes along.
func (m *module) identify() error {
	known := map[string]bool{}
	for file, text := range m.texts {
		base := strings.ToLower(filepath.Base(file))
		if strings.HasPrefix(base, "notice") || strings.HasPrefix(base, "patents") {
			continue
		}
		ids := identify(text)
		if len(ids) == 0 {
			return fmt.Errorf("%s@%s: the licence in %s is none that is known here", m.path, m.version, file)
		}
		for _, id := range ids {
			known[id] = true
		}
	}
	if len(known) == 0 {
		return fmt.Errorf("%s@%s has no licence", m.path, m.version)
	}
	m.licences = slices.Sorted(maps.Keys(known))
	return nil
}

// identify finds the licences that a text has, by sentences that only they have, as SPDX identifiers (https://spdx.org/licenses/).
func identify(text string) []string {
	text = strings.ToLower(strings.Join(strings.Fields(text), " "))
	var ids []string
	for _, l := range []struct{ id, sentence string }{
		{"Apache-2.0", "apache license version 2.0, january 2004"},
		{"Apache-2.0", "licensed under the apache license, version 2.0"},
		{"MIT", "permission is hereby granted, free of charge, to any person obtaining a copy"},
		{"ISC", "permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted"},
		{"ISC", "permission to use, copy, modify, and distribute this software for any purpose with or without fee is hereby granted"},
	} {
		if strings.Contains(text, l.sentence) && !slices.Contains(ids, l.id) {
			ids = append(ids, l.id)
		}
	}
	if strings.Contains(text, "redistribution and use in source and binary forms") {
		if strings.Contains(text, "neither the name") {
			ids = append(ids, "BSD-3-Clause")
		} else {
			ids = append(ids, "BSD-2-Clause")
		}
	}
	return ids
}

// notices is the file THIRD_PARTY_LICENSES of the archives: each text once, under the modules that it comes from.
func notices(modules []*module) []byte {
	var (
		b     bytes.Buffer
		order []string
		from  = map[string][]string{}
	)
	for _, m := range modules {
		for _, file := range slices.Sorted(maps.Keys(m.texts)) {
			text := strings.TrimSpace(m.texts[file])
			if from[text] == nil {
				order = append(order, text)
			}
			from[text] = append(from[text], strings.TrimSuffix(m.path+"@"+m.version, "@")+": "+file)
		}
	}
	b.WriteString("kubectl-shareproc contains code of others. Their licences and notices, each with the modules that it comes from:\n")
	rule := strings.Repeat("=", 100)
	for _, text := range order {
		fmt.Fprintf(&b, "\n%s\n%s\n%s\n\n%s\n", rule, strings.Join(from[text], "\n"), rule, text)
	}
	return b.Bytes()
}

// licencesPage is docs/licences.md.
func licencesPage(modules []*module) []byte {
	var b bytes.Buffer
	b.WriteString(`# Licenses

kubectl-shareproc is under the Apache License 2.0 ([LICENSE](../LICENSE)). Its programs contain
code of these modules, on at least one platform. Each archive has their licenses and notices in full, in
` + "`THIRD_PARTY_LICENSES`" + `. A module under any other
license fails the tests.

Generated from what is linked in (` + "`go run ./test/release -licences`" + `).

| module | version | license |
|---|---|---|
`)
	for _, m := range modules {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", m.path, m.version, strings.Join(m.licences, ", "))
	}
	return b.Bytes()
}
