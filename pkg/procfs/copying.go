// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// A Copying says how Pull and Push go about it. The zero value copies links as links, and tries once.
type Copying struct {
	// Again is asked what to do about a stream that broke. Where it says true the copying goes on with what has not come
	// yet; it is for Again to count and to wait. nil is never. What the target or this machine said is no broken stream.
	Again func(error) bool
	// Resume goes on with what an earlier call has left: a Keeper is asked what that is, and Push leaves something.
	Resume bool
	// Follow copies what links lead to instead of links. Those that lead nowhere, and those that lead back to a directory
	// that is being copied, are Failed.
	Follow bool
	// Total is told how many bytes there are to be copied, before the first of them. nil spares the helper the counting.
	Total func(bytes int64)
}

// Broken tells whether an error says that the stream failed, and nothing of what was asked: asking again may help.
func Broken(err error) bool {
	if errors.As(err, new(*MissingToolError)) {
		return false
	}
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, ErrDamaged) || errors.Is(err, ErrStalled)
}

// again asks whether to go on after an error.
func (c Copying) again(ctx context.Context, err error) bool {
	return err != nil && ctx.Err() == nil && c.Again != nil && Broken(err) && c.Again(err) && ctx.Err() == nil
}

// answerError is about what a helper says in no way that its scripts know: bytes of it were lost, or are others.
func answerError(format string, args ...any) error {
	return fmt.Errorf("read answer of helper: "+format+": %w", append(args, ErrDamaged)...)
}

// options are the words for a script's own finding of the process.
func (w Where) options() []string {
	var words []string
	if w.Alone {
		words = append(words, optionAlone)
	}
	if w.Siblings {
		words = append(words, optionSiblings)
	}
	return words
}

// checked refuses what no path can be.
func (w Where) checked(op string) error {
	switch {
	case strings.ContainsRune(w.Path, 0):
		return &fs.PathError{Op: op, Path: w.Path, Err: fs.ErrInvalid}
	case len(w.Path) > pathMax:
		return &fs.PathError{Op: op, Path: w.Path, Err: ErrNameTooLong}
	}
	return nil
}

// chooseScript is what fs.sh does before it looks at the path: it finds the process and its $root.
func chooseScript() string {
	text, _, _ := strings.Cut(fsScript, "\nfollow=1\n")
	return text + "\n"
}
