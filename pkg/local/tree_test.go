// SPDX-License-Identifier: Apache-2.0

//go:build linux

package local

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/procfs"
)

// A runner runs commands here, with the tools of one folder or of the machine.
type runner string

func (r runner) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	cmd := exec.CommandContext(ctx, filepath.Join(string(r), argv[0]), argv[1:]...)
	if r != "" {
		cmd.Env = []string{"PATH=" + string(r)}
	}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	// Where cmd did the copying, it would wait for stdin's next beat.
	input, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(input, stdin)
		_ = input.Close()
	}()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 50 * time.Millisecond
	return cmd.Run()
}

// runners are the machine's own tools and, where SHAREPROC_TEST_BUSYBOX names one, nothing but busybox.
func runners(t *testing.T) map[string]runner {
	t.Helper()
	all := map[string]runner{"sh": ""}
	if busybox := os.Getenv("SHAREPROC_TEST_BUSYBOX"); busybox != "" {
		folder := t.TempDir()
		binary, err := os.ReadFile(busybox)
		if err != nil {
			t.Fatal(err)
		}
		first := filepath.Join(folder, "busybox")
		if err := os.WriteFile(first, binary, 0o755); err != nil {
			t.Fatal(err)
		}
		const tools = "sh cat chown chroot chmod dd find grep head sha1sum mkdir mv od readlink rm sha256sum sleep sort stat tail tar tee touch tr wc xargs"
		for tool := range strings.FieldsSeq(tools) {
			// As in the image: with links of another kind nothing runs inside the root.
			if err := os.Link(first, filepath.Join(folder, tool)); err != nil {
				t.Fatal(err)
			}
		}
		all["busybox"] = runner(folder)
		// The race detector watches this side of the stream only, which is the same for both.
		if testing.Short() {
			delete(all, "sh")
		}
	}
	return all
}

type reports map[string]error

func (r reports) add(name string, err error) { r[name] = err }

// pull copies a path of this process's root to dest.
func pull(ctx context.Context, r procfs.Runner, path, dest string, o Options) (err error) {
	tree, err := NewTree(dest, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tree.Close()) }()
	if _, err := procfs.Pull(ctx, r, procfs.Where{PID: os.Getpid(), Path: path}, tree); err != nil {
		return err
	}
	return tree.Finish()
}

// oracle says of a tree all that is to be kept.
func oracle(t *testing.T, top string, kept fs.FileMode) map[string]string {
	t.Helper()
	all := map[string]string{}
	inodes := map[uint64]string{}
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		name := strings.TrimPrefix(path, top)
		text := fmt.Sprint(info.Mode()&kept, " ", info.ModTime().UnixNano())
		switch {
		case info.Mode().IsRegular():
			data, err := os.Open(path)
			if err != nil {
				return err
			}
			defer data.Close()
			sum := sha256.New()
			n, err := io.Copy(sum, data)
			if err != nil {
				return err
			}
			text += fmt.Sprintf(" %d %x", n, sum.Sum(nil))
			if first, ok := inodes[st.Ino]; ok {
				text += " same as " + first
			} else {
				inodes[st.Ino] = name
			}
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			text = "-> " + target
		}
		all[name] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func compare(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%.80q: got %q, want %q", name, got[name], text)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%.80q should not be there", name)
		}
	}
}

var fixed = time.Unix(1700000000, 0)

func hostile() []string {
	return []string{
		"new\nline", "\n", "tab\t", "-rf", "--help", " lead", "trail ", "q'\"`", "$(touch x)", ";|&<>", "*", "[a]", "?", "back\\slash", "a:b", "%s%n", "~", "#",
		"\x1b[31m", "\x9b", "\u202e", "\xff\xfe", "...", "..x", "CON", "a.", "A", strings.Repeat("n", 255), "-", "!", "a -> b", "MARK.", "bulk", "one", "0 0 0",
	}
}

// grow makes a tree of everything that a copy has to keep.
func grow(t *testing.T, top string) {
	t.Helper()
	write := func(name, text string) {
		file := filepath.Join(top, name)
		check(t, os.MkdirAll(filepath.Dir(file), 0o755))
		check(t, os.WriteFile(file, []byte(text), 0o644))
	}
	for i, name := range hostile() {
		write("names/"+name, strings.Repeat(name, i))
		write("folders/"+name+"/f", name)
		check(t, os.MkdirAll(filepath.Join(top, "empty", name), 0o755))
	}
	for _, n := range []int{0, 1, 511, 512, 513, 4095, 4096, 4097, 131071, 131072, 131073, 9 << 20} {
		write(fmt.Sprintf("sizes/%d", n), strings.Repeat("x\x00\n", n/3+1)[:n])
		write(fmt.Sprintf("zeros/%d", n), string(make([]byte, n)))
	}
	for i := range 1200 {
		write(fmt.Sprintf("many/%d/%d", i%7, i), strings.Repeat(fmt.Sprint(i), i%100))
	}
	for name, target := range map[string]string{
		"abs": "/etc/passwd", "rel": "names", "dangling": "no/where", "self": "self", "newline": "a\n\nb\n", "up": "../../../..", "long": strings.Repeat("l", 4000),
		"bytes": "\xff' -> 'x'\n",
	} {
		check(t, os.MkdirAll(filepath.Join(top, "links"), 0o755))
		check(t, os.Symlink(target, filepath.Join(top, "links", name)))
	}
	check(t, os.Link(filepath.Join(top, "many/1/1"), filepath.Join(top, "many/hard")))
	check(t, os.Link(filepath.Join(top, "many/1/1"), filepath.Join(top, "sizes/hard")))
	sparse, err := os.Create(filepath.Join(top, "sizes/sparse"))
	check(t, err)
	check(t, sparse.Truncate(100<<20))
	_, err = sparse.WriteAt([]byte("island"), 50<<20)
	check(t, err)
	check(t, sparse.Close())
	for name, mode := range map[string]fs.FileMode{"none": 0, "suid": 0o755 | fs.ModeSetuid, "all": 0o777, "odd": 0o151} {
		write("modes/"+name, name)
		check(t, os.Chmod(filepath.Join(top, "modes", name), mode))
	}
	check(t, os.MkdirAll(filepath.Join(top, "modes/closed"), 0o755))
	write("modes/closed/in", "x")
	check(t, os.Chmod(filepath.Join(top, "modes/closed"), 0o555))
	check(t, os.Chtimes(filepath.Join(top, "sizes/1"), time.Time{}, time.Unix(-5, 123456789)))
	check(t, os.Chtimes(filepath.Join(top, "sizes"), time.Time{}, time.Unix(5000000000, 1)))
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestTreeIsExact(t *testing.T) {
	for name, r := range runners(t) {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			source, dest := filepath.Join(folder, "source"), filepath.Join(folder, "dest")
			grow(t, source)
			failed := reports{}
			check(t, pull(t.Context(), r, source, dest, Options{Report: failed.add}))
			if len(failed) > 0 {
				t.Errorf("reported: %v", failed)
			}
			kept := fs.ModeType | fs.ModePerm
			want := oracle(t, source, kept)
			compare(t, oracle(t, dest, kept), want)
			var st syscall.Stat_t
			if err := syscall.Stat(filepath.Join(dest, "sizes/sparse"), &st); err != nil || st.Blocks*512 > 1<<20 {
				t.Errorf("the sparse file has %d blocks (%v)", st.Blocks, err)
			}
			// Once more into what is there, with links where directories were.
			check(t, pull(t.Context(), r, source+"/.", dest, Options{Report: failed.add}))
			if len(failed) > 0 {
				t.Errorf("reported: %v", failed)
			}
			compare(t, oracle(t, dest, kept), want)
			onlyThese(t, folder, "source", "dest")
		})
	}
}

func onlyThese(t *testing.T, folder string, names ...string) {
	t.Helper()
	left, err := os.ReadDir(folder)
	check(t, err)
	if len(left) != len(names) {
		t.Errorf("in the folder: %v, want %v", left, names)
	}
}
