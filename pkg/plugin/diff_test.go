// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/diff"
)

// twoTrees are directories that differ in a few files.
func twoTrees(t *testing.T) (a, b string) {
	t.Helper()
	for i, directory := range []*string{&a, &b} {
		*directory = verbTree(t)
		old := time.Unix(1600000000, 0)
		for name, text := range map[string]string{
			"text": "one\ntwo " + strconv.Itoa(i) + "\x1b[31m\nthree\n", "binary": "a\x00" + strconv.Itoa(i), "same": "same", "sub/only" + strconv.Itoa(i) + "\n": "",
			"long": strings.Repeat(strconv.Itoa(i), diff.TextLimit+1),
		} {
			if err := os.WriteFile(filepath.Join(*directory, name), []byte(text), 0o640+os.FileMode(i)*4); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(filepath.Join(*directory, name), old, old); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(filepath.Join(*directory, "same"), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	return a, b
}

func TestFSDiff(t *testing.T) {
	d := newHarness(t)
	pid := strconv.Itoa(startSleep(t))
	a, b := twoTrees(t)
	mode := ", mode 0640 -> 0644\n"
	listed := "changed  binary: content" + mode + "changed  long: content" + mode + "removed  sub/only0\\n\nadded    sub/only1\\n\nchanged  text: content" + mode
	remote := "web:" + pid + ":"
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{remote + a + " " + remote + b, 1, listed},
		{remote + a + " shop/" + remote + b, 1, listed},
		{remote + a + " " + b, 1, listed},
		{a + " pod/" + remote + b, 1, listed},
		{remote + a + " " + a, 0, ""},
		{remote + a + " " + remote + a + "/", 0, ""},
		{remote + a + "/same " + b + "/same", 0, ""},
		{remote + a + "/text " + b + "/text", 1, "changed  text: content" + mode},
		{remote + a + "/text " + b + "/sub", 1, "changed  text: type file -> directory\nadded    .hidden\nadded    again\nadded    deep/\nadded    deep/b\nadded    only1\\n\n"},
		{remote + a + " " + b + " -x long -x *binary -x /sub -x text", 0, ""},
		{remote + a + "/binary " + b + "/binary -u", 1, "changed  binary: content" + mode + "binary files\n"},
		{remote + a + "/long " + b + "/long -u", 1, "changed  long: content" + mode + "too large to compare line by line: 1.0M and 1.0M\n"},
	} {
		code := d.run(t.Context(), append([]string{"fs", "diff"}, strings.Fields(c.args)...)...)
		got := d.out.String()
		if code != c.code || got != c.want || d.errOut.Len() > 0 {
			t.Errorf("%s: exit code %d, stdout %q, want %q; stderr %q", c.args, code, got, c.want, d.errOut.String())
		}
	}
	// What goes to a program is what patch(1) takes.
	d.run(t.Context(), "fs", "diff", remote+a+"/text", b+"/text", "-u")
	want := "--- web:" + a + "/text\n+++ " + b + "/text\n@@ -1,3 +1,3 @@\n one\n-two 0\x1b[31m\n+two 1\x1b[31m\n three\n"
	if !strings.HasSuffix(d.out.String(), want) {
		t.Errorf("got %q, want %q", d.out.String(), want)
	}
}

func TestFSDiffInJSON(t *testing.T) {
	d := newHarness(t)
	pid := strconv.Itoa(startSleep(t))
	a, b := twoTrees(t)
	if code := d.run(t.Context(), "fs", "diff", "web:"+pid+":"+a, b, "-o", "json"); code != 1 {
		t.Fatalf("exit code %d: %s", code, d.errOut.String())
	}
	got := map[string]diff.Difference{}
	decoder := json.NewDecoder(&d.out)
	for decoder.More() {
		var one diff.Difference
		if err := decoder.Decode(&one); err != nil || one.Kind != "Difference" || one.APIVersion != output.APIVersion {
			t.Fatalf("%+v, %v", one, err)
		}
		got[one.Path] = one
	}
	text, only := got["text"], got["sub/only1\n"]
	if len(got) != 5 || text.Change != "changed" || len(text.Fields) != 2 || text.A.Permissions != "0640" || text.B.Permissions != "0644" ||
		len(text.A.SHA256) != 64 || text.A.SHA256 == text.B.SHA256 || only.A != nil || only.B == nil || only.B.Type != "file" {
		t.Errorf("got %+v", got)
	}
}

// Owners count where the same users are meant, or where it is said.
func TestFSDiffOwners(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root gives files away")
	}
	d := newHarness(t)
	pid := strconv.Itoa(startSleep(t))
	a, b := verbTree(t), verbTree(t)
	if err := os.Chown(b+"/a", 101, 102); err != nil {
		t.Fatal(err)
	}
	remote := "web:" + pid + ":"
	for _, c := range []struct {
		args []string
		code int
	}{
		{[]string{remote + a + "/a", remote + b + "/a"}, 1},
		{[]string{remote + a + "/a", remote + b + "/a", "--owner=false"}, 0},
		{[]string{remote + a + "/a", b + "/a"}, 0},
		{[]string{remote + a + "/a", b + "/a", "--owner"}, 1},
	} {
		code := d.run(t.Context(), append([]string{"fs", "diff"}, c.args...)...)
		if code != c.code || code == 1 && !strings.HasSuffix(d.out.String(), "owner 0:0 -> 101:102\n") {
			t.Errorf("%q: exit code %d, %q %q", c.args, code, d.out.String(), d.errOut.String())
		}
	}
}

func TestFSDiffTrouble(t *testing.T) {
	d := newHarness(t)
	pid := strconv.Itoa(startSleep(t))
	a, b := twoTrees(t)
	remote := "web:" + pid + ":"
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{remote + a}, "two files"},
		{[]string{a, b}, "has the form POD:PATH"},
		{[]string{remote, b}, "the path is empty"},
		{[]string{"", remote + b}, "the path is empty"},
		{[]string{"web:99999999999:/", b}, "not a PID"},
		{[]string{remote + a, b, "-u", "-o", "json"}, "-u"},
		{[]string{remote + a, b, "-x", "["}, "not a pattern"},
		{[]string{remote + a, b, "-o", "yaml"}, "-o"},
		{[]string{remote + a, b, "-l", "a=b"}, "-l"},
		{[]string{remote + a, b + "/gone"}, "no such file"},
		{[]string{remote + a + "/gone", b}, "file does not exist"},
		{[]string{"gone:/", remote + b}, "not found in namespace"},
		{[]string{remote + b, "gone:/"}, "not found in namespace"},
	} {
		code := d.run(t.Context(), append([]string{"fs", "diff"}, c.args...)...)
		if code != 2 || !strings.Contains(d.errOut.String(), c.want) || strings.Count(d.errOut.String(), "error: ") != 1 {
			t.Errorf("%q: exit code %d, stderr %q", c.args, code, d.errOut.String())
		}
	}
}

func TestEndsComplete(t *testing.T) {
	d := newHarness(t)
	pid := strconv.Itoa(startSleep(t))
	directory := verbTree(t)
	d.LookTime = time.Minute
	for word, want := range map[string]string{
		"we": "web:/\n", "web:" + pid + ":" + directory + "/su": "web:" + pid + ":" + directory + "/sub/\n", "pod/w": "pod/web:/\n",
		"./x": ":0\n", "x/y": ":0\n", "shop/w": "shop/web:/\n", "shop/web:" + pid + ":" + directory + "/su": "shop/web:" + pid + ":" + directory + "/sub/\n",
	} {
		d.out.Reset()
		Main(t.Context(), d.Deps, []string{cobra.ShellCompNoDescRequestCmd, "fs", "diff", "-n", "shop", word})
		if !strings.HasPrefix(d.out.String(), want) {
			t.Errorf("%s: %q, want %q", word, d.out.String(), want)
		}
	}
}
