// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The bill of materials has every module of the binary and the standard library, and two of one binary are the same.
func TestBillOfMaterialsListsWhatIsLinkedIn(t *testing.T) {
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	when := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	text, err := materials(path, binary, when)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := materials(path, binary, when); err != nil || !bytes.Equal(text, again) {
		t.Errorf("a second one differs: %v", err)
	}
	var list bom
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, c := range list.Components {
		found[c.PURL] = true
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range info.Deps {
		if !found["pkg:golang/"+m.Path+"@"+m.Version] {
			t.Errorf("%s %s is missing", m.Path, m.Version)
		}
	}
	if !found["pkg:golang/std@"+strings.TrimPrefix(strings.Fields(info.GoVersion)[0], "go")] || len(list.Components) != len(info.Deps)+1 {
		t.Errorf("%d components of %d modules and the standard library", len(list.Components), len(info.Deps))
	}
	if !regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(list.Serial) {
		t.Errorf("serial number %s", list.Serial)
	}
	if list.Format != "CycloneDX" || len(list.Metadata.Component.Hashes) != 1 || len(list.Dependencies) != 1 {
		t.Errorf("%+v", list.Metadata)
	}
}
