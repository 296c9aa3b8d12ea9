// SPDX-License-Identifier: Apache-2.0

package completion

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// tab has bash complete a command line with the script that kubectl up to 1.33 prints (cobra 1.8.1), for which the
// program offers these words, and returns the files that were made by that.
func tab(t *testing.T, offers []string) (made []string) {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("this machine has no bash")
	}
	script, err := filepath.Abs("testdata/cobra-1.8.1.bash")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), bash, "--noprofile", "--norc", "-c", `
_get_comp_words_by_ref() { words=("${COMP_WORDS[@]}") cword=$COMP_CWORD cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}; }
compopt() { :; }
kubectl() { printf '%s' "$OFFERS"; printf ':6\n'; }
. "$SCRIPT"
COMP_WORDS=(kubectl shareproc fs web /tmp/) COMP_CWORD=4 COMP_TYPE=9 COMP_LINE='kubectl shareproc fs web /tmp/' COMP_POINT=30
__start_kubectl
printf '%s\n' "${COMPREPLY[@]}"`)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SCRIPT="+script, "OFFERS="+strings.Join(append(offers, ""), "\n"))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "/tmp/plain") {
		t.Fatalf("%v: %s", err, out)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		made = append(made, e.Name())
	}
	return made
}

// A target names its files; TAB runs none of these names (bash expands what older completions of kubectl offer it).
func TestTabRunsNoNameOfAFile(t *testing.T) {
	names := []string{"plain", "$(touch made)", "`touch made`", "x$(touch${IFS}made)", `"$(touch made)"`, "a;touch made", "{a,$(touch made)}", "<(touch made)"}
	target := fstest.MapFS{}
	var all []string
	for _, name := range names {
		target[name] = &fstest.MapFile{}
		all = append(all, "/tmp/"+name)
	}
	if made := tab(t, all); len(made) == 0 {
		t.Fatal("the script runs nothing: this test can't fail")
	}
	entries, err := fs.ReadDir(target, ".")
	if err != nil {
		t.Fatal(err)
	}
	if made := tab(t, completedPaths("/tmp/", "/tmp/", entries)); len(made) > 0 {
		t.Errorf("TAB made %q", made)
	}
}
