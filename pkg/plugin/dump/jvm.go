// SPDX-License-Identifier: Apache-2.0

package dump

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
)

// A jvmDump is what a JVM writes at QUIT: the time, "Full thread dump", the threads, "JNI global refs", deadlocks, and the heap,
// behind which is an empty line.
type jvmDump struct {
	out io.Writer
	// before is the line in front of it.
	before           string
	begun, refs, top bool
	// ended says that it is whole.
	ended bool
	size  int64
}

// line takes the next line of the log.
func (d *jvmDump) line(text string) error {
	switch {
	case !d.begun && !strings.HasPrefix(text, "Full thread dump "):
		d.before = text
		return nil
	case !d.begun:
		d.begun = true
		if _, err := time.Parse(time.DateTime, d.before); err == nil {
			text = d.before + "\n" + text
		}
	case strings.HasPrefix(text, "JNI global ref"):
		d.refs = true
	case d.refs && (text == "Heap" || strings.HasPrefix(text, "Heap ")):
		d.top = true
	case d.top && text == "":
		d.ended = true
		return nil
	}
	d.size += int64(len(text)) + 1
	if d.size > maxDump {
		return fmt.Errorf("it is longer than %s", output.HumanBytes(maxDump))
	}
	_, err := io.WriteString(d.out, text+"\n")
	return err
}

// patience is how long the next line is waited for.
func (d *jvmDump) patience() time.Duration {
	switch {
	case !d.begun:
		return beginTime
	case !d.refs:
		return moreTime
	}
	return endTime
}

// close is what to say where no more comes: a garbage collector may have nothing to say of its heap.
func (d *jvmDump) close(err error) (whole bool, _ error) {
	if !d.begun {
		return false, errors.Join(errNoDump, err)
	}
	return d.refs, err
}
