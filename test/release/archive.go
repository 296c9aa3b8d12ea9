// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"archive/zip"
	"cmp"
	"compress/gzip"
	"io"
	"io/fs"
	"slices"
	"time"
)

// member is a file of an archive. krew unpacks nothing but files and directories (krew, internal/download), so there are no links.
type member struct {
	name    string
	mode    fs.FileMode
	content []byte
}

// writeArchive writes what p's archive holds. Neither the order nor the times, owners or names of the machine get in.
func writeArchive(w io.Writer, p platform, members []member, when time.Time) error {
	slices.SortFunc(members, func(a, b member) int { return cmp.Compare(a.name, b.name) })
	if p.windows() {
		return writeZip(w, members, when)
	}
	return writeTar(w, members, when)
}

func writeTar(w io.Writer, members []member, when time.Time) error {
	packed, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	out := tar.NewWriter(packed)
	for _, m := range members {
		header := &tar.Header{
			Typeflag: tar.TypeReg, Format: tar.FormatUSTAR,
			Name: m.name, Mode: int64(m.mode.Perm()), Size: int64(len(m.content)), ModTime: when,
		}
		if err := out.WriteHeader(header); err != nil {
			return err
		}
		if _, err := out.Write(m.content); err != nil {
			return err
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	return packed.Close()
}

func writeZip(w io.Writer, members []member, when time.Time) error {
	out := zip.NewWriter(w)
	for _, m := range members {
		header := &zip.FileHeader{Name: m.name, Method: zip.Deflate, Modified: when.UTC()}
		header.SetMode(m.mode)
		file, err := out.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := file.Write(m.content); err != nil {
			return err
		}
	}
	return out.Close()
}
