// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Relative paths start where the process works; what is not expanded, not opened, or goes inside is said in words.
func TestPathsInWords(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"conf/a": "A\n", "conf/b": "B\n", "file": "F\n"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	d := newHarness(t)
	pid := strconv.Itoa(startSleep(t)) // it works in dir
	if err := os.Symlink("/proc/"+pid+"/fd/1", filepath.Join(dir, "log")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args, out, said string
		code            int
	}{
		{"fs cat web " + pid + " file", "F\n", "", 0},
		{"fs web " + pid + " conf -o name", "a\nb\n", "", 0},
		{"cp --pid " + pid + " web:file -", "F\n", "", 0},
		{"cp --pid " + pid + " web:conf copy", "", "", 0},
		{"cp --pid " + pid + " web:conf copy", "", "copy exists: copied to " + dir + "/copy/conf", 0},
		{"cp --pid " + pid + " web:conf copy/", "", "", 0},
		{"cp --pid " + pid + " copy web:conf", "", "exists: copied to " + dir + "/conf/copy", 0},
		{"fs cat web " + pid + " /etc/*.conf", "", "use kubectl shareproc -n shop fs find web /etc --name PATTERN", 1},
		{"cp --pid " + pid + " web:conf/[ab] x", "", "patterns are not expanded in the container", 1},
		{"cp --pid " + pid + " web:~/x x", "", "~ is not expanded in the container", 1},
		{"fs tail web " + pid + " log", "", "the container's output\ntry: kubectl logs web -c web -n shop", 1},
		{"cp -L --pid " + pid + " web:log x", "", "try: kubectl logs web -c web -n shop", 1},
		{"fs checksum web " + pid + " log", "", "try: kubectl logs web -c web -n shop", 1},
	} {
		code := d.run(t.Context(), strings.Fields(c.args)...)
		if code != c.code || c.out != "" && d.out.String() != c.out || !strings.Contains(d.errOut.String(), c.said) ||
			c.said == "" && strings.Contains(d.errOut.String(), "copied to") {
			t.Errorf("%s: exit code %d\n%s%s", c.args, code, d.out.String(), d.errOut.String())
		}
	}
}

// A deleted file that a process has open is read, and said to be deleted.
func TestDeletedFileIsRead(t *testing.T) {
	d := newHarness(t)
	file, err := os.Create(filepath.Join(t.TempDir(), "gone"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString("still here\n"); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(file.Name()); err != nil {
		t.Fatal(err)
	}
	pid := strconv.Itoa(os.Getpid())
	code := d.run(t.Context(), "fs", "cat", "web", pid, "/proc/"+pid+"/fd/"+strconv.Itoa(int(file.Fd())))
	if code != 0 || d.out.String() != "still here\n" || !strings.Contains(d.errOut.String(), "is a deleted file") {
		t.Errorf("exit code %d\n%s%s", code, d.out.String(), d.errOut.String())
	}
}
