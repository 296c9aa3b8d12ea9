// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
)

// A feeder puts a payload behind the script on a command's stdin: frames, beats where there is nothing to frame, and the
// sum. The script answers each with a byte, so a line that is dead shows.
type feeder struct {
	Runner
	ctx    context.Context //nolint:containedctx // of the payload, which ends before the command does
	script int
	source Source
	begin  chan Rest // what is to be sent
	reader *io.PipeReader
	writer *io.PipeWriter
	over   chan struct{} // the answer is there, or nobody waits for it any more

	writing sync.Mutex // a frame or a beat
	stopped bool

	mu     sync.Mutex
	hash   hash.Hash
	left   int // parts that have not been sent to their end
	err    error
	frames []int64 // that have not been answered
	acked  int64
	start  time.Time
}

func newFeeder(ctx context.Context, r Runner, script int, s Source) *feeder {
	f := &feeder{Runner: r, ctx: ctx, script: script, source: s, hash: newSum(), left: 1, begin: make(chan Rest, 1), over: make(chan struct{})} //nolint:gosec // see content.go
	if s.Tree {
		f.left = 2
	}
	f.reader, f.writer = io.Pipe()
	return f
}

func (f *feeder) close() { f.reader.CloseWithError(io.ErrClosedPipe) }

func (f *feeder) sum() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return hex.EncodeToString(f.hash.Sum(nil))
}

// sent tells whether the answer's sum is that of all there was to be sent.
func (f *feeder) sent(sum string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.left == 0 && sumOf(f.hash, sum)
}

func (f *feeder) failed() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// Run gives the command the script first, then the payload, then what ask has for it: its end.
func (f *feeder) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	script := make([]byte, f.script)
	if _, err := io.ReadFull(stdin, script); err != nil {
		return err
	}
	crash.Go(ctx, f.send)
	crash.Go(ctx, f.beat)
	crash.Go(ctx, func() {
		defer close(f.over)
		_, _ = io.Copy(io.Discard, stdin)
		f.reader.CloseWithError(io.ErrClosedPipe)
	})
	return f.Runner.Run(ctx, argv, &fed{script, f.reader, f.over}, stdout, stderr)
}

// send writes the payload.
func (f *feeder) send() {
	var rest Rest
	select {
	case rest = <-f.begin:
	case <-f.ctx.Done():
		return // beat says so
	case <-f.over:
		return
	}
	err := f.part(func(w io.Writer) error { return f.source.Write(w, rest) }, rest.sum)
	if err == nil && f.source.Tree {
		err = f.part(f.source.Again, nil)
	}
	f.mu.Lock()
	if !errors.Is(err, io.ErrClosedPipe) {
		f.err = err
	}
	f.mu.Unlock()
	if err != nil {
		f.stop()
	}
}

// beat keeps the stream alive, and ends it with the context: not in the middle of a frame, so that the script learns that
// it was meant.
func (f *feeder) beat() {
	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	for {
		select {
		case <-f.over:
			return
		case <-f.ctx.Done():
			f.stop()
			return
		case <-ticker.C:
			f.writing.Lock()
			if !f.stopped {
				_, _ = io.WriteString(f.writer, "\n")
			}
			f.writing.Unlock()
		}
	}
}

// stop says that no more comes.
func (f *feeder) stop() {
	f.writing.Lock()
	defer f.writing.Unlock()
	if !f.stopped {
		f.stopped = true
		_, _ = io.WriteString(f.writer, "stop\nstop\n")
		_ = f.writer.Close()
	}
}

// part writes one stream of frames, its end and its sum, which begins with that of what is there.
func (f *feeder) part(write func(io.Writer) error, sum hash.Hash) error {
	f.mu.Lock()
	f.hash.Reset()
	if sum != nil {
		f.hash = sum
	}
	f.start = time.Now()
	f.mu.Unlock()
	w := &frameWriter{feeder: f}
	if err := write(w); err != nil {
		return err
	}
	if err := w.flush(); err != nil {
		return err
	}
	return f.put(func() error {
		f.mu.Lock()
		f.left--
		f.mu.Unlock()
		_, err := fmt.Fprintf(f.writer, "0\n%s\n", f.sum())
		return err
	})
}

// put writes something that no beat may interrupt.
func (f *feeder) put(write func() error) error {
	f.writing.Lock()
	defer f.writing.Unlock()
	if f.ctx.Err() != nil {
		return context.Cause(f.ctx)
	}
	if f.stopped {
		return io.ErrClosedPipe
	}
	return write()
}

// answered is told of each frame that the script has written.
func (f *feeder) answered() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.frames) > 0 {
		f.acked += f.frames[0]
		f.frames = f.frames[1:]
	}
}

// A frame is of what goes through in a quarter of a second: on a slow line a large one would look like a dead line, on a
// fast one small ones cost a process each.
const (
	frameMost  = 1 << 20
	frameLeast = 64 << 10
	frameTime  = 4 // to the second
)

func (f *feeder) frameSize() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	rate := float64(f.acked) / time.Since(f.start).Seconds()
	return int(min(max(rate/frameTime, frameLeast), frameMost))
}

// A frameWriter gathers what becomes a frame.
type frameWriter struct {
	*feeder
	buffer []byte
	size   int
}

func (w *frameWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		if w.buffer == nil {
			w.buffer = make([]byte, 0, frameMost)
		}
		if len(w.buffer) == 0 {
			w.size = w.frameSize()
		}
		n := min(len(rest), w.size-len(w.buffer))
		w.buffer = append(w.buffer, rest[:n]...)
		rest = rest[n:]
		if len(w.buffer) == w.size {
			if err := w.flush(); err != nil {
				return 0, err
			}
		}
	}
	return len(p), nil
}

func (w *frameWriter) flush() error {
	part := w.buffer
	if len(part) == 0 {
		return nil
	}
	w.buffer = w.buffer[:0]
	w.mu.Lock()
	w.hash.Write(part)
	w.frames = append(w.frames, int64(len(part)))
	w.mu.Unlock()
	return w.put(func() error {
		if _, err := fmt.Fprintf(w.writer, "%d\n", len(part)); err != nil {
			return err
		}
		_, err := w.writer.Write(part)
		return err
	})
}

// fed is the command's stdin.
type fed struct {
	script  []byte
	payload *io.PipeReader
	over    <-chan struct{}
}

// Read gives an end only where the answer is there or the payload has stopped: the command takes any other for a cut.
func (f *fed) Read(p []byte) (int, error) {
	if len(f.script) > 0 {
		n := copy(p, f.script)
		f.script = f.script[n:]
		return n, nil
	}
	n, err := f.payload.Read(p)
	if err != nil {
		err = io.EOF
	}
	return n, err
}
