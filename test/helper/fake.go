// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// A Request is what a Fake is asked.
type Request struct {
	Verb        string
	Args, Names []string
}

// A Fake speaks the program's protocol, and answers what a test likes.
type Fake func(q Request, out io.Writer) (code int)

// Run reads the program and answers its requests.
func (f Fake) Run(_ context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	in := bufio.NewReader(stdin)
	length, err := strconv.Atoi(argv[len(argv)-1])
	if err != nil {
		return err
	}
	if _, err := io.CopyN(io.Discard, in, int64(length)); err != nil {
		return nil // a client that has gone
	}
	mark, err := in.ReadString('\n')
	for err == nil {
		var q Request
		if q, err = ReadRequest(in, stderr); err == nil {
			code := f(q, stdout)
			_, err = fmt.Fprintf(stdout, "\x00%s%03d\n", strings.TrimSuffix(mark, "\n"), code)
		}
	}
	return nil
}

// ReadRequest reads a request, and answers beats.
func ReadRequest(in *bufio.Reader, stderr io.Writer) (q Request, err error) {
	head := "\n"
	for head == "\n" {
		if head, err = in.ReadString('\n'); err != nil {
			return q, err
		}
		if head == "\n" {
			_, _ = stderr.Write([]byte("\n"))
		}
	}
	var count, length int
	if _, err := fmt.Sscan(head, &q.Verb, &count, &length); err != nil {
		return q, err
	}
	for range count {
		arg, err := in.ReadString('\n')
		if err != nil {
			return q, err
		}
		q.Args = append(q.Args, strings.TrimSuffix(arg, "\n"))
	}
	names := make([]byte, length)
	if _, err := io.ReadFull(in, names); err != nil {
		return q, err
	}
	if length > 0 {
		q.Names = strings.Split(strings.TrimSuffix(string(names), "\n"), "\n")
	}
	return q, nil
}

// Opened is what verb_open answers about process 8.
func Opened() string {
	return "8\x00\x00" + fmt.Sprintf(Stat, "x") + "\x00Uid:\t0\t0\t0\t0\n\x000\n\x0021 1 0:1 / / rw - overlay o rw\n\x00root:x:0:\n\x00\x00"
}

// Answering is a helper whose process opens, and which answers everything else with f.
func Answering(f Fake) Fake {
	return func(q Request, out io.Writer) int {
		if q.Verb == "open" {
			_, _ = io.WriteString(out, Opened())
			return 0
		}
		return f(q, out)
	}
}

// ContainerID is what a containerID looks like.
const ContainerID = "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"

// Stat is a line of /proc/PID/stat.
const Stat = "8 (%s) S 1 8 8 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 4 0 12345 1000 200 18446744073709551615\n"

// An ArgvFunc is a Runner of one function that looks at the command.
type ArgvFunc func(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error

// Run calls the function.
func (s ArgvFunc) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	return s(ctx, argv, stdin, stdout, stderr)
}

// Slowly has the first answer wait, while beats go on.
func (f Fake) Slowly(over <-chan struct{}) Runner {
	return ArgvFunc(func(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
		done := make(chan struct{})
		defer close(done)
		go func() {
			beat := time.NewTicker(time.Second)
			defer beat.Stop()
			for {
				select {
				case <-done:
					return
				case <-beat.C:
					_, _ = stderr.Write([]byte("\n"))
				}
			}
		}()
		return Fake(func(q Request, out io.Writer) int {
			<-over
			return f(q, out)
		}).Run(ctx, argv, stdin, stdout, stderr)
	})
}
