// SPDX-License-Identifier: Apache-2.0

package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"runtime"
	"slices"
	"time"
)

// Config is the part of an image's configuration that these images use; names are those of the OCI image configuration
// (github.com/opencontainers/image-spec, config.md).
type Config struct {
	User         string              `json:"User,omitempty"`
	ExposedPorts map[string]struct{} `json:"ExposedPorts,omitempty"`
	Env          []string            `json:"Env,omitempty"`
	Entrypoint   []string            `json:"Entrypoint,omitempty"`
	Cmd          []string            `json:"Cmd,omitempty"`
	WorkingDir   string              `json:"WorkingDir,omitempty"`
	StopSignal   string              `json:"StopSignal,omitempty"`
}

// epoch is the time of everything in an archive: equal content gives equal bytes, whenever it is written.
func epoch() time.Time { return time.Unix(0, 0).UTC() }

// Write writes an image of one layer in the form of `docker save`
// (github.com/moby/docker-image-spec, v1.2, "Combined Image JSON + Filesystem Changeset Format").
func Write(w io.Writer, name string, config Config, tree Tree) error {
	layer, err := layer(tree)
	if err != nil {
		return fmt.Errorf("write layer of %s: %w", name, err)
	}
	digest := sha256.Sum256(layer)
	description, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH,
		"os":           "linux",
		"created":      epoch(),
		"config":       config,
		"rootfs":       map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + hex.EncodeToString(digest[:])}},
		"history":      []any{map[string]any{"created": epoch(), "created_by": "kubectl-shareproc test images"}},
	})
	if err != nil {
		return err
	}
	id := sha256.Sum256(description)
	configName, layerName := hex.EncodeToString(id[:])+".json", hex.EncodeToString(digest[:])+"/layer.tar"
	manifest, err := json.Marshal([]any{map[string]any{
		"Config": configName, "RepoTags": []string{name}, "Layers": []string{layerName},
	}})
	if err != nil {
		return err
	}
	outer := tar.NewWriter(w)
	for _, file := range []struct {
		name string
		body []byte
	}{{layerName, layer}, {configName, description}, {"manifest.json", manifest}} {
		header := &tar.Header{Name: file.name, Mode: 0o644, Size: int64(len(file.body)), ModTime: epoch(), Format: tar.FormatUSTAR}
		if err := writeFile(outer, header, file.body); err != nil {
			return fmt.Errorf("write archive of %s: %w", name, err)
		}
	}
	return outer.Close()
}

// layer writes the tree in the order of its names, which puts a directory before what is in it.
func layer(tree Tree) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	// A hard link must come after what it names.
	var links []string
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		if tree[name].Hard != "" {
			links = append(links, name)
			continue
		}
		if err := writeEntry(w, name, tree[name]); err != nil {
			return nil, err
		}
	}
	for _, name := range links {
		if err := writeEntry(w, name, tree[name]); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}

func writeEntry(w *tar.Writer, name string, entry Entry) error {
	header := &tar.Header{
		Name: name, Mode: int64(entry.Mode.Perm()), Uid: entry.UID, Gid: entry.UID, ModTime: epoch(), Format: tar.FormatGNU,
	}
	if entry.Mode&fs.ModeSticky != 0 {
		header.Mode |= 0o1000
	}
	switch {
	case entry.Mode.IsDir():
		header.Typeflag, header.Name = tar.TypeDir, name+"/"
	case entry.Hard != "":
		header.Typeflag, header.Linkname = tar.TypeLink, entry.Hard
	case entry.Mode&fs.ModeSymlink != 0:
		header.Typeflag, header.Linkname = tar.TypeSymlink, entry.Link
	default:
		header.Typeflag, header.Size = tar.TypeReg, int64(len(entry.Body))
	}
	return writeFile(w, header, entry.Body)
}

func writeFile(w *tar.Writer, header *tar.Header, body []byte) error {
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	_, err := w.Write(body)
	return err
}
