// SPDX-License-Identifier: Apache-2.0

package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"testing"
)

func example() (Config, Tree) {
	tree := Tree{}
	tree.File("bin/busybox", 0o755, []byte("program"))
	tree.Hardlink("bin/ash", "bin/busybox")
	tree.Symlink("etc/link", "/etc/target")
	tree.Dir("tmp", 0o777|fs.ModeSticky, 0)
	tree.Dir("home", 0o755, 65534)
	return Config{User: "65534", Cmd: []string{"sh"}}, tree
}

func TestWriteGivesEqualBytesForEqualContent(t *testing.T) {
	var first, second bytes.Buffer
	for _, out := range []*bytes.Buffer{&first, &second} {
		config, tree := example()
		if err := Write(out, "docker.io/local/x:1", config, tree); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two archives of the same content differ")
	}
}

func TestWriteDescribesItsLayer(t *testing.T) {
	var out bytes.Buffer
	config, tree := example()
	if err := Write(&out, "docker.io/local/x:1", config, tree); err != nil {
		t.Fatal(err)
	}
	files := unpack(t, &out)
	var manifest []struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	decode(t, files["manifest.json"].body, &manifest)
	if len(manifest) != 1 || len(manifest[0].Layers) != 1 || manifest[0].RepoTags[0] != "docker.io/local/x:1" {
		t.Fatalf("manifest is %+v", manifest)
	}
	var description struct {
		Config Config
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		}
	}
	decode(t, files[manifest[0].Config].body, &description)
	if description.Config.User != "65534" {
		t.Errorf("user is %q", description.Config.User)
	}
	layer := files[manifest[0].Layers[0]].body
	sum := sha256.Sum256(layer)
	if want := "sha256:" + hex.EncodeToString(sum[:]); description.RootFS.DiffIDs[0] != want {
		t.Errorf("layer is called %s, its content is %s", description.RootFS.DiffIDs[0], want)
	}
	checkLayer(t, unpack(t, bytes.NewReader(layer)))
}

func checkLayer(t *testing.T, files map[string]member) {
	t.Helper()
	if got := files["bin/busybox"]; string(got.body) != "program" || got.header.Mode != 0o755 {
		t.Errorf("bin/busybox is %+v", got)
	}
	if got := files["bin/ash"].header; got == nil || got.Typeflag != tar.TypeLink || got.Linkname != "bin/busybox" {
		t.Errorf("bin/ash is %+v", got)
	}
	if got := files["etc/link"].header; got == nil || got.Typeflag != tar.TypeSymlink || got.Linkname != "/etc/target" {
		t.Errorf("etc/link is %+v", got)
	}
	if got := files["tmp/"].header; got == nil || got.Mode != 0o1777 {
		t.Errorf("tmp is %+v", got)
	}
	if got := files["home/"].header; got == nil || got.Uid != 65534 {
		t.Errorf("home is %+v", got)
	}
	if files["bin/ash"].place < files["bin/busybox"].place {
		t.Error("a hard link stands before the file that it names")
	}
	if files["bin/"].header == nil || files["bin/"].place > files["bin/busybox"].place {
		t.Error("a directory does not stand before its content")
	}
}

type member struct {
	header *tar.Header
	body   []byte
	place  int
}

func unpack(t *testing.T, r io.Reader) map[string]member {
	t.Helper()
	found := map[string]member{}
	for archive := tar.NewReader(r); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		found[header.Name] = member{header, body, len(found)}
	}
}

func decode(t *testing.T, body []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatal(err)
	}
}
