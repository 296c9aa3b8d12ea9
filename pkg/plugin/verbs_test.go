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

// verbTree is a directory with something for every verb.
func verbTree(t *testing.T) string {
	t.Helper()
	directory, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"a": "one\ntwo\n", "sub/.hidden": "", "sub/deep/b": strings.Repeat("x", 5000), "sizes/small": "", "sizes/large": "xxx", "sizes/medium": "x", "new\nline": "needle \x1b[31m\n",
	} {
		file := filepath.Join(directory, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-100 * 24 * time.Hour)
	for _, err := range []error{
		os.Symlink("a", filepath.Join(directory, "link")), os.Symlink("gone", filepath.Join(directory, "dangling")),
		os.Link(filepath.Join(directory, "a"), filepath.Join(directory, "sub/again")),
		os.Chtimes(filepath.Join(directory, "a"), old, old),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return directory
}

func TestVerbs(t *testing.T) {
	d := newHarness(t)
	pid := strconv.Itoa(startSleep(t))
	directory := verbTree(t)
	sumOfA := "c3f9c8c283a2b1f2f1896f27a01cbe3cddc0c9d93f752e4639035a0f5b36f6e8"
	for _, c := range []struct {
		verb string // TREE stands for the directory, POD for pod and PID
		code int
		want string // on stdout; DIR stands for the directory
	}{
		{"cat POD TREE/a TREE/link", 0, "one\ntwo\none\ntwo\n"},
		{"find POD TREE --type l,p", 0, "DIR/dangling\nDIR/link\n"},
		{"find POD TREE --name *line", 0, "DIR/new\\nline\n"},
		{"find POD TREE --name *line -0", 0, "DIR/new\nline\x00"},
		{"find POD TREE --iname B", 0, "DIR/sub/deep/b\n"},
		{"find POD TREE --size +4k", 0, "DIR/sub/deep/b\n"},
		{"find POD TREE --size 5k --type f", 0, "DIR/sub/deep/b\n"},
		{"find POD TREE --mtime +99 --name a", 0, "DIR/a\n"},
		{"find POD TREE --newer 1h --name a", 0, ""},
		{"find POD TREE --type f --perm 640 --name b", 0, "DIR/sub/deep/b\n"},
		{"find POD TREE --perm -0111 --maxdepth 1 --type d", 0, "DIR\nDIR/sizes\nDIR/sub\n"},
		{"find POD TREE --user nobody-of-this-name", 0, ""},
		{"find POD TREE --user " + strconv.Itoa(os.Getuid()) + " --name b", 0, "DIR/sub/deep/b\n"},
		{"tree POD TREE/sub", 0, "DIR/sub\n├── .hidden\n├── again\n└── deep\n    └── b\n\n1 directory, 3 files\n"},
		{"checksum POD TREE/a", 0, sumOfA + "  DIR/a\n"},
		{"checksum POD TREE/link -0", 0, sumOfA + "  DIR/a\x00"},
		{"checksum POD TREE", cli.ExitError, ""},
		{"grep two POD TREE/a --line-number", 0, "2:two\n"},
		{"grep -r needle POD TREE", 0, "DIR/new\\nline:needle \\x1b[31m\n"},
		{"grep -r needle POD TREE -0", 0, "DIR/new\nline\x00needle \x1b[31m\n"},
		{"grep -r NEEDLE -i POD TREE --files-with-matches", 0, "DIR/new\\nline\n"},
		{"grep nothing POD TREE/a", cli.ExitError, ""},
		{"grep -E ( POD TREE/a", cli.ExitGrep, ""},
		{"grep x POD TREE", cli.ExitGrep, ""},
		{"tail POD TREE/a --lines 1", 0, "two\n"},
		{"POD TREE/sizes -o name --sort size", 0, "large\nmedium\nsmall\n"},
		{"POD TREE/sub --all=false -o name", 0, "again\ndeep\n"},
		{"POD TREE/sub -R --all=false -o name --maxdepth 1 --sort name", 0, "DIR/sub\nDIR/sub/again\nDIR/sub/deep\n"},
		{"POD TREE/sub -o name --sort time -a", 0, "\nagain\n"},
	} {
		code := d.run(t.Context(), append([]string{"fs"}, verbWords(c.verb, pid, directory)...)...)
		got := strings.ReplaceAll(d.out.String(), directory, "DIR")
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
	d := newHarness(t)
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

func verbWords(line, pid, directory string) []string {
	var words []string
	for _, word := range strings.Fields(line) {
		if word == "POD" {
			words = append(words, "web", pid)
			continue
		}
		words = append(words, strings.ReplaceAll(word, "TREE", directory))
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
	d := newHarness(t)
	pid := strconv.Itoa(startSleep(t))
	directory := verbTree(t)
	if err := os.WriteFile(directory+"/bad\xff", []byte("match\xfe\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for verb, want := range map[string][]string{
		"find POD TREE -o json":              {`"kind":"FileEntry"`, `"linkTarget":"gone"`, `"pathBytes":"`, `"name":"new\nline"`},
		"POD TREE -R -o json":                {`"kind":"FileEntry"`, `"sizeBytes":5000`},
		"stat POD TREE/link -o json":         {`"kind":"FileStat"`, `"resolvedPath":"` + directory + `/a"`, `"linkTarget":"a"`},
		"stat POD TREE/dangling -o json":     {`"resolveError":"`},
		"du POD TREE --bytes -o json":        {`"kind":"DiskUsage"`, `"bytes":`},
		"checksum POD TREE -R -o json":       {`"kind":"Checksum"`, `"sha256":"`},
		"grep match -r POD TREE -o json":     {`"kind":"Match"`, `"line":1`, `"textBytes":"bWF0Y2j+"`},
		"tree POD TREE --maxdepth 1 -o json": {`"kind": "FileTree"`, `"name": "sub"`},
	} {
		if code := d.run(t.Context(), append([]string{"fs"}, verbWords(verb, pid, directory)...)...); code != 0 {
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
	d := newHarness(t)
	pid := strconv.Itoa(startSleep(t))
	directory := t.TempDir()
	if err := os.Mkdir(directory+"/sub", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(directory+"/sub/sparse", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(directory+"/sub/sparse", 1<<20); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(directory+"/sub/sparse", directory+"/twin"); err != nil {
		t.Fatal(err)
	}
	size := func(args ...string) int64 {
		t.Helper()
		if code := d.run(t.Context(), append([]string{"fs", "du", "web", pid, directory, "--bytes", "--summarize"}, args...)...); code != 0 {
			t.Fatal(d.errOut.String())
		}
		n, err := strconv.ParseInt(strings.Fields(d.out.String())[0], 10, 64)
		if err != nil || strings.Count(d.out.String(), "\n") != 1 {
			t.Fatalf("%q: %v", d.out.String(), err)
		}
		return n
	}
	directories := int64(0)
	for _, name := range []string{directory, directory + "/sub"} {
		info, err := os.Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		directories += info.Size()
	}
	if n := size("--apparent-size"); n != 1<<20+directories {
		t.Errorf("apparent size %d, want %d", n, 1<<20+directories)
	}
	// Holes take no room where the file system knows them.
	if n := size(); n > 1<<20+directories+1<<16 {
		t.Errorf("on the disk: %d", n)
	}
	d.run(t.Context(), "fs", "du", "web", pid, directory)
	if lines := strings.Split(d.out.String(), "\n"); len(lines) != 3 || !strings.HasSuffix(lines[0], directory+"/sub") || !strings.HasSuffix(lines[1], directory) {
		t.Errorf("got %q", lines)
	}
}

func TestVerbsRefuse(t *testing.T) {
	d := newHarness(t)
	for line, want := range map[string]string{
		"cat web": "a path is required", "stat web": "a path is required", "find": "a pod name is required", "grep": "a pattern and a pod name", "grep x": "a pod name is required",
		"find web --type x": "--type", "find web --size 5x": "--size", "find web --size +": "--size", "find web --newer soon": "--newer",
		"find web --mtime x": "--mtime", "find web --perm 9": "--perm", "find web --perm --1": "--perm", "find web --name [": "--name",
		"find web --maxdepth -1": "--maxdepth", "find web -0 -o json": "-0", "find web -o yaml": "-o", "find web / more": "unexpected",
		"grep -E -F x web": "-F and -E", "tail web / --lines -1": "--lines", "web --sort x": "--sort", "web --maxdepth 1": "require -R",
		"web -R -o yaml": "and -R are mutually exclusive", "tree web etc/x": "neither a PID nor an absolute path", "find web --user=": "--user", "web -R --maxdepth -1": "must not be negative",
	} {
		code := d.run(t.Context(), append([]string{"fs"}, strings.Fields(line)...)...)
		if code != cli.ExitUsage || !strings.Contains(d.errOut.String(), want) || !strings.Contains(d.errOut.String(), "\ntry: ") {
			t.Errorf("%s: exit code %d, stderr %q", line, code, d.errOut.String())
		}
	}
}

func TestCatGoesOn(t *testing.T) {
	d := newHarness(t)
	pid := strconv.Itoa(startSleep(t))
	directory := verbTree(t)
	code := d.run(t.Context(), "fs", "cat", "web", pid, directory+"/nope", directory+"/a", directory)
	if code != cli.ExitError || d.out.String() != "one\ntwo\n" || !strings.Contains(d.errOut.String(), "file does not exist\n") ||
		!strings.Contains(d.errOut.String(), "is a directory\n") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, d.out.String(), d.errOut.String())
	}
}

// A file that grows is followed until the user has had enough.
func TestTailFollowsUntilInterrupted(t *testing.T) {
	d := newHarness(t)
	pid := strconv.Itoa(startSleep(t))
	directory := verbTree(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	d.Streams.Out = writerFunc(func(p []byte) (int, error) {
		cancel(cli.ErrInterrupted) // as whoever has seen enough would
		return d.out.Write(p)
	})
	if code := d.run(ctx, "fs", "tail", "-f", "web", pid, directory+"/a", "--lines", "1"); code != cli.ExitInterrupted || d.out.String() != "two\n" {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, d.out.String(), d.errOut.String())
	}
}

type writerFunc func([]byte) (int, error)

func (w writerFunc) Write(p []byte) (int, error) { return w(p) }

func TestFixedValuesComplete(t *testing.T) {
	d := newHarness(t)
	for line, want := range map[string]string{"fs --sort ": "size\n", "fs find --type ": "f\n", "fs find -o ": "json\n", "fs du --output ": "json\n"} {
		d.out.Reset()
		words := strings.Split(strings.TrimSuffix(line, " "), " ")
		Main(t.Context(), d.Deps, append(append([]string{cobra.ShellCompNoDescRequestCmd}, words...), ""))
		if !strings.Contains(d.out.String(), want) {
			t.Errorf("%s: %q", line, d.out.String())
		}
	}
}
