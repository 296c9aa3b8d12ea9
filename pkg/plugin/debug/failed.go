// SPDX-License-Identifier: Apache-2.0

package debug

import (
	"context"
	"errors"
	"io"
	"path"
	"strings"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

const (
	// lookTime bounds the look for the reason why a command failed, which has been said already.
	lookTime = 3 * time.Second
	// maxLooked is how many of a command's paths are looked for.
	maxLooked = 3
	// notFound is a shell's exit code for a command that is not there, and signaled the first for one that a signal ended.
	notFound = 127
	signaled = 128
)

// explainFailure says in one line where what a failed command names is: a program that the helper's image lacks, or a path of
// the container, whose files are not at / there. Both are looked for; what the command printed is not read.
func explainFailure(ctx context.Context, deps *cli.Deps, r *session.Session, opts *debugOptions, err error) {
	exit, ok := errors.AsType[cli.CommandExit](err)
	if !ok || deps.Report.Quiet || len(opts.command) == 0 || r.Tools != "" || exit.Code >= signaled {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	if program := opts.command[0]; exit.Code == notFound && !strings.Contains(program, "/") {
		if cli.Pastable(program) && absent(ctx, r, hasProgram, program) {
			deps.Report.Say("note: %s", lacking(ctx, r, opts, program))
		}
		return
	}
	if name, pid := inContainer(ctx, r, absentPaths(ctx, r, opts.command)); name != "" {
		deps.Report.Say("note: %s is in the container: use /proc/%d/root%[1]s, or --root", name, pid)
	}
}

// Scripts that ask the helper whether it has $1.
const (
	hasProgram = `command -v "$1"`
	hasFile    = `[ -e "$1" ] || [ -L "$1" ]`
)

// absent reports whether the helper answers that it has no such thing.
func absent(ctx context.Context, r *session.Session, script, what string) bool {
	err := r.Runner().Run(ctx, []string{"sh", "-c", script, "sh", what}, nil, io.Discard, io.Discard)
	_, answered := errors.AsType[*attach.ExitError](err)
	return answered
}

// absentPaths are the first paths of a command that the helper does not have.
func absentPaths(ctx context.Context, r *session.Session, command []string) (paths []string) {
	for _, word := range command {
		kernel := strings.HasPrefix(word, "/proc/") || strings.HasPrefix(word, "/sys/") || strings.HasPrefix(word, "/dev/")
		if path.IsAbs(word) && path.Clean(word) != "/" && !kernel && cli.Pastable(word) && len(paths) < maxLooked && absent(ctx, r, hasFile, word) {
			paths = append(paths, word)
		}
	}
	return paths
}

// inContainer is the first of some paths that the container has, and a process whose root that is.
func inContainer(ctx context.Context, r *session.Session, paths []string) (name string, pid int) {
	if len(paths) == 0 {
		return "", 0
	}
	root, err := rootfs.Dial(ctx, r.Runner(), r.Where(0))
	if err != nil {
		return "", 0
	}
	defer func() { _ = root.Close() }() // what it had to say it has said
	for _, name := range paths {
		if _, err := root.Stat(ctx, name, true); err == nil {
			return name, root.Process.PID
		}
	}
	return "", 0
}

// lacking says where a program is that the helper does not have.
func lacking(ctx context.Context, r *session.Session, opts *debugOptions, program string) string {
	var places []string
	for _, directory := range []string{"/usr/local/sbin/", "/usr/local/bin/", "/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"} {
		places = append(places, directory+program)
	}
	if !opts.root.root {
		if name, _ := inContainer(ctx, r, places); name != "" {
			return program + " is a program of the container (" + name + "): use --root to run it"
		}
	}
	if preset := presetOf(program); preset != "" && opts.tools == "" {
		return "the helper's image has no " + program + ": use --tools " + preset + ", which has it"
	}
	return "the helper's image has no " + program + ": use --image with one that has"
}
