// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"strings"
	"time"
)

// bom is a software bill of materials, as CycloneDX 1.6 has it (https://cyclonedx.org/docs/1.6/json/).
type bom struct {
	Format       string         `json:"bomFormat"`
	Spec         string         `json:"specVersion"`
	Serial       string         `json:"serialNumber"`
	Version      int            `json:"version"`
	Metadata     bomMetadata    `json:"metadata"`
	Components   []bomComponent `json:"components"`
	Dependencies []bomDepends   `json:"dependencies"`
}

type bomMetadata struct {
	Timestamp string       `json:"timestamp"`
	Component bomComponent `json:"component"`
}

type bomComponent struct {
	Type       string        `json:"type"`
	Ref        string        `json:"bom-ref"`
	Name       string        `json:"name"`
	Version    string        `json:"version"`
	PURL       string        `json:"purl"`
	Hashes     []bomHash     `json:"hashes,omitempty"`
	Properties []bomProperty `json:"properties,omitempty"`
}

type bomHash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type bomProperty struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type bomDepends struct {
	Ref string   `json:"ref"`
	On  []string `json:"dependsOn"`
}

// materials lists what is linked into a binary, from what the Go command recorded in it. The same binary gives the same bytes.
func materials(path string, binary []byte, when time.Time) ([]byte, error) {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(binary)
	program := component(&info.Main)
	program.Type, program.Hashes = "application", []bomHash{{"SHA-256", hex.EncodeToString(sum[:])}}
	std := &debug.Module{Path: "std", Version: strings.TrimPrefix(strings.Fields(info.GoVersion)[0], "go")}
	all := []bomComponent{component(std)}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		all = append(all, component(m))
	}
	on := []string{}
	for _, c := range all {
		on = append(on, c.Ref)
	}
	list := bom{
		Format: "CycloneDX", Spec: "1.6", Version: 1,
		Serial:     fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", sum[:4], sum[4:6], []byte{0x40 | sum[6]&0xf, sum[7]}, []byte{0x80 | sum[8]&0x3f, sum[9]}, sum[10:16]),
		Metadata:   bomMetadata{when.Format(time.RFC3339), program},
		Components: all, Dependencies: []bomDepends{{program.Ref, on}},
	}
	text, err := json.MarshalIndent(list, "", "  ")
	return append(text, '\n'), err
}

// component describes a module. Its checksum is that of go.sum, which is of no single file.
func component(m *debug.Module) bomComponent {
	purl := "pkg:golang/" + m.Path + "@" + strings.ReplaceAll(m.Version, "+", "%2B")
	c := bomComponent{Type: "library", Ref: purl, Name: m.Path, Version: m.Version, PURL: purl}
	if m.Sum != "" {
		c.Properties = []bomProperty{{"go.sum", m.Sum}}
	}
	return c
}
