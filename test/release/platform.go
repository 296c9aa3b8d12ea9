// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
)

// name is the program's name, and how the archives' names begin.
const name = "kubectl-shareproc"

// platform is a pair of Go's GOOS and GOARCH, which are krew's selectors "os" and "arch" too.
type platform struct{ os, arch string }

func (p platform) String() string { return p.os + "/" + p.arch }

func (p platform) windows() bool { return p.os == "windows" }

// binary is the program's name in the archive.
func (p platform) binary() string {
	if p.windows() {
		return name + ".exe"
	}
	return name
}

// archive is the archive's name. krew unpacks zip and tar.gz.
func (p platform) archive(version string) string {
	kind := "tar.gz"
	if p.windows() {
		kind = "zip"
	}
	return fmt.Sprintf("%s_%s_%s_%s.%s", name, version, p.os, p.arch, kind)
}

// every is all that is released, in the order of the manifest.
func every() []platform {
	var all []platform
	for _, system := range []string{"linux", "darwin", "windows"} {
		for _, arch := range []string{"amd64", "arm64"} {
			all = append(all, platform{system, arch})
		}
	}
	return all
}

// choose reads a list such as "linux/amd64,darwin/arm64"; an empty one is all.
func choose(list string) ([]platform, error) {
	if list == "" {
		return every(), nil
	}
	var out []platform
	for word := range strings.SplitSeq(list, ",") {
		system, arch, _ := strings.Cut(word, "/")
		p := platform{system, arch}
		known := false
		for _, k := range every() {
			known = known || k == p
		}
		if !known {
			return nil, fmt.Errorf("unknown platform %q: one of %v", word, every())
		}
		out = append(out, p)
	}
	return out, nil
}
