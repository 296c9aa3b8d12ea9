// SPDX-License-Identifier: Apache-2.0

package edit

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/moby/term"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// editorEnd is how long an editor may take to exit after a signal.
const editorEnd = 5 * time.Second

// editor returns $KUBE_EDITOR, $EDITOR or the platform's default, like kubectl edit.
func editor(deps *cli.Deps) string {
	fallback := "vi"
	if runtime.GOOS == "windows" {
		fallback = "notepad"
	}
	return cmp.Or(deps.Getenv("KUBE_EDITOR"), deps.Getenv("EDITOR"), fallback)
}

// openEditor runs the editor on a file, with the terminal.
func openEditor(ctx context.Context, deps *cli.Deps, file string) error {
	editor := editor(deps)
	argv := append(strings.Fields(editor), file)
	if runtime.GOOS != "windows" {
		// The user's own words may have quotes in them; the file's name is not among them.
		argv = []string{"sh", "-c", execPrefix(editor) + ` "$@"`, editor, file}
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = deps.Streams.In, deps.Streams.Out, deps.Streams.ErrOut
	cmd.WaitDelay = editorEnd
	if runtime.GOOS != "windows" {
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	}
	if fd, terminal := term.GetFdInfo(deps.Streams.In); terminal {
		defer cli.GiveKeys(ctx)()
		if state, err := term.SaveState(fd); err == nil {
			defer func() { _ = term.RestoreTerminal(fd, state) }()
		}
	}
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return hint.With(fmt.Errorf("run editor %s: %w", remote.Escape(editor), err), "set EDITOR or KUBE_EDITOR")
	}
	return nil
}

// execPrefix puts exec before a single command, so that signals reach the editor and not the shell.
func execPrefix(command string) string {
	first, _, _ := strings.Cut(command, " ")
	quote, several := rune(0), strings.Contains(first, "=")
	for _, r := range command {
		switch {
		case quote == r:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote = r
		case quote == 0 && strings.ContainsRune(";&|\n", r):
			several = true
		}
	}
	if several {
		return command
	}
	return "exec " + command
}

// A draft is a copy of a file in a directory of its own, where its user edits it.
type draft struct {
	directory string // "" until there is one
	file      string
	kept      bool
}

// create makes an empty draft with a name for an editor to go by.
func (d *draft) create(name string) (*os.File, error) {
	if d.directory == "" {
		directory, err := os.MkdirTemp("", "shareproc-edit-") // for its user alone
		if err != nil {
			return nil, err
		}
		d.directory = directory
	}
	// The target chose the name: a separator in it, which a backslash is on Windows, would lead out of the directory.
	if strings.ContainsAny(name, `/\:`) || !filepath.IsLocal(name) {
		name = "file"
	}
	const flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	d.file = d.directory + string(os.PathSeparator) + name
	file, err := os.OpenFile(d.file, flags, 0o600)
	if err != nil {
		// Not every system takes every name.
		d.file = d.directory + string(os.PathSeparator) + "file"
		file, err = os.OpenFile(d.file, flags, 0o600)
	}
	return file, err
}

// editorQuick is how long nobody edits.
const editorQuick = 2 * time.Second

// removeDraft removes the draft, unless it holds work that was not written, also under another name.
func (e *edit) removeDraft() {
	if e.directory == "" || e.kept {
		return
	}
	found, _ := os.ReadDir(e.directory)
	for _, entry := range found {
		name := filepath.Join(e.directory, entry.Name())
		if e.written && (strings.HasPrefix(entry.Name(), ".") || strings.HasSuffix(entry.Name(), "~")) {
			continue // an editor's own
		}
		// A copy of what the editor was given is nobody's work.
		if data, err := os.ReadFile(name); name != e.file && (err != nil || sha256.Sum256(data) != e.sum) {
			e.kept = true
			e.Report.Warn("not written: a file saved under another name is kept: %s", name)
		}
	}
	if !e.kept {
		_ = os.RemoveAll(e.directory)
	}
}
