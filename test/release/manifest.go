// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// downloads is where a version's archives are published; krew wants addresses that stay.
const downloads = "https://github.com/kubectl-shareproc/kubectl-shareproc/releases/download/"

// writeManifest fills in the commit's own manifest.
func (s source) writeManifest(path, version string, sums map[string]string) error {
	text, err := os.ReadFile(filepath.Join(s.dir, manifestFile))
	if err != nil {
		return err
	}
	filled, err := fill(string(text), version, sums)
	if err != nil {
		return fmt.Errorf("fill in %s: %w", manifestFile, err)
	}
	return os.WriteFile(path, []byte(filled), 0o644)
}

// fill puts a version into a krew manifest, with the addresses and checksums of its archives. Words and comments stay as they are.
// Each platform is known by the end of its address, which comes before its checksum.
func fill(text, version string, sums map[string]string) (string, error) {
	var (
		line   = regexp.MustCompile(`^( *)(version|uri|sha256): +(\S+)$`)
		suffix = regexp.MustCompile(`_([a-z]+)_([a-z0-9]+)\.(?:zip|tar\.gz)$`)
		lines  = strings.Split(text, "\n")
		used   = map[string]bool{}
		sum    string
	)
	for i, l := range lines {
		parts := line.FindStringSubmatch(l)
		if parts == nil {
			continue
		}
		value := ""
		switch parts[2] {
		case "version":
			value = version
		case "uri":
			target := suffix.FindStringSubmatch(parts[3])
			if target == nil {
				return "", fmt.Errorf("line %d: %q does not end in _OS_ARCH.tar.gz or .zip", i+1, parts[3])
			}
			archive := platform{target[1], target[2]}.archive(version)
			if sum = sums[archive]; sum == "" {
				return "", fmt.Errorf("line %d: there is no archive %s", i+1, archive)
			}
			used[archive] = true
			value = downloads + version + "/" + archive
		case "sha256":
			// Quoted: one of digits only would be a number to YAML, which krew refuses.
			if sum == "" {
				return "", fmt.Errorf("line %d: a checksum without an address before it", i+1)
			}
			value, sum = `"`+sum+`"`, ""
		}
		lines[i] = parts[1] + parts[2] + ": " + value
	}
	if len(used) != len(sums) {
		return "", fmt.Errorf("it names %d of %d archives", len(used), len(sums))
	}
	return strings.Join(lines, "\n"), nil
}
