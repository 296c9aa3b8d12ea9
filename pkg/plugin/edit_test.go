// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plugin

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/edit"
)

// An editing is a file of a process, and a directory for temporary files.
type editing struct {
	*harness
	t         *testing.T
	pid       string
	file, tmp string
}

func newEditing(t *testing.T) *editing {
	t.Helper()
	e := &editing{harness: newHarness(t), t: t, pid: strconv.Itoa(startSleep(t)), tmp: t.TempDir()}
	t.Setenv("TMPDIR", e.tmp)
	directory := verbTree(t)
	e.file = directory + "/a"
	if err := os.Chmod(e.file, 0o604); err != nil {
		t.Fatal(err)
	}
	return e
}

func (e *editing) edit(ctx context.Context, editor, path string) int {
	e.Getenv = func(name string) string { return map[string]string{"EDITOR": editor}[name] }
	return e.run(ctx, "fs", "edit", "web", e.pid, path)
}

// content is what is in the process's file.
func (e *editing) content() string {
	e.t.Helper()
	data, err := os.ReadFile(e.file)
	if err != nil {
		e.t.Fatal(err)
	}
	return string(data)
}

// kept are the copies on this machine.
func (e *editing) kept() []string {
	e.t.Helper()
	names, err := filepath.Glob(e.tmp + "/*")
	if err != nil {
		e.t.Fatal(err)
	}
	return names
}

func TestFSEdit(t *testing.T) {
	e := newEditing(t)
	link := filepath.Dir(e.file) + "/link" // to a
	if code := e.edit(t.Context(), `sed -i "s/two/it's three/"`, link); code != 0 || !strings.Contains(e.errOut.String(), "wrote "+e.file+" of process") {
		t.Fatalf("exit code %d: %s", code, e.errOut.String())
	}
	info, err := os.Stat(e.file)
	if err != nil || e.content() != "one\nit's three\n" || info.Mode() != 0o604 {
		t.Errorf("%v, %v, %q", err, info.Mode(), e.content())
	}
	if target, err := os.Readlink(link); err != nil || target != "a" {
		t.Errorf("the link: %q, %v", target, err)
	}
	// It had two names, and a line says so.
	if !strings.Contains(e.errOut.String(), "has 2 hard links") {
		t.Errorf("stderr %q", e.errOut.String())
	}
	if code := e.edit(t.Context(), "true", e.file); code != 0 || !strings.Contains(e.errOut.String(), "edit canceled, no changes made") {
		t.Errorf("exit code %d: %s", code, e.errOut.String())
	}
	if now, err := os.Stat(e.file); err != nil || !os.SameFile(now, info) {
		t.Errorf("it is another file (%v)", err)
	}
	if kept := e.kept(); len(kept) > 0 {
		t.Errorf("left on this machine: %q", kept)
	}
}

// What an editor saves under another name is kept and named, and one that returns at once hears of its option to wait.
func TestFSEditKeepsWhatIsSavedElsewhere(t *testing.T) {
	for editor, want := range map[string]struct {
		code int
		kept string
		said string
	}{
		`sh -c 'echo mine >"$0~"; rm "$0"'`:            {cli.ExitError, "a~", "left no file of that name"},
		`sh -c 'echo mine >"${0%/*}/other"'`:           {0, "other", "kept: "},
		`sh -c 'cp "$0" "$0~"'`:                        {0, "", "EDITOR='code --wait'"},
		`sh -c 'echo x >"${0%/*}/.undo"; echo >>"$0"'`: {0, "", "wrote "},
	} {
		e := newEditing(t)
		if code := e.edit(t.Context(), editor, e.file); code != want.code || !strings.Contains(e.errOut.String(), want.said) {
			t.Errorf("%s: exit code %d: %s", editor, code, e.errOut.String())
		}
		kept, err := filepath.Glob(e.tmp + "/*/*")
		if err != nil || want.kept == "" && len(kept) > 0 || want.kept != "" && (len(kept) == 0 || !strings.Contains(e.errOut.String(), "/"+want.kept)) {
			t.Errorf("%s: kept %q: %s", editor, kept, e.errOut.String())
		}
	}
}

// The copy is for its user alone, under a name that an editor can go by, whatever is in it.
func TestFSEditsACopy(t *testing.T) {
	e := newEditing(t)
	name := filepath.Dir(e.file) + "/-new\nline\xff.conf"
	if err := os.WriteFile(name, []byte("\x00\xff"), 0o600); err != nil {
		t.Fatal(err)
	}
	seen := filepath.Join(t.TempDir(), "seen")
	editor := `sh -c 'stat -c "%a %s" "${0%/*}" "$0" >` + seen + `; basename "$0" >>` + seen + `; printf x >>"$0"'`
	if code := e.edit(t.Context(), editor, name); code != 0 {
		t.Fatalf("exit code %d: %s", code, e.errOut.String())
	}
	data, err := os.ReadFile(seen)
	if err != nil || !strings.HasPrefix(string(data), "700 ") || !strings.Contains(string(data), "\n600 2\n") || !strings.HasSuffix(string(data), "\n-new\nline\xff.conf\n") {
		t.Errorf("%q, %v", data, err)
	}
	if data, err := os.ReadFile(name); err != nil || string(data) != "\x00\xffx" {
		t.Errorf("%q, %v", data, err)
	}
}

// A change by somebody else during the edit is not lost, and neither is the edited copy.
func TestFSEditWritesOverNobodysChange(t *testing.T) {
	for name, theirs := range map[string]string{
		"bytes": "echo theirs >>FILE", "same size and time": "printf 'ONE\ntwo\n' >FILE; touch -d @1600000000 FILE", "another file": "cp -p FILE FILE.new; mv FILE.new FILE",
		"mode": "chmod 600 FILE", "gone": "rm FILE",
	} {
		t.Run(name, func(t *testing.T) {
			e := newEditing(t)
			old := time.Unix(1600000000, 0)
			if err := os.Chtimes(e.file, old, old); err != nil {
				t.Fatal(err)
			}
			editor := `sh -c 'echo mine >>"$0"; ` + strings.ReplaceAll(strings.ReplaceAll(theirs, "FILE", e.file), "'", `"`) + `'`
			code := e.edit(t.Context(), editor, e.file)
			kept := e.kept()
			if code != cli.ExitError || len(kept) != 1 || !strings.Contains(e.errOut.String(), "changed while it was edited: not written\n  your copy is saved in "+kept[0]+"/a\ntry: ") ||
				!strings.Contains(e.errOut.String(), "kubectl shareproc -n shop fs diff web:"+e.file+" -c web "+kept[0]+"/a -u") {
				t.Fatalf("exit code %d, kept %q: %s", code, kept, e.errOut.String())
			}
			if data, err := os.ReadFile(kept[0] + "/a"); err != nil || string(data) != "one\ntwo\nmine\n" {
				t.Errorf("the copy: %q, %v", data, err)
			}
			if data, _ := os.ReadFile(e.file); strings.Contains(string(data), "mine") {
				t.Errorf("the file: %q", data)
			}
			if left, _ := filepath.Glob(filepath.Dir(e.file) + "/.shareproc-*"); len(left) > 0 {
				t.Errorf("left beside it: %q", left)
			}
		})
	}
}

func TestFSEditFails(t *testing.T) {
	e := newEditing(t)
	large := filepath.Dir(e.file) + "/large"
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, edit.Limit+1); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		editor, path string
		kept         int
		want         string
	}{
		{"false", e.file, 0, "run editor false: exit status 1\ntry: set EDITOR"},
		{"no-such-editor-anywhere", e.file, 0, "exit status 127"},
		{`sh -c 'rm "$0"'`, e.file, 0, "the editor left no file"},
		{"touch /dev/null", filepath.Dir(e.file), 0, "is a directory"},
		{"true", "/dev/null", 0, "character device"},
		{"true", e.file + "/x", 0, "not a directory"},
		{"true", e.file + "x", 0, "file does not exist"},
		{"true", large, 0, "too large (64M)\ntry: copy it out and back: kubectl shareproc -n shop cp web:" + large},
		{"true", "/proc/self/status", 0, ""},
		{`sh -c 'echo mine >"$0"; exit 3'`, e.file, 1, "exit status 3\n  your copy is saved in "},
	} {
		code := e.edit(t.Context(), c.editor, c.path)
		if code != cli.ExitError || !strings.Contains(e.errOut.String(), c.want) || len(e.kept()) != c.kept || e.content() != "one\ntwo\n" {
			t.Errorf("%s %s: exit code %d, kept %q: %s", c.editor, c.path, code, e.kept(), e.errOut.String())
		}
	}
	if code := e.run(t.Context(), "fs", "edit", "web"); code != cli.ExitUsage {
		t.Errorf("without a path: exit code %d: %s", code, e.errOut.String())
	}
}

// Ctrl-C ends the editor; what was edited by then is kept.
func TestFSEditInterrupted(t *testing.T) {
	for _, edits := range []bool{true, false} {
		e := newEditing(t)
		ctx, cancel := context.WithCancelCause(t.Context())
		e.Streams.Out = writerFunc(func(p []byte) (int, error) {
			cancel(cli.ErrInterrupted) // the editor is ready
			return len(p), nil
		})
		editor := "sh -c '" + map[bool]string{true: "echo mine >>\"$0\"; ", false: ""}[edits] + "echo ready; exec sleep 1000'"
		code := e.edit(ctx, editor, e.file)
		if code != cli.ExitInterrupted || e.content() != "one\ntwo\n" {
			t.Errorf("exit code %d, %q: %s", code, e.content(), e.errOut.String())
		}
		if kept := e.kept(); len(kept) != map[bool]int{true: 1, false: 0}[edits] || strings.Contains(e.errOut.String(), "your copy is saved in ") != edits {
			t.Errorf("kept %q: %s", kept, e.errOut.String())
		}
	}
}
