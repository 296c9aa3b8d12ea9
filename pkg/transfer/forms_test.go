// SPDX-License-Identifier: Apache-2.0

//go:build unix

package transfer_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer/localfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/trees"
)

// Copy puts everything where cp -r puts it, and refuses what that refuses.
func TestFormsAreThoseOfCp(t *testing.T) {
	cp, err := exec.LookPath("cp")
	if err != nil {
		t.Skip("no cp to compare with")
	}
	tree, forms := trees.Forms()
	for _, c := range append(forms, [][2]string{
		{"file", "."}, {"file", "dst/.."}, {"file", "file"}, {"file", "./file"}, {"src", "src"}, {"src", "src/sub"}, {"", "new"}, {"file", ""},
	}...) {
		t.Run(c[0]+" to "+c[1], func(t *testing.T) {
			theirs, ours := t.TempDir(), t.TempDir()
			for _, dir := range []string{theirs, ours} {
				trees.Plant(t, dir, tree)
			}
			before := trees.Harvest(t, ours)
			command := exec.CommandContext(t.Context(), cp, "-r", "--", c[0], c[1])
			command.Dir = theirs
			output, failure := command.CombinedOutput()
			t.Chdir(ours)
			report, err := transfer.Copy(t.Context(), localfs.Tree(), localfs.Tree(), transfer.Options{Source: c[0], Dest: c[1]})
			if failed := err != nil || report.Failed > 0; failed != (failure != nil) {
				t.Errorf("Copy: %+v, %v; cp: %s", report, err, output)
			}
			want := trees.Harvest(t, theirs)
			if c[0] == "src" && c[1] == "src" || c[1] == "src/sub" {
				want = before // cp notices it late
			}
			trees.Same(t, trees.Harvest(t, ours), want)
		})
	}
}

// What cp does to a tree a second time, Copy does too: it goes inside, then merges.
func TestSecondRunNests(t *testing.T) {
	dir := t.TempDir()
	trees.Plant(t, dir, map[string]string{"src/a": "A", "src/sub/b": "B"})
	t.Chdir(dir)
	for i, inside := range []bool{false, true, true} {
		report, err := transfer.Copy(t.Context(), localfs.Tree(), localfs.Tree(), transfer.Options{Source: "src", Dest: "conf"})
		check(t, err)
		if report.Inside != inside || report.Copied != 4 {
			t.Errorf("run %d: %+v", i, report)
		}
	}
	trees.Same(t, trees.Harvest(t, filepath.Join(dir, "conf")), map[string]string{
		"a": "A", "sub/": "", "sub/b": "B", "src/": "", "src/a": "A", "src/sub/": "", "src/sub/b": "B",
	})
}

// A destination that only streams is written to, and stays what it is.
func TestStreamsAreWrittenToAndRead(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	trees.Plant(t, dir, map[string]string{"file": "bytes", "redirected": ""})
	null, err := os.Stat(os.DevNull)
	check(t, err)
	_, err = transfer.Copy(t.Context(), localfs.Tree(), localfs.Tree(), transfer.Options{Source: "file", Dest: os.DevNull})
	check(t, err)
	if now, err := os.Stat(os.DevNull); err != nil || now.Mode() != null.Mode() {
		t.Fatal(os.DevNull, "is another file now", err)
	}
	out, err := os.OpenFile("redirected", os.O_WRONLY, 0)
	check(t, err)
	defer func() { _ = out.Close() }()
	before, err := out.Stat()
	check(t, err)
	check(t, os.Symlink(descriptorName(out), "stdout"))
	_, err = transfer.Copy(t.Context(), localfs.Tree(), localfs.Tree(), transfer.Options{Source: "file", Dest: "stdout"})
	check(t, err)
	if now, err := os.Stat("redirected"); err != nil || !os.SameFile(now, before) || now.Size() != 5 {
		t.Error("the file that stdout goes to was replaced", err)
	}
	r, w, err := os.Pipe()
	check(t, err)
	_, err = w.WriteString("from a pipe")
	check(t, err)
	check(t, w.Close())
	_, err = transfer.Copy(t.Context(), localfs.Tree(), localfs.Tree(), transfer.Options{Source: descriptorName(r), Dest: "made"})
	check(t, err)
	check(t, r.Close())
	if data, err := os.ReadFile("made"); err != nil || string(data) != "from a pipe" {
		t.Errorf("%q, %v", data, err)
	}
}

func descriptorName(file *os.File) string {
	return filepath.Join("/dev/fd", itoa(int(file.Fd())))
}
