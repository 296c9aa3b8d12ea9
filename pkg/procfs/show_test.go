// SPDX-License-Identifier: Apache-2.0

//go:build linux

package procfs

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// idA and idB are what containerIDs look like.
var (
	idA = strings.Repeat("a1", 32)
	idB = strings.Repeat("b2", 32)
)

// show is showIn into memory.
func show(t *testing.T, r Runner, proc string, w Where) (Found, []Entry, string, error) {
	t.Helper()
	var content bytes.Buffer
	found, entries, err := showIn(t.Context(), r, proc, w, func(Found) (io.Writer, error) { return &content, nil })
	return found, entries, content.String(), err
}

func TestShowChoosesTheProcess(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			rootA, rootB := openFolder(t), openFolder(t)
			write(t, filepath.Join(rootA, "who"), "A")
			write(t, filepath.Join(rootB, "who"), "B")
			cgroupA, cgroupB := "1:cpu:/x\n0::/../cri-containerd-"+idA+".scope", "0::/kubepods/pod/"+idB
			proc := fakeProc(t,
				fakeProcess{pid: 1, start: 1, root: rootB, cgroup: "0::/pause"},
				fakeProcess{pid: 7, start: 300, root: rootA, cgroup: cgroupA},
				fakeProcess{pid: 12, start: 200, root: "", cgroup: cgroupA},     // denies its root, started first
				fakeProcess{pid: 100, start: 250, root: rootA, cgroup: cgroupA}, // sorts before 7 as text
				fakeProcess{pid: 20, start: 50, root: rootB, cgroup: cgroupB},
				fakeProcess{pid: 9, start: 50, root: rootB, cgroup: cgroupB},
				fakeProcess{pid: 30, start: 5, root: "", cgroup: "0::/denied"},
				fakeProcess{pid: 40, start: 6, root: "", cgroup: "0::/denied"},
			)
			for _, test := range []struct {
				name   string
				where  Where
				pid    int
				text   string
				denied []int
				err    error
			}{
				{"first of a container that lets us in", Where{Container: idA}, 100, "A", []int{12}, nil},
				{"lowest PID of those that started at once", Where{Container: idB}, 9, "B", nil, nil},
				{"PID 1 without container", Where{}, 1, "B", nil, nil},
				{"the PID given", Where{PID: 7, Container: idB}, 7, "A", nil, nil},
				{"the PID given denies", Where{PID: 12}, 12, "", []int{12}, fs.ErrPermission},
				{"a sibling stands in", Where{PID: 12, Siblings: true}, 100, "A", []int{12}, nil},
				{"no sibling needed", Where{PID: 7, Siblings: true}, 7, "A", nil, nil},
				{"all siblings deny", Where{PID: 40, Siblings: true}, 40, "", []int{40, 30}, fs.ErrPermission},
				{"no such process", Where{PID: 99}, 0, "", nil, ErrNoProcess},
				{"no such container", Where{Container: strings.Repeat("c", 64)}, 0, "", nil, ErrNoProcess},
				{"container unnamed in a view of its own", Where{Container: strings.Repeat("c", 64), Alone: true}, 1, "B", nil, nil},
				{"container named in a view of its own", Where{Container: idA, Alone: true}, 100, "A", []int{12}, nil},
				{"id is no pattern", Where{Container: "[a-z]"}, 0, "", nil, ErrNoProcess},
				{"id is no option", Where{Container: "-v"}, 0, "", nil, ErrNoProcess},
			} {
				test.where.Path = "who"
				found, _, text, err := show(t, r, proc, test.where)
				if !errors.Is(err, test.err) || text != test.text {
					t.Errorf("%s: %q, %v; want %q, %v", test.name, text, err, test.text, test.err)
				}
				denied := found.Denied
				if access, ok := errors.AsType[*AccessError](err); ok {
					denied = access.Tried
					if access.PID != test.pid || access.UID != 10 || access.GID != 20 || access.Name != "a) b\n)" {
						t.Errorf("%s: %+v", test.name, access)
					}
				}
				if found.PID != test.pid || !slices.Equal(denied, test.denied) {
					t.Errorf("%s: process %d, denied %v; want %d, %v", test.name, found.PID, denied, test.pid, test.denied)
				}
			}
		})
	}
}

// Where cgroups tell nothing apart, no process of the helper may stand in for one of the target.
func TestShowNeverTakesTheHelperForASibling(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			root := openFolder(t)
			write(t, filepath.Join(root, "who"), "helper")
			own, err := os.ReadFile("/proc/self/cgroup")
			if err != nil {
				t.Fatal(err)
			}
			cgroup := strings.TrimSuffix(string(own), "\n")
			proc := fakeProc(t,
				fakeProcess{pid: 1, start: 1, root: "", cgroup: cgroup},
				fakeProcess{pid: 2, start: 2, root: root, cgroup: cgroup},
			)
			link(t, "/proc/self", filepath.Join(proc, "self"))
			for _, where := range []Where{{PID: 1, Siblings: true}, {Container: idA, Alone: true}, {}} {
				where.Path = "who"
				if found, _, text, err := show(t, r, proc, where); !errors.Is(err, fs.ErrPermission) || text != "" || found.PID != 1 {
					t.Errorf("%+v: %q of %d, %v", where, text, found.PID, err)
				}
			}
		})
	}
}

func TestShowTellsWhatItFound(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			root := openFolder(t)
			write(t, filepath.Join(root, "etc/passwd"), "# comment\nfirst:x:0:0::/:/bin/sh\nsecond:x:0:0::/:\n\nbroken\n\x00nobody:x:65534:\n")
			write(t, filepath.Join(root, "usr/lib/group"), "wheel:x:0:\n")
			link(t, "/usr/lib/group", filepath.Join(root, "etc/group"))
			write(t, filepath.Join(root, "data/a\nb"), "content\n")
			link(t, "/data", filepath.Join(root, "to data"))
			proc := fakeProc(t, fakeProcess{pid: 8, start: 77, root: root, cgroup: "0::/" + idA})

			counting := &countingRunner{Runner: r}
			found, entries, text, err := show(t, counting, proc, Where{Container: idA, Path: "/to data//"})
			if err != nil || text != "" || counting.count != 1 {
				t.Fatalf("%v, %q, %d commands", err, text, counting.count)
			}
			if found.PID != 8 || found.StartTicks != 77 || found.Process != "a) b\n)" || found.Path != "/data" || !found.Info.IsDir() ||
				found.Info.Name() != "to data" {
				t.Errorf("found %+v, %q", found, found.Info.Name())
			}
			if len(entries) != 1 || entries[0].Name() != "a\nb" || entries[0].Stat().Size != 8 {
				t.Fatalf("entries %v", entries)
			}
			if os.Geteuid() == 0 {
				if s := entries[0].Stat(); s.User != "first" || s.Group != "wheel" || found.Stat().User != "first" {
					t.Errorf("owner %q, group %q", s.User, s.Group)
				}
			}

			counting.count = 0
			found, entries, text, err = show(t, counting, proc, Where{PID: 8, Path: "to data/a\nb"})
			if err != nil || text != "content\n" || entries != nil || counting.count != 1 {
				t.Errorf("%q, %v, %v, %d commands", text, entries, err, counting.count)
			}
			if found.Path != "/data/a\nb" || found.Info.Name() != "a\nb" || found.Info.Size() != 8 {
				t.Errorf("found %+v", found)
			}

			found, _, text, err = show(t, r, proc, Where{PID: 8, Path: "to data", FactsOnly: true})
			if err != nil || text != "" || found.Stat().LinkTarget != "/data" || found.Path != "/to data" {
				t.Errorf("facts of a link: %+v, %v", found, err)
			}
		})
	}
}

func TestShowOfSpecialFiles(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			root := openFolder(t)
			makeSpecial(t, root)
			proc := fakeProc(t, fakeProcess{pid: 8, root: root})
			found, _, _, err := show(t, r, proc, Where{PID: 8, Path: "fifo"})
			if !errors.Is(err, ErrSpecial) || found.Info == nil || found.Info.Mode()&fs.ModeNamedPipe == 0 || found.Info.Mode().Perm() != 0o640 {
				t.Errorf("%+v, %v", found, err)
			}
			if _, _, _, err := show(t, r, proc, Where{PID: 8, Path: "fifo", FactsOnly: true}); err != nil {
				t.Errorf("facts: %v", err)
			}
		})
	}
}

func TestShowReturnsTheCallersErrors(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			root := openFolder(t)
			write(t, filepath.Join(root, "big"), string(make([]byte, 1<<20)))
			proc := fakeProc(t, fakeProcess{pid: 8, root: root})
			full := errors.New("disk full")
			found, _, err := showIn(t.Context(), r, proc, Where{PID: 8, Path: "big"}, func(f Found) (io.Writer, error) {
				if f.Info.Size() != 1<<20 {
					t.Errorf("open was told %v", f.Info)
				}
				return nil, full
			})
			if err != full || found.Info == nil { //nolint:errorlint // as it is
				t.Errorf("open: %v, %+v", err, found)
			}
			_, _, err = showIn(t.Context(), r, proc, Where{PID: 8, Path: "big"}, func(Found) (io.Writer, error) {
				return writerFunc(func(p []byte) (int, error) { return len(p) / 2, full }), nil
			})
			if err != full { //nolint:errorlint // as it is
				t.Errorf("write: %v", err)
			}
		})
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestMissingTools(t *testing.T) {
	root := openFolder(t)
	write(t, filepath.Join(root, "file"), "")
	proc := fakeProc(t, fakeProcess{pid: 8, root: root})
	for _, missing := range tools() {
		rest := slices.DeleteFunc(append(tools(), "sh"), func(tool string) bool { return tool == missing })
		folder := toolFolder(t, rest)
		r := localRunner{path: folder}
		_, _, _, showErr := show(t, r, proc, Where{PID: 8})
		_, listErr := list(t.Context(), r, proc)
		_, sumErr := sumIn(t.Context(), r, proc, Where{PID: 8}, SumOptions{Recursive: true}, func(string, [32]byte) error { return nil })
		_, tailErr := tailIn(t.Context(), r, proc, Where{PID: 8, Path: "file"}, TailOptions{}, func(Found) (io.Writer, error) { return io.Discard, nil })
		for _, err := range []error{showErr, listErr, sumErr, tailErr} {
			var tool *MissingToolError
			if err != nil && (!errors.As(err, &tool) || tool.Tool != missing) {
				t.Errorf("without %s: %v", missing, err)
			}
		}
		if errors.Join(showErr, listErr, sumErr, tailErr) == nil {
			t.Errorf("without %s: nobody misses it", missing)
		}
	}
}

// toolFolder is a folder with some of the machine's own tools.
func toolFolder(t *testing.T, names []string) string {
	t.Helper()
	folder := t.TempDir()
	for _, name := range names {
		for _, dir := range []string{"/usr/bin", "/bin"} {
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				link(t, filepath.Join(dir, name), filepath.Join(folder, name))
				break
			}
		}
	}
	return folder
}

// A recorder keeps what a script answered, to be played again.
type recorder struct {
	Runner
	mark   string
	answer bytes.Buffer
}

func (r *recorder) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	var text bytes.Buffer
	err := r.Runner.Run(ctx, argv, io.TeeReader(stdin, &text), io.MultiWriter(stdout, &r.answer), stderr)
	r.mark, _, _ = strings.Cut(text.String(), "\n")
	return err
}

// play returns a Runner that answers with the first n recorded bytes, as if asked now.
func (r *recorder) play(n int) Runner {
	return runnerFunc(func(_ context.Context, stdin io.Reader, stdout, _ io.Writer) error {
		text := strings.ReplaceAll(r.answer.String(), r.mark, readMark(stdin))
		_, err := io.WriteString(stdout, text[:n])
		return err
	})
}

// Wherever a stream is cut, and however content the Runner is, nothing passes for success.
func TestNoCutStreamIsASuccess(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			root := openFolder(t)
			write(t, filepath.Join(root, "etc/passwd"), "root:x:0:0:\n")
			write(t, filepath.Join(root, "etc/file"), strings.Repeat("x\x00", 50))
			link(t, "file", filepath.Join(root, "etc/link"))
			proc := fakeProc(t, fakeProcess{pid: 8, root: root, cgroup: "0::/" + idA}, fakeProcess{pid: 9, root: root})
			for name, ask := range map[string]func(Runner) error{
				"directory": func(r Runner) error { _, _, _, err := show(t, r, proc, Where{PID: 8, Path: "etc"}); return err },
				"file":      func(r Runner) error { _, _, _, err := show(t, r, proc, Where{PID: 8, Path: "etc/file"}); return err },
				"tree": func(r Runner) error {
					_, err := walkIn(t.Context(), r, proc, Where{PID: 8, Path: "etc"}, WalkOptions{LinkTargets: true}, func(string, Entry) error { return nil })
					return err
				},
				"sums": func(r Runner) error {
					_, err := sumIn(t.Context(), r, proc, Where{PID: 8, Path: "etc"}, SumOptions{Recursive: true}, func(string, [32]byte) error { return nil })
					return err
				},
				"matches": func(r Runner) error {
					_, err := grepIn(t.Context(), r, proc, Where{PID: 8, Path: "etc"}, GrepOptions{Pattern: "root", Recursive: true}, func(Match) error { return nil })
					return err
				},
				"processes": func(r Runner) error { _, err := list(t.Context(), r, proc); return err },
				"not there": func(r Runner) error { _, _, _, err := show(t, r, proc, Where{PID: 8, Path: "none"}); return err },
			} {
				record := &recorder{Runner: r}
				whole := ask(record)
				length := record.answer.Len()
				if again := ask(record.play(length)); !errors.Is(whole, again) && whole.Error() != again.Error() {
					t.Fatalf("%s: played again: %v, first: %v", name, again, whole)
				}
				for n := range length {
					if err := ask(record.play(n)); !errors.Is(err, io.ErrUnexpectedEOF) {
						t.Fatalf("%s cut after %d of %d bytes: %v", name, n, length, err)
					}
				}
			}
		})
	}
}
