// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A runnerFunc is a Runner of one function.
type runnerFunc func(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) error

func (f runnerFunc) Run(ctx context.Context, _ []string, stdin io.Reader, stdout, stderr io.Writer) error {
	return f(ctx, stdin, stdout, stderr)
}

// An exitError is what a Runner returns for a command's status.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("status %d", int(e)) }
func (e exitError) ExitCode() int { return int(e) }

// readMark reads the first line of a script's stdin.
func readMark(stdin io.Reader) string {
	line, _ := bufio.NewReader(stdin).ReadString('\n')
	return strings.TrimSuffix(line, "\n")
}

// readAll is a reader for ask that keeps everything.
func readAll(into *bytes.Buffer) func(*bufio.Reader) error {
	return func(r *bufio.Reader) error {
		_, err := r.WriteTo(into)
		return err
	}
}

func TestAskKeepsTheScriptUntilEverythingIsRead(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			script := commonScript + "guard\n" + `printf 'a\000b\n'; finish "$1"`
			for _, code := range []int{codeOK, codeLoop, codeNotExist} {
				var got bytes.Buffer
				err := ask(t.Context(), r, []string{script}, []string{fmt.Sprint(code)}, readAll(&got))
				if got.String() != "a\x00b\n" || !errors.Is(err, codeError(code)) {
					t.Errorf("code %d: answer %q, error %v", code, got.String(), err)
				}
			}
		})
	}
}

func TestAskSendsTextsOneByOne(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			second := "# a comment\n\tprintf '%s' 'b\\c  d'\n\n"
			script := commonScript + "\tsection || exit\nguard\n" + `sh -c "$text"; printf '|%s|%s' "$1" "$text"; finish 0`
			var got bytes.Buffer
			if err := ask(t.Context(), r, []string{script, second}, []string{"x\ny"}, readAll(&got)); err != nil {
				t.Fatal(err)
			}
			if want := "b\\c  d|x\ny|printf '%s' 'b\\c  d'\n"; got.String() != want {
				t.Errorf("got %q, want %q", got.String(), want)
			}
		})
	}
}

// A script that arrives in part must not run in part.
func TestBootRunsNoPartOfAScript(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			witness := filepath.Join(t.TempDir(), "witness")
			text := string(dictate("MARK", []string{"echo >" + witness + "\nexit 0\n"}))
			for n := range len(text) - 1 {
				err := r.Run(t.Context(), []string{"sh", "-c", boot, "sh"}, strings.NewReader(text[:n]), io.Discard, io.Discard)
				if _, statErr := os.Stat(witness); statErr == nil {
					t.Fatalf("%d of %d bytes were enough to run (%v)", n, len(text), err)
				}
			}
			if err := r.Run(t.Context(), []string{"sh", "-c", boot, "sh"}, strings.NewReader(text), io.Discard, io.Discard); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(witness); err != nil {
				t.Fatal("the whole script did not run")
			}
		})
	}
}

func TestAskWhenTheAnswerIsCut(t *testing.T) {
	answer := "content that matters"
	for _, end := range []error{nil, exitError(0), exitError(137), exitError(codeNotExist), io.ErrClosedPipe} {
		for n := range len(answer) + 1 {
			cut := runnerFunc(func(_ context.Context, stdin io.Reader, stdout, _ io.Writer) error {
				text := answer + "\x00" + readMark(stdin) + "000\n"
				_, err := io.WriteString(stdout, text[:min(n, len(text)-1)])
				return errors.Join(err, end)
			})
			var got bytes.Buffer
			err := ask(t.Context(), cut, []string{"true"}, nil, readAll(&got))
			if !errors.Is(err, io.ErrUnexpectedEOF) || end != nil && !errors.Is(err, end) {
				t.Fatalf("%d bytes, then %v: error %v", n, end, err)
			}
		}
	}
}

func TestAskTakesTheMarkOverTheRunnersError(t *testing.T) {
	r := runnerFunc(func(_ context.Context, stdin io.Reader, stdout, _ io.Writer) error {
		fmt.Fprintf(stdout, "all\x00%s000\n", readMark(stdin))
		return errors.New("connection lost")
	})
	var got bytes.Buffer
	if err := ask(t.Context(), r, nil, nil, readAll(&got)); err != nil || got.String() != "all" {
		t.Fatalf("answer %q, error %v", got.String(), err)
	}
}

func TestAskWithoutShell(t *testing.T) {
	for _, code := range []int{126, 127} {
		r := runnerFunc(func(context.Context, io.Reader, io.Writer, io.Writer) error { return exitError(code) })
		err := ask(t.Context(), r, nil, nil, readAll(&bytes.Buffer{}))
		var missing *MissingToolError
		if !errors.As(err, &missing) || missing.Tool != "sh" || !errors.Is(err, exitError(code)) {
			t.Errorf("status %d: %v", code, err)
		}
	}
}

func TestAskTellsWhatTheCommandSaidBeforeItFailed(t *testing.T) {
	r := runnerFunc(func(_ context.Context, _ io.Reader, _, stderr io.Writer) error {
		fmt.Fprintf(stderr, "%s\x1b[2Jout of memory\n", strings.Repeat("x", 100000))
		return exitError(137)
	})
	err := ask(t.Context(), r, nil, nil, readAll(&bytes.Buffer{}))
	if text := err.Error(); !strings.HasSuffix(text, `\x1b[2Jout of memory`) || len(text) > 2*stderrKept {
		t.Errorf("got %q", text)
	}
}

// A command that dies at once, without having read its stdin, must not leave os/exec waiting for that stdin's end.
func TestAskWhenTheCommandEndsEarly(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			within(t, 20*time.Second, func() {
				err := ask(t.Context(), r, []string{"exit 3\n"}, nil, readAll(&bytes.Buffer{}))
				var exit interface{ ExitCode() int }
				if !errors.Is(err, io.ErrUnexpectedEOF) || !errors.As(err, &exit) || exit.ExitCode() != 3 {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

func TestAskEndsWithItsContext(t *testing.T) {
	deaf := func(ctx context.Context, _ io.Reader, _, _ io.Writer) error {
		<-context.WithoutCancel(ctx).Done()
		return nil
	}
	obedient := func(ctx context.Context, _ io.Reader, _, _ io.Writer) error {
		<-ctx.Done()
		return ctx.Err()
	}
	for name, r := range map[string]runnerFunc{"deaf": deaf, "obedient": obedient} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			cause := errors.New("pod went away")
			time.AfterFunc(time.Millisecond, func() { cancel(cause) })
			within(t, 4*settleTime, func() {
				if err := ask(ctx, r, nil, nil, readAll(&bytes.Buffer{})); !errors.Is(err, cause) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

func TestAskGivesUpARunnerThatStaysBehindItsAnswer(t *testing.T) {
	r := runnerFunc(func(ctx context.Context, stdin io.Reader, stdout, _ io.Writer) error {
		fmt.Fprintf(stdout, "all\x00%s000\n", readMark(stdin))
		<-ctx.Done()
		return ctx.Err()
	})
	within(t, 4*settleTime, func() {
		var got bytes.Buffer
		if err := ask(t.Context(), r, nil, nil, readAll(&got)); err != nil || got.String() != "all" {
			t.Errorf("answer %q, error %v", got.String(), err)
		}
	})
}

func TestAskStopsTheScriptWhenItsReaderGivesUp(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			enough := errors.New("enough")
			within(t, 20*time.Second, func() {
				err := ask(t.Context(), r, []string{commonScript + "guard\nwhile printf x; do :; done\nfinish 0\n"}, nil, func(b *bufio.Reader) error {
					if _, err := b.ReadByte(); err != nil {
						return err
					}
					return enough
				})
				if !errors.Is(err, enough) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

func TestAskRefusesMoreThanWasRead(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			err := ask(t.Context(), r, []string{commonScript + "guard\nprintf 'a\\000b'\nfinish 0\n"}, nil, func(b *bufio.Reader) error {
				_, err := readField(b)
				return err
			})
			if err == nil {
				t.Error("what followed the field was ignored")
			}
		})
	}
}

// A mark must be found however the stream is cut into writes, and nothing else may be taken for it.
func FuzzMarkWriter(f *testing.F) {
	f.Add([]byte("content"), uint8(3), uint16(0))
	f.Add([]byte("\x00MARK"), uint8(1), uint16(44))
	f.Add([]byte("\x00MARK000\n"), uint8(200), uint16(999))
	f.Add([]byte{}, uint8(0), uint16(52))
	f.Fuzz(func(t *testing.T, content []byte, step uint8, code uint16) {
		code %= 1000
		reader, writer := io.Pipe()
		w := &markWriter{mark: "MARK", out: writer, done: make(chan struct{})}
		stream := append(bytes.Clone(content), fmt.Sprintf("\x00MARK%03d\n", code)...)
		if bytes.Contains(content, []byte("\x00MARK")) {
			t.Skip("130 random bits are not met by chance")
		}
		go func() {
			for chunk := max(1, int(step)); len(stream) > 0; stream = stream[min(chunk, len(stream)):] {
				if _, err := w.Write(stream[:min(chunk, len(stream))]); err != nil {
					break
				}
			}
			w.end(nil)
		}()
		got, err := io.ReadAll(reader)
		if err != nil || !bytes.Equal(got, content) {
			t.Fatalf("got %q, %v of %q", got, err, content)
		}
		if c, marked := w.result(); !marked || c != int(code) {
			t.Fatalf("code %d, marked %v, want %d", c, marked, code)
		}
	})
}
