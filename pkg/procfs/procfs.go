// SPDX-License-Identifier: Apache-2.0

// Package procfs answers "what is there?": the processes that a helper container sees, and the root of one of
// them as an fs.FS in which every link, absolute ones too, resolves inside that root.
//
// All it needs is a Runner and a helper with busybox or coreutils; each call costs one command. It knows nothing of
// Kubernetes, never writes below a process's root, and never opens what may block or act when opened (FIFOs,
// sockets, devices).
//
// Names, link targets and arguments are handed on exactly as the target has them; Escape makes them fit for a terminal.
package procfs

import (
	"context"
	"io"
)

// A Runner runs argv where the processes are visible, and returns when it has ended or ctx is done. A command that
// ends with a status other than 0 returns an error for which errors.As finds an interface{ ExitCode() int }.
//
// stdin stays open until the answer is complete, with a byte each second; a Runner need not wait for its end.
type Runner interface {
	Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error
}

// procDir is where the helper has its processes; tests put a folder of their own in its place.
const procDir = "/proc"
