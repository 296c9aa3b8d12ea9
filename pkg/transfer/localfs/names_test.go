// SPDX-License-Identifier: Apache-2.0

package localfs

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/trees"
)

// Where a disk takes two names for one, one of them is there, and the other one named with all that is in it.
func TestNamesThatAreOneOnTheDisk(t *testing.T) {
	for _, system := range []string{"darwin", "windows"} {
		t.Run(system, func(t *testing.T) {
			dir := t.TempDir()
			t.Chdir(dir)
			trees.Plant(t, dir, map[string]string{
				"source/README": "1", "source/readme": "2", "source/Sub/a": "3", "source/sub/b": "4", "source/Link": "-> x", "source/link": "-> y",
				"source/D/x": "5", "source/d": "a file",
			})
			report, heard, err := copyTo(t, system, "source")
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"readme", "sub", "link", "d"} {
				if !errors.Is(heard[name], transfer.ErrClash) {
					t.Errorf("%s: %v", name, heard[name])
				}
			}
			if report.Failed != 4 {
				t.Error(report, heard)
			}
			trees.Same(t, trees.Harvest(t, "DEST"), map[string]string{"README": "1", "SUB/": "", "SUB/A": "3", "LINK": "-> x", "D/": "", "D/X": "5"})
		})
	}
}

// What Windows can have no file of is named, with all that is in it, and the rest is there. The same where it is all that is copied.
func TestNamesThatWindowsHasNot(t *testing.T) {
	not := []string{
		"CON", "con", "PRN", "AUX", "NUL", "nul.txt", "Nul .tar.gz", "COM1", "com9.log", "LPT1", "COM\u00b9", "CONIN$", "CONOUT$",
		"dot.", "dots..", "space ", ". .", "...", "a:b", "a<b", "a>b", `a"b`, "a|b", "a?b", "a*b", `a\b`, "a\tb", "a\x01b",
	}
	all := []string{".hidden", "CONSOLE", "COM", "COM10", "COM1x", "LPT", "NULL", "a.b", "a b", " a", "a$b", "\u00e9", "a\x7fb", "CO.N"}
	dir := t.TempDir()
	t.Chdir(dir)
	tree, want := map[string]string{"source/NUL.d/in/x": "x"}, map[string]string{}
	for _, name := range not {
		tree["source/"+name] = name
	}
	for _, name := range all {
		tree["source/"+name], want[strings.ToUpper(name)] = name, name
	}
	trees.Plant(t, dir, tree)
	report, heard, err := copyTo(t, "windows", "source")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(not, "NUL.d") {
		if !errors.Is(heard[name], transfer.ErrName) {
			t.Errorf("%q: %v", name, heard[name])
		}
	}
	if report.Failed != len(not)+1 {
		t.Error(report, heard)
	}
	trees.Same(t, trees.Harvest(t, "DEST"), want)
	for _, name := range not {
		report, _, err := copyTo(t, "windows", "source/"+name)
		if !errors.Is(err, transfer.ErrName) {
			t.Errorf("%q alone: %v, %v", name, report, err)
		}
	}
	trees.Same(t, trees.Harvest(t, "DEST"), want)
	for _, name := range []string{"../x", "/x", "a/../../x"} {
		if possible("windows", name) || possible("linux", name) {
			t.Errorf("%s leads out", filepath.FromSlash(name))
		}
	}
}

// copyTo copies to a disk with the rules of a system for names, and gives what was reported.
func copyTo(t *testing.T, system, source string) (transfer.Report, map[string]error, error) {
	t.Helper()
	heard := map[string]error{}
	report, err := transfer.Copy(t.Context(), tree{system}, Tree(), transfer.Options{Source: source, Dest: "DEST", Report: func(path string, err error) { heard[path] = err }})
	return report, heard, err
}
