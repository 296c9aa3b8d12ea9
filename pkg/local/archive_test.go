// SPDX-License-Identifier: Apache-2.0

//go:build linux

package local

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/procfs"
)

// pullArchive writes a path of this process's root as an archive.
func pullArchive(ctx context.Context, r procfs.Runner, path string, w io.Writer, gnu bool, o Options) error {
	archive := NewArchive(w, gnu, o)
	_, err := procfs.Pull(ctx, r, procfs.Where{PID: os.Getpid(), Path: path}, archive)
	return errors.Join(err, archive.Close(err == nil))
}

// readArchive gives the entries, in order, and how the reading ended.
func readArchive(r io.Reader) (entries []*tar.Header, err error) {
	reader := tar.NewReader(r)
	for {
		h, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err == nil {
			_, err = io.Copy(io.Discard, reader)
		}
		if err != nil {
			return entries, err
		}
		entries = append(entries, h)
	}
}

// What tar(1) makes of an archive is what was there.
func TestArchiveIsExact(t *testing.T) {
	for name, r := range runners(t) {
		for _, gnu := range []bool{false, true} {
			t.Run(name+map[bool]string{true: " gnu", false: " pax"}[gnu], func(t *testing.T) {
				folder, err := filepath.EvalSymlinks(t.TempDir())
				check(t, err)
				source, file := filepath.Join(folder, "source"), filepath.Join(folder, "a.tar")
				grow(t, source)
				check(t, syscall.Mkfifo(filepath.Join(source, "fifo"), 0o640))
				out, err := os.Create(file)
				check(t, err)
				failed := reports{}
				check(t, pullArchive(t.Context(), r, source, out, gnu, Options{Report: failed.add}))
				check(t, out.Close())
				if len(failed) > 0 {
					t.Errorf("reported: %v", failed)
				}
				dest := t.TempDir()
				if text, err := exec.CommandContext(t.Context(), "tar", "-xpf", file, "-C", dest).CombinedOutput(); err != nil {
					t.Fatalf("tar: %v: %s", err, text)
				}
				kept := ^fs.FileMode(0)
				want, got := oracle(t, source, kept), oracle(t, filepath.Join(dest, source), kept)
				if gnu {
					for name := range want {
						want[name], got[name] = wholeSeconds(want[name]), wholeSeconds(got[name])
					}
				}
				compare(t, got, want)
			})
		}
	}
}

// wholeSeconds rounds the time in a line of the oracle.
func wholeSeconds(line string) string {
	words := strings.SplitN(line, " ", 3)
	if len(words) < 2 || len(words[1]) < 10 || words[0] == "->" {
		return line
	}
	words[1] = words[1][:len(words[1])-9]
	if strings.HasPrefix(words[1], "-") {
		words[1] = "before 1970" // rounded down
	}
	return strings.Join(words, " ")
}

// Wherever the stream is cut, no reader takes the archive for a whole one.
func TestNoCutArchiveLooksWhole(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			source := filepath.Join(t.TempDir(), "source")
			small(t, source)
			record := &recorder{Runner: r}
			check(t, pullArchive(t.Context(), record, source, io.Discard, false, Options{Report: reports{}.add}))
			length := record.answer.Len()
			for i := range 300 {
				n := random.IntN(length)
				if i%2 == 0 {
					n = random.IntN(6000) // where the frames are
				}
				var out bytes.Buffer
				if err := pullArchive(t.Context(), player{record, n, -1}, source, &out, false, Options{Report: reports{}.add}); err == nil {
					t.Fatalf("cut at %d of %d: success", n, length)
				}
				if entries, err := readArchive(&out); err == nil {
					t.Fatalf("cut at %d of %d: %d entries, and nothing wrong", n, length, len(entries))
				}
			}
			var out bytes.Buffer
			check(t, pullArchive(t.Context(), player{record, length, -1}, source, &out, false, Options{Report: reports{}.add}))
			if entries, err := readArchive(&out); err != nil || len(entries) != 8 {
				t.Errorf("%d entries, %v", len(entries), err)
			}
		})
	}
}

// openArchive is an archive of a directory /etc.
func openArchive(t *testing.T, w io.Writer, failed reports) *Archive {
	t.Helper()
	info, err := os.Stat(t.TempDir())
	check(t, err)
	a := NewArchive(w, false, Options{Report: failed.add})
	check(t, a.Begin(procfs.Found{Info: info, Path: "/etc"}))
	return a
}

// put gives an archive a file.
func put(t *testing.T, a *Archive, name, text string, s procfs.Stat, end func(procfs.Content)) {
	t.Helper()
	s.Mode |= 0o100644
	if s.Size == 0 {
		s.Size = int64(len(text))
	}
	c, err := a.Create(name, &s)
	check(t, err)
	_, err = io.WriteString(c, text)
	check(t, err)
	end(c)
}

// A large file that turns out not to be whole is not taken for one by any reader; the others are there.
func TestDamagedFileSpoilsTheArchive(t *testing.T) {
	commit := func(c procfs.Content) { check(t, c.Commit()) }
	abort := func(c procfs.Content) { c.Abort() }
	for name, damage := range map[string]func(*Archive){
		"aborted": func(a *Archive) { put(t, a, "log", "half", procfs.Stat{Size: spoolLimit + 1}, abort) },
		"shorter": func(a *Archive) { put(t, a, "log", "half", procfs.Stat{Size: spoolLimit + 1}, commit) },
		"longer": func(a *Archive) {
			put(t, a, "log", strings.Repeat("x", spoolLimit+2), procfs.Stat{Size: spoolLimit + 1}, commit)
		},
	} {
		for _, last := range []bool{true, false} {
			t.Run(name+map[bool]string{true: " at the end", false: " in the middle"}[last], func(t *testing.T) {
				var out bytes.Buffer
				failed := reports{}
				a := openArchive(t, &out, failed)
				put(t, a, "first", "1", procfs.Stat{}, commit)
				damage(a)
				if name == "aborted" {
					a.Failed("log", &fs.PathError{Op: "copy", Path: "log", Err: procfs.ErrChanged})
				}
				if !last {
					put(t, a, "last", "2", procfs.Stat{}, commit)
				}
				check(t, a.Close(true))
				if err := failed["log"]; err == nil || !strings.Contains(err.Error(), "not whole") {
					t.Errorf("reported: %v", failed)
				}
				entries, err := readArchive(bytes.NewReader(out.Bytes()))
				if err == nil {
					t.Error("nothing wrong with it")
				}
				if !last && (len(entries) != 3 || entries[2].Name != "etc/last") {
					t.Errorf("entries: %v", entries)
				}
				for _, reader := range tarReaders() {
					cmd := exec.CommandContext(t.Context(), reader[0], reader[1:]...)
					cmd.Stdin = bytes.NewReader(out.Bytes())
					if text, err := cmd.CombinedOutput(); err == nil {
						t.Errorf("%q has nothing to say: %s", reader, text)
					}
				}
			})
		}
	}
}

// tarReaders are the programs of this machine that read archives.
func tarReaders() [][]string {
	readers := [][]string{{"tar", "-tf", "-"}}
	if busybox := os.Getenv("SHAREPROC_TEST_BUSYBOX"); busybox != "" {
		readers = append(readers, []string{busybox, "tar", "-tf", "-"})
	}
	for name, args := range map[string][]string{
		"bsdtar":  {"-tf", "-"},
		"python3": {"-c", "import sys, tarfile\nfor m in tarfile.open(fileobj=sys.stdin.buffer, mode='r|'): pass"},
	} {
		if path, err := exec.LookPath(name); err == nil {
			readers = append(readers, append([]string{path}, args...))
		}
	}
	return readers
}

// What a bulk takes back comes again, and is there once. A second name is a link to the first.
func TestArchiveTakesFilesBack(t *testing.T) {
	var out bytes.Buffer
	failed := reports{}
	a := openArchive(t, &out, failed)
	stat := func(ino uint64) *procfs.Stat { return &procfs.Stat{Mode: 0o100644, Size: 3, Ino: ino, Nlink: 2} }
	bulk := func(end func(procfs.Content)) {
		var all []procfs.Content
		for i, name := range []string{"a", "b", "same"} {
			c, err := a.Create(name, stat(uint64(i%2)))
			check(t, err)
			all = append(all, c)
		}
		for _, c := range all {
			_, err := io.WriteString(c, "abc")
			check(t, err)
		}
		for _, c := range all {
			end(c)
		}
	}
	bulk(func(c procfs.Content) { c.Abort() })
	bulk(func(c procfs.Content) { check(t, c.Commit()) })
	big, err := a.Create("big", &procfs.Stat{Mode: 0o100644, Size: spoolLimit + 1, Ino: 1, Nlink: 2})
	check(t, err)
	check(t, big.Skip(spoolLimit+1))
	check(t, big.Commit())
	check(t, a.Entry("socket", &procfs.Stat{Mode: 0o140600}))
	check(t, a.Entry("null", &procfs.Stat{Mode: 0o020666, RdevMajor: 1, RdevMinor: 3}))
	check(t, a.Close(true))
	entries, err := readArchive(&out)
	check(t, err)
	var got []string
	for _, h := range entries {
		got = append(got, strings.TrimSpace(string(h.Typeflag)+" "+h.Name+" "+h.Linkname))
	}
	want := "0 etc/a|0 etc/b|1 etc/same etc/a|1 etc/big etc/b|3 etc/null"
	if text := strings.Join(got, "|"); text != want || !errors.Is(failed["socket"], ErrSocket) || len(failed) != 1 {
		t.Errorf("got %s, want %s; reported %v", text, want, failed)
	}
}

// Numbers that the oldest format has no room for.
func TestArchiveHasRoomForNumbers(t *testing.T) {
	for _, gnu := range []bool{false, true} {
		r, w := io.Pipe()
		a := NewArchive(w, gnu, Options{Report: reports{}.add})
		info, err := os.Stat("/proc/self/status")
		check(t, err)
		check(t, a.Begin(procfs.Found{Info: info, Path: "/huge"}))
		mtime := time.Unix(1700000000, 123456789)
		go func() {
			s := &procfs.Stat{Mode: 0o104755, UID: 1000680000, GID: 4000000000, Size: 9 << 30, Mtime: mtime}
			c, err := a.Create("", s)
			if err == nil {
				err = c.Skip(s.Size)
			}
			w.CloseWithError(errors.Join(err, a.Close(true)))
		}()
		h, err := tar.NewReader(r).Next()
		check(t, err)
		r.Close()
		if gnu {
			mtime = mtime.Truncate(time.Second)
		}
		if h.Name != "huge" || h.Uid != 1000680000 || h.Gid != 4000000000 || h.Size != 9<<30 || h.Mode != 0o4755 || !h.ModTime.Equal(mtime) {
			t.Errorf("gnu %v: %+v", gnu, h)
		}
	}
}
