// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package debian gets programs from Debian's packages, which apt checks against the release's signature. It unpacks them
// into a directory and installs none: nginx's would start a server here.
package debian

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/build"
)

// newer is the Debian release after the one that the machine most likely has: its busybox sums with the processor's own
// instructions, as that of the plugin's default image does, and its kernel is 6.12.
const newer = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main\n"

// Code is this file: what is made of packages is made again when it changes.
//
//go:embed debian.go
var Code string

// Packages are those of one release, fetched into a directory that nothing else uses.
type Packages struct {
	dir     string
	options []string
	other   bool // not the machine's own release, whose lists are fetched first
}

// Own are the packages of the machine's own release.
func Own(dir string) Packages { return Packages{dir: dir} }

// Newer are the packages of the newer release; the machine's own lists stay as they are.
func Newer(dir string) Packages {
	return Packages{dir: dir, other: true, options: []string{
		"-o", "Dir::Etc::SourceList=" + filepath.Join(dir, "newer.list"), "-o", "Dir::Etc::SourceParts=/dev/null",
		"-o", "Dir::State::Lists=" + filepath.Join(dir, "lists"), "-o", "Dir::Cache=" + dir,
	}}
}

// Unpack fetches packages, and those of their dependencies that can hold the program or a library, and returns the
// directory that they are unpacked in.
func (p Packages) Unpack(ctx context.Context, narration io.Writer, names ...string) (string, error) {
	if !build.HasApt() {
		return "", fmt.Errorf("get Debian's %s: this machine has no apt-get", strings.Join(names, " and "))
	}
	if err := p.prepare(); err != nil {
		return "", err
	}
	var all []string
	err := errors.ErrUnsupported
	if !p.other {
		all, err = p.closure(ctx, names)
	}
	if err != nil {
		// Most likely there are no package lists yet.
		if err := p.apt(ctx, narration, "update"); err != nil {
			return "", err
		}
		if all, err = p.closure(ctx, names); err != nil {
			return "", err
		}
	}
	if err := p.apt(ctx, narration, append([]string{"download"}, all...)...); err != nil {
		return "", err
	}
	archives, err := filepath.Glob(filepath.Join(p.dir, "*.deb"))
	if err != nil {
		return "", err
	}
	root := filepath.Join(p.dir, "root")
	for _, archive := range archives {
		cmd := exec.CommandContext(ctx, "dpkg-deb", "--extract", archive, root)
		cmd.Stderr = narration
		if err := cmd.Run(); err != nil {
			return "", fmt.Errorf("unpack %s: %w", filepath.Base(archive), err)
		}
	}
	return root, nil
}

func (p Packages) prepare() error {
	err := os.MkdirAll(filepath.Join(p.dir, "root"), 0o755)
	if p.other {
		// An update clears its directory of what it does not know.
		err = errors.Join(err, os.MkdirAll(filepath.Join(p.dir, "lists", "partial"), 0o755),
			os.WriteFile(filepath.Join(p.dir, "newer.list"), []byte(newer), 0o644))
	}
	return err
}

func (p Packages) apt(ctx context.Context, narration io.Writer, words ...string) error {
	return build.Apt(ctx, p.dir, narration, append(slices.Clone(p.options), words...)...)
}

// closure returns the packages and those of their dependencies that can hold the program or a library.
func (p Packages) closure(ctx context.Context, wanted []string) ([]string, error) {
	args := append(slices.Clone(p.options), "depends", "--recurse", "--no-recommends", "--no-suggests", "--no-conflicts",
		"--no-breaks", "--no-replaces", "--no-enhances")
	cmd := exec.CommandContext(ctx, "apt-cache", append(args, wanted...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list dependencies of packages %s: %w", strings.Join(wanted, " "), err)
	}
	return needed(wanted, text), nil
}

// needed follows the output of apt-cache depends --recurse: each package's name, and indented what it depends on. Of
// nginx's packages only those with the server itself count: the others are modules, or the same server built differently. A
// kernel's name stands for the newest one's.
func needed(wanted []string, text []byte) []string {
	depends := map[string][]string{}
	of := ""
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		_, name, ok := strings.Cut(lines.Text(), "epends: ")
		if !strings.HasPrefix(lines.Text(), " ") {
			of = lines.Text()
		}
		library := strings.HasPrefix(name, "lib") && !strings.HasPrefix(name, "libnginx-mod") || strings.HasPrefix(name, "zlib")
		program := strings.HasPrefix(name, "linux-image-") || slices.Contains([]string{"nginx", "nginx-core", "nginx-common"}, name)
		if ok && (library || program) {
			depends[of] = append(depends[of], name)
		}
	}
	names := slices.Clone(wanted)
	for done := 0; done < len(names); done++ {
		for _, name := range depends[names[done]] {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}
