// SPDX-License-Identifier: Apache-2.0

// Command vuln reads what "govulncheck -format json" prints on stdin and says which known vulnerabilities the program reaches.
// Those of a module end it with 1: a newer version in go.mod fixes them. Those of the Go standard library are fixed by
// building with the release of Go that is named, so they end it with 1 only with -strict, which is for releases.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
)

func main() {
	strict := flag.Bool("strict", false, "fail for the standard library's vulnerabilities too")
	flag.Parse()
	if err := report(os.Stdin, os.Stdout, *strict); err != nil {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(1)
	}
}

// message is what is read here of https://pkg.go.dev/golang.org/x/vuln/internal/govulncheck#Message.
type message struct {
	Config *struct {
		GoVersion string `json:"go_version"`
	} `json:"config"`
	Finding *finding `json:"finding"`
}

type finding struct {
	OSV   string `json:"osv"`
	Fixed string `json:"fixed_version"`
	// Trace begins with the place of the vulnerability; it names a function where code of ours reaches it.
	Trace []struct {
		Module   string `json:"module"`
		Version  string `json:"version"`
		Function string `json:"function"`
	} `json:"trace"`
}

// report prints each vulnerability that is reached, once.
func report(r io.Reader, w io.Writer, strict bool) error {
	inModules, inStandard, scanned := map[string]bool{}, map[string]bool{}, false
	for d := json.NewDecoder(r); ; {
		var m message
		if err := d.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("read govulncheck's findings: %w", err)
		}
		scanned = scanned || m.Config != nil && m.Config.GoVersion != ""
		if m.Finding == nil || len(m.Finding.Trace) == 0 || m.Finding.Trace[0].Function == "" {
			continue
		}
		at, fixed := m.Finding.Trace[0], m.Finding.Fixed
		if fixed == "" {
			fixed = "no version yet"
		}
		line := fmt.Sprintf("https://pkg.go.dev/vuln/%s  %s@%s, fixed in %s", m.Finding.OSV, at.Module, at.Version, fixed)
		if at.Module == "stdlib" {
			inStandard[line] = true
		} else {
			inModules[line] = true
		}
	}
	if !scanned {
		return errors.New("govulncheck said nothing")
	}
	for _, line := range append(slices.Sorted(maps.Keys(inModules)), slices.Sorted(maps.Keys(inStandard))...) {
		fmt.Fprintln(w, line)
	}
	fmt.Fprintf(w, "reached: %d vulnerabilities of modules, %d of this version of Go\n", len(inModules), len(inStandard))
	if len(inModules) > 0 || strict && len(inStandard) > 0 {
		return errors.New("known vulnerabilities are reached")
	}
	return nil
}
