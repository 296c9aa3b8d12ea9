// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	// manifestFile is a template in the repository, and filled in in the directory that is written to.
	manifestFile  = "krew-manifest.yaml"
	checksumsFile = "checksums.txt"
	// bomSuffix is that of an archive's bill of materials.
	bomSuffix = ".cdx.json"
)

// completionScript is for those who unpack an archive by hand.
//
//go:embed kubectl_complete-shareproc
var completionScript []byte

// snapshot writes the archives of a commit into out, with their checksums and, for all platforms, the krew manifest.
func snapshot(ctx context.Context, top, commit, out string, platforms []platform, report io.Writer) error {
	work, err := os.MkdirTemp("", "shareproc-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work) //nolint:errcheck // a directory of temporary files
	src, err := checkOut(ctx, top, commit, filepath.Join(work, "source"))
	if err != nil {
		return err
	}
	common, err := src.commonMembers(ctx)
	if err != nil {
		return err
	}
	whole := len(platforms) == len(every())
	goVersion, err := src.checkGo(ctx)
	if err != nil && whole {
		return err
	}
	fmt.Fprintf(report, "built by %s\n", goVersion)
	if err := prepare(out); err != nil {
		return err
	}
	version, sums := "", map[string]string{}
	var list strings.Builder
	for _, p := range platforms {
		path, v, err := src.build(ctx, p, work)
		if err != nil {
			return err
		}
		version = v
		binary, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		members := append(slices.Clone(common), member{p.binary(), 0o755, binary})
		if !p.windows() {
			members = append(members, member{"kubectl_complete-shareproc", 0o755, completionScript})
		}
		var packed bytes.Buffer
		if err := writeArchive(&packed, p, members, src.time); err != nil {
			return err
		}
		archive := p.archive(version)
		bill, err := materials(path, binary, src.time)
		if err != nil {
			return err
		}
		if sums[archive], err = publish(&list, out, archive, packed.Bytes(), bill); err != nil {
			return err
		}
		fmt.Fprintf(report, "%-14s binary %5.1f MB   archive %4.1f MB   %s\n", p, megabytes(len(binary)), megabytes(packed.Len()), archive)
	}
	if err := os.WriteFile(filepath.Join(out, checksumsFile), []byte(list.String()), 0o644); err != nil {
		return err
	}
	if !whole {
		return nil
	}
	return src.writeManifest(filepath.Join(out, manifestFile), version, sums)
}

// publish writes an archive and its bill of materials into out, and their checksums into the list.
func publish(list io.Writer, out, archive string, packed, bill []byte) (string, error) {
	sum, ofBill := sha256.Sum256(packed), sha256.Sum256(bill)
	fmt.Fprintf(list, "%x  %s\n%x  %s%s\n", sum, archive, ofBill, archive, bomSuffix)
	if err := os.WriteFile(filepath.Join(out, archive+bomSuffix), bill, 0o644); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum[:]), os.WriteFile(filepath.Join(out, archive), packed, 0o644)
}

func megabytes(n int) float64 { return float64(n) / 1e6 }

// commonMembers are the files that each archive has: the licence, those of everything that was linked in, and the manual pages.
func (s source) commonMembers(ctx context.Context) ([]member, error) {
	modules, err := thirdParties(ctx, s.dir)
	if err != nil {
		return nil, err
	}
	licence, err := os.ReadFile(filepath.Join(s.dir, "LICENSE"))
	if err != nil {
		return nil, err
	}
	members := []member{{"LICENSE", 0o644, licence}, {"THIRD_PARTY_LICENSES", 0o644, notices(modules)}}
	pages, err := filepath.Glob(filepath.Join(s.dir, "docs", "man", "*.1"))
	if err != nil {
		return nil, err
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			return nil, err
		}
		members = append(members, member{"man/man1/" + filepath.Base(page), 0o644, text})
	}
	return members, nil
}

// prepare makes the directory and takes the archives of other commits out of it.
func prepare(out string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for _, pattern := range []string{name + "_v*.tar.gz", name + "_v*.zip", name + "_v*" + bomSuffix, checksumsFile, manifestFile} {
		old, err := filepath.Glob(filepath.Join(out, pattern))
		if err != nil {
			return err
		}
		for _, file := range old {
			if err := os.Remove(file); err != nil {
				return err
			}
		}
	}
	return nil
}
