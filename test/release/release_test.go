// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// largest is what a binary may be, in bytes: an installation is waited for.
const largest = 40_000_000

func here(t *testing.T) string {
	t.Helper()
	top, err := git(t.Context(), ".", "rev-parse", "--show-toplevel")
	if err != nil {
		t.Skipf("a release is made of a commit, and this is no checkout: %v", err)
	}
	return top
}

// The archive of this machine's platform, made twice, is the same, and what krew unpacks from it runs.
func TestSameCommitSameBytes(t *testing.T) {
	if testing.Short() {
		t.Skip("make test-full runs this")
	}
	here(t)
	if runtime.GOOS == "windows" {
		t.Skip("a zip archive is not looked into here")
	}
	var archives [2][]byte
	for i := range archives {
		out := t.TempDir()
		var said bytes.Buffer
		if err := run(t.Context(), []string{"-out", out, "-platforms", runtime.GOOS + "/" + runtime.GOARCH}, &said, &said); err != nil {
			t.Fatal(err, said.String())
		}
		made, err := filepath.Glob(filepath.Join(out, "*.tar.gz"))
		if err != nil || len(made) != 1 {
			t.Fatalf("made %q, %v", made, err)
		}
		if archives[i], err = os.ReadFile(made[0]); err != nil {
			t.Fatal(err)
		}
		sums, err := os.ReadFile(filepath.Join(out, checksumsFile))
		if err != nil || !strings.Contains(string(sums), "  "+filepath.Base(made[0])+bomSuffix+"\n") {
			t.Errorf("no checksum of the bill of materials: %v\n%s", err, sums)
		}
	}
	if !bytes.Equal(archives[0], archives[1]) {
		t.Error("the same commit gave two different archives")
	}
	files := unpack(t, archives[0])
	for _, name := range []string{"LICENSE", "THIRD_PARTY_LICENSES", "kubectl_complete-shareproc"} {
		if len(files[name]) == 0 {
			t.Errorf("the archive has no %s", name)
		}
	}
	binary := files["kubectl-shareproc"]
	if len(binary) > largest {
		t.Errorf("the binary has %d bytes, more than %d", len(binary), largest)
	}
	path := filepath.Join(t.TempDir(), "kubectl-shareproc")
	if err := os.WriteFile(path, binary, 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), path, "version", "--client").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "v") {
		t.Errorf("version --client: %v, %q", err, out)
	}
}

func unpack(t *testing.T, archive []byte) map[string][]byte {
	t.Helper()
	packed, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for r := tar.NewReader(packed); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Uid != 0 || header.Uname != "" || header.Typeflag != tar.TypeReg {
			t.Errorf("%s: %+v", header.Name, header)
		}
		if files[header.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLicencesAreListed(t *testing.T) {
	top := here(t)
	modules, err := thirdParties(t.Context(), top)
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(top, licencesFile))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(page, licencesPage(modules)) {
		t.Errorf("%s is not what is linked in; update it with go run ./test/release -licences", licencesFile)
	}
}
