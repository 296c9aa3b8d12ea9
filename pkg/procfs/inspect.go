// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

//go:embed inspect.sh
var inspectScript string

// ErrMounted says that a file is a mount of its own, as a pod's /etc/hosts is: no other can be renamed into its place.
var ErrMounted = errors.New("is a mount of its own: it can be written, but not replaced")

// An Inspection is what Inspect found.
type Inspection struct {
	Found
	// State is the same as long as the file is: device, inode, mode, owner, size, times of modification and of change.
	State string
	// Refused says why Push could not replace the file, as far as that can be known without writing: ErrReadOnly,
	// ErrMounted or fs.ErrPermission.
	Refused error
}

// Inspect tells the state of a file, links followed, and whether another could take its place, with one command. Errors
// are those of Show.
func Inspect(ctx context.Context, r Runner, w Where) (Inspection, error) {
	return inspectIn(ctx, r, procDir, w)
}

func inspectIn(ctx context.Context, r Runner, proc string, w Where) (Inspection, error) {
	switch {
	case strings.ContainsRune(w.Path, 0):
		return Inspection{}, &fs.PathError{Op: "open", Path: w.Path, Err: fs.ErrInvalid}
	case len(w.Path) > pathMax:
		return Inspection{}, &fs.PathError{Op: "open", Path: w.Path, Err: ErrNameTooLong}
	}
	q := w.query("inspect")
	args := []string{q.verb, proc, strconv.Itoa(q.pid), q.container, strings.Join(q.options, ","), q.path}
	var found Inspection
	var id identity
	err := ask(ctx, r, []string{commonScript + resolveScript + chooseScript() + inspectScript, ""}, args, func(b *bufio.Reader) error {
		var err error
		if id, err = readIdentity(b); err != nil {
			return err
		}
		found.Found = newFound(w, id, facts{})
		var f facts
		var may, mounts string
		if err := readFields(b, &f.path, &found.State, &may, &mounts); err != nil {
			return err
		}
		if f.stat, err = parseStat(found.State); err != nil {
			return err
		}
		found.Found = newFound(w, id, f)
		if found.Refused = mounted(mounts, f.path); found.Refused == nil && may == "" {
			found.Refused = fs.ErrPermission
		}
		return nil
	})
	switch {
	case errors.Is(err, errRootDenied):
		err = id.accessError()
	case err == nil:
		return found, nil
	}
	return found, &fs.PathError{Op: "open", Path: w.Path, Err: err}
}

// mounted looks a path up in a mountinfo (proc_pid_mountinfo(5)): the last mount of the longest mount point that it is
// below counts.
func mounted(mountinfo, path string) error {
	best, options := "", ""
	for line := range strings.Lines(mountinfo) {
		f := strings.Fields(line)
		if len(f) < 6 {
			continue
		}
		point := strings.TrimSuffix(unoctal(f[4]), "/")
		if len(point) >= len(best) && strings.HasPrefix(path+"/", point+"/") {
			best, options = point, f[5]
		}
	}
	switch {
	case slices.Contains(strings.Split(options, ","), "ro"):
		return ErrReadOnly
	case best == path:
		return ErrMounted
	}
	return nil
}

// unoctal undoes the kernel's escapes of space, tab, newline and backslash (\040).
func unoctal(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+3 < len(text) {
			if n, err := strconv.ParseUint(text[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}
