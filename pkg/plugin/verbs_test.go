// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
)

// verbTree is a folder with something for every verb.
func verbTree(t *testing.T) string {
	t.Helper()
	folder, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"a": "one\ntwo\n", "sub/.hidden": "", "sub/deep/b": strings.Repeat("x", 5000), "sizes/small": "", "sizes/large": "xxx", "sizes/medium": "x", "new\nline": "needle \x1b[31m\n",
	} {
		file := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-100 * 24 * time.Hour)
	for _, err := range []error{
		os.Symlink("a", filepath.Join(folder, "link")), os.Symlink("gone", filepath.Join(folder, "dangling")),
		os.Link(filepath.Join(folder, "a"), filepath.Join(folder, "sub/again")),
		os.Chtimes(filepath.Join(folder, "a"), old, old),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestVerbs(t *testing.T) {
	d := newDesk(t)
	pid := strconv.Itoa(startSleep(t))
	folder := verbTree(t)
	sumOfA := "c3f9c8c283a2b1f2f1896f27a01cbe3cddc0c9d93f752e4639035a0f5b36f6e8"
	for _, c := range []struct {
		verb string // FOLDER stands for the folder, POD for pod and PID
		code int
		want string // on stdout; DIR stands for the folder
	}{
		{"cat POD FOLDER/a FOLDER/link", 0, "one\ntwo\none\ntwo\n"},
		{"find POD FOLDER --type l,p", 0, "DIR/dangling\nDIR/link\n"},
		{"find POD FOLDER --name *line", 0, "DIR/new\\nline\n"},
		{"find POD FOLDER --name *line -0", 0, "DIR/new\nline\x00"},
		{"find POD FOLDER --iname B", 0, "DIR/sub/deep/b\n"},
		{"find POD FOLDER --size +4k", 0, "DIR/sub/deep/b\n"},
		{"find POD FOLDER --size 5k --type f", 0, "DIR/sub/deep/b\n"},
		{"find POD FOLDER --mtime +99 --name a", 0, "DIR/a\n"},
		{"find POD FOLDER --newer 1h --name a", 0, ""},
		{"find POD FOLDER --type f --perm 640 --name b", 0, "DIR/sub/deep/b\n"},
		{"find POD FOLDER --perm -0111 --maxdepth 1 --type d", 0, "DIR\nDIR/sizes\nDIR/sub\n"},
		{"find POD FOLDER --user nobody-of-this-name", 0, ""},
		{"find POD FOLDER --user " + strconv.Itoa(os.Getuid()) + " --name b", 0, "DIR/sub/deep/b\n"},
		{"tree POD FOLDER/sub", 0, "DIR/sub\n├── .hidden\n├── again\n└── deep\n    └── b\n\n1 directory, 3 files\n"},
		{"checksum POD FOLDER/a", 0, sumOfA + "  DIR/a\n"},
		{"checksum POD FOLDER/link -0", 0, sumOfA + "  DIR/a\x00"},
		{"checksum POD FOLDER", cli.ExitError, ""},
		{"grep two POD FOLDER/a --line-number", 0, "2:two\n"},
		{"grep -r needle POD FOLDER", 0, "DIR/new\\nline:needle \\x1b[31m\n"},
		{"grep -r needle POD FOLDER -0", 0, "DIR/new\nline\x00needle \x1b[31m\n"},
		{"grep -r NEEDLE -i POD FOLDER --files-with-matches", 0, "DIR/new\\nline\n"},
		{"grep nothing POD FOLDER/a", cli.ExitError, ""},
		{"grep -E ( POD FOLDER/a", cli.ExitGrep, ""},
		{"grep x POD FOLDER", cli.ExitGrep, ""},
		{"tail POD FOLDER/a --lines 1", 0, "two\n"},
		{"POD FOLDER/sizes -o name --sort size", 0, "large\nmedium\nsmall\n"},
		{"POD FOLDER/sub --all=false -o name", 0, "again\ndeep\n"},
		{"POD FOLDER/sub -R --all=false -o name --maxdepth 1 --sort name", 0, "DIR/sub\nDIR/sub/again\nDIR/sub/deep\n"},
		{"POD FOLDER/sub -o name --sort time -a", 0, "\nagain\n"},
	} {
		code := d.run(t.Context(), append([]string{"fs"}, verbWords(c.verb, pid, folder)...)...)
		got := strings.ReplaceAll(d.out.String(), folder, "DIR")
		if strings.HasPrefix(c.verb, "find") {
			got = sortedText(got)
		}
		if code != c.code || got != c.want && (!strings.HasPrefix(c.want, "\n") || !strings.HasSuffix(got, c.want)) {
			t.Errorf("%s: exit code %d, stdout %q, want %q; stderr %q", c.verb, code, got, c.want, d.errOut.String())
		}
		if silent := strings.HasPrefix(c.verb, "grep nothing"); (code != 0 && !silent) != (d.errOut.Len() > 0) {
			t.Errorf("%s: stderr %q", c.verb, d.errOut.String())
		}
	}
}

// Kernel file systems are named and not entered, unless it is asked for, or they are the start. The kernel's links lead where it leads.
func TestKernelFiles(t *testing.T) {
	d := newDesk(t)
	pid := strconv.Itoa(startSleep(t))
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		want bool
		line string
	}{
		{"find POD / --maxdepth 2", true, "/proc"},
		{"find POD / --maxdepth 2", false, "/proc/" + pid},
		{"find POD / --maxdepth 2 --proc", true, "/proc/" + pid},
		{"find POD /proc --maxdepth 1", true, "/proc/" + pid},
		{"POD /proc/self/cwd -o name", true, "verbs_test.go"},
		{"cat POD /proc/" + pid + "/root" + here + "/verbs_test.go", true, "package plugin"},
		{"POD /proc/self/exe -o jsonpath={.type}", true, "file"},
		{"stat POD /proc/self", true, "leads to:  /proc/" + pid},
	} {
		d.run(t.Context(), append([]string{"fs"}, verbWords(c.args, pid, "")...)...)
		if lines := strings.Split(d.out.String(), "\n"); slices.Contains(lines, c.line) != c.want {
			t.Errorf("%s: %q is there: %t; stderr %q", c.args, c.line, !c.want, d.errOut.String())
		}
	}
}

func verbWords(line, pid, folder string) []string {
	var words []string
	for _, word := range strings.Fields(line) {
		if word == "POD" {
			words = append(words, "web", pid)
			continue
		}
		words = append(words, strings.ReplaceAll(word, "FOLDER", folder))
	}
	return words
}

// sortedText sorts lines; find gives them in no order.
func sortedText(text string) string {
	if !strings.HasSuffix(text, "\n") {
		return text
	}
	all := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	slices.Sort(all)
	return strings.Join(all, "\n") + "\n"
}

func TestVerbsInJSON(t *testing.T) {
	d := newDesk(t)
	pid := strconv.Itoa(startSleep(t))
	folder := verbTree(t)
	if err := os.WriteFile(folder+"/bad\xff", []byte("match\xfe\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for verb, want := range map[string][]string{
		"find POD FOLDER -o json":              {`"kind":"FileEntry"`, `"linkTarget":"gone"`, `"pathBytes":"`, `"name":"new\nline"`},
		"POD FOLDER -R -o json":                {`"kind":"FileEntry"`, `"sizeBytes":5000`},
		"stat POD FOLDER/link -o json":         {`"kind":"FileStat"`, `"resolvedPath":"` + folder + `/a"`, `"linkTarget":"a"`},
		"stat POD FOLDER/dangling -o json":     {`"resolveError":"`},
		"du POD FOLDER --bytes -o json":        {`"kind":"DiskUsage"`, `"bytes":`},
		"checksum POD FOLDER -R -o json":       {`"kind":"Checksum"`, `"sha256":"`},
		"grep match -r POD FOLDER -o json":     {`"kind":"Match"`, `"line":1`, `"textBytes":"bWF0Y2j+"`},
		"tree POD FOLDER --maxdepth 1 -o json": {`"kind": "FileTree"`, `"name": "sub"`},
	} {
		if code := d.run(t.Context(), append([]string{"fs"}, verbWords(verb, pid, folder)...)...); code != 0 {
			t.Errorf("%s: exit code %d: %s", verb, code, d.errOut.String())
		}
		for _, text := range want {
			if !strings.Contains(d.out.String(), text) {
				t.Errorf("%s: no %s in %s", verb, text, d.out.String())
			}
		}
		decoder := json.NewDecoder(strings.NewReader(d.out.String()))
		for decoder.More() {
			var object output.TypeMeta
			if err := decoder.Decode(&object); err != nil || object.APIVersion != output.APIVersion {
				t.Errorf("%s: %+v, %v", verb, object, err)
			}
		}
	}
}

// What takes room counts once, in blocks or in bytes.
func TestDu(t *testing.T) {
	d := newDesk(t)
	pid := strconv.Itoa(startSleep(t))
	folder := t.TempDir()
	if err := os.Mkdir(folder+"/sub", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(folder+"/sub/sparse", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(folder+"/sub/sparse", 1<<20); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(folder+"/sub/sparse", folder+"/twin"); err != nil {
		t.Fatal(err)
	}
	size := func(args ...string) int64 {
		t.Helper()
		if code := d.run(t.Context(), append([]string{"fs", "du", "web", pid, folder, "--bytes", "--summarize"}, args...)...); code != 0 {
			t.Fatal(d.errOut.String())
		}
		n, err := strconv.ParseInt(strings.Fields(d.out.String())[0], 10, 64)
		if err != nil || strings.Count(d.out.String(), "\n") != 1 {
			t.Fatalf("%q: %v", d.out.String(), err)
		}
		return n
	}
	folders := int64(0)
	for _, name := range []string{folder, folder + "/sub"} {
		info, err := os.Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		folders += info.Size()
	}
	if n := size("--apparent-size"); n != 1<<20+folders {
		t.Errorf("apparent size %d, want %d", n, 1<<20+folders)
	}
	// Holes take no room where the file system knows them.
	if n := size(); n > 1<<20+folders+1<<16 {
		t.Errorf("on the disk: %d", n)
	}
	d.run(t.Context(), "fs", "du", "web", pid, folder)
	if lines := strings.Split(d.out.String(), "\n"); len(lines) != 3 || !strings.HasSuffix(lines[0], folder+"/sub") || !strings.HasSuffix(lines[1], folder) {
		t.Errorf("got %q", lines)
	}
}

func TestVerbsRefuse(t *testing.T) {
	d := newDesk(t)
	for line, want := range map[string]string{
		"cat web": "name a path", "stat web": "name a path", "find": "name a pod", "grep": "name a pattern", "grep x": "name a pod",
		"find web --type x": "--type", "find web --size 5x": "--size", "find web --size +": "--size", "find web --newer soon": "--newer",
		"find web --mtime x": "--mtime", "find web --perm 9": "--perm", "find web --perm --1": "--perm", "find web --name [": "--name",
		"find web --maxdepth -1": "--maxdepth", "find web -0 -o json": "-0", "find web -o yaml": "-o", "find web / more": "unexpected",
		"grep -E -F x web": "-F and -E", "tail web / --lines -1": "--lines", "web --sort x": "--sort", "web --maxdepth 1": "only with -R",
		"web -R -o yaml": "not with -R", "tree web etc/x": "if it is a path", "find web --user=": "--user", "web -R --maxdepth -1": "less than zero",
	} {
		code := d.run(t.Context(), append([]string{"fs"}, strings.Fields(line)...)...)
		if code != cli.ExitUsage || !strings.Contains(d.errOut.String(), want) || !strings.Contains(d.errOut.String(), "\ntry: ") {
			t.Errorf("%s: exit code %d, stderr %q", line, code, d.errOut.String())
		}
	}
}

func TestCatGoesOn(t *testing.T) {
	d := newDesk(t)
	pid := strconv.Itoa(startSleep(t))
	folder := verbTree(t)
	code := d.run(t.Context(), "fs", "cat", "web", pid, folder+"/nope", folder+"/a", folder)
	if code != cli.ExitError || d.out.String() != "one\ntwo\n" || !strings.Contains(d.errOut.String(), "file does not exist\n") ||
		!strings.Contains(d.errOut.String(), "is a directory\n") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, d.out.String(), d.errOut.String())
	}
}

// A file that grows is followed until the user has had enough.
func TestTailFollowsUntilInterrupted(t *testing.T) {
	d := newDesk(t)
	pid := strconv.Itoa(startSleep(t))
	folder := verbTree(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	d.Streams.Out = writerFunc(func(p []byte) (int, error) {
		cancel(cli.ErrInterrupted) // as whoever has seen enough would
		return d.out.Write(p)
	})
	if code := d.run(ctx, "fs", "tail", "-f", "web", pid, folder+"/a", "--lines", "1"); code != cli.ExitInterrupted || d.out.String() != "two\n" {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, d.out.String(), d.errOut.String())
	}
}

type writerFunc func([]byte) (int, error)

func (w writerFunc) Write(p []byte) (int, error) { return w(p) }

func TestFixedValuesComplete(t *testing.T) {
	d := newDesk(t)
	for line, want := range map[string]string{"fs --sort ": "size\n", "fs find --type ": "f\n", "fs find -o ": "json\n", "fs du --output ": "json\n"} {
		d.out.Reset()
		words := strings.Split(strings.TrimSuffix(line, " "), " ")
		Main(t.Context(), d.Deps, append(append([]string{cobra.ShellCompNoDescRequestCmd}, words...), ""))
		if !strings.Contains(d.out.String(), want) {
			t.Errorf("%s: %q", line, d.out.String())
		}
	}
}
