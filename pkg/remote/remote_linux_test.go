// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

type localRunner struct{ path string }

func (l localRunner) Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) error {
	name := argv[0]
	if l.path != "" {
		name = filepath.Join(l.path, name)
	}
	cmd := exec.CommandContext(ctx, name, argv[1:]...)
	cmd.Args[0] = argv[0]
	if l.path != "" {
		cmd.Env = []string{"PATH=" + l.path}
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, io.MultiWriter(stderr, os.Stderr)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd.Run()
}

func TestSmoke(t *testing.T) {
	dir := t.TempDir()
	bb := t.TempDir()
	out, err := exec.Command("sh", "-c", "cp "+os.Getenv("SHAREPROC_TEST_BUSYBOX")+" "+bb+"/busybox; "+bb+"/busybox --install -s "+bb).CombinedOutput()
	if err != nil {
		t.Fatal(string(out))
	}
	for name, r := range map[string]localRunner{"sh": {}, "busybox": {path: bb}} {
		t.Run(name, func(t *testing.T) {
			smoke(t, r, filepath.Join(dir, name))
		})
	}
}

func smoke(t *testing.T, r Runner, dir string) {
	ctx := t.Context()
	os.MkdirAll(dir+"/a/b", 0o755)
	os.WriteFile(dir+"/a/f", bytes.Repeat([]byte("hello\n"), 1000), 0o644)
	os.WriteFile(dir+"/a/b/x\ny", []byte("odd hello\n"), 0o600)
	os.Symlink("/etc/passwd", dir+"/a/l")
	os.Symlink("x\n//y'", dir+"/a/l2")
	root, err := Dial(ctx, r, Where{PID: os.Getpid()})
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer root.Close()
	t.Logf("%+v mounts %d", root.Process, len(root.mounts))
	info, err := root.Stat(ctx, dir+"/a/l", true)
	t.Logf("%+v %+v %v", info, info.Stat, err)
	info, err = root.Stat(ctx, dir+"/a/nope", true)
	t.Logf("%+v %v", info, err)
	info, err = root.Walk(ctx, dir, WalkOptions{LinkTargets: true}, func(p string, e Entry) error {
		t.Logf("%q %q %v", p, e.Name(), e.Stat().LinkTarget)
		return nil
	})
	t.Logf("%v %v", info.Path, err)
	info, es, err := root.ReadDir(ctx, "/")
	t.Logf("%v %d %v", info.Path, len(es), err)
	var buf bytes.Buffer
	info, err = root.Read(ctx, dir+"/a/f", func(Info) (io.Writer, error) { return &buf, nil })
	t.Logf("%v %d %v", info.Path, buf.Len(), err)
	info, err = root.Read(ctx, "/proc/self/status", func(Info) (io.Writer, error) { return &buf, nil })
	t.Logf("%v %d %v", info.Path, buf.Len(), err)
	info, err = root.Sum(ctx, dir, SumOptions{Recursive: true}, func(p string, sum [32]byte) error { t.Logf("%q %x", p, sum[:4]); return nil })
	t.Logf("%v", err)
	info, err = root.Grep(ctx, dir, GrepOptions{Pattern: "odd*", Recursive: true}, func(m Match) error { t.Logf("%+v", m); return nil })
	t.Logf("%v", err)
	ps, err := Processes(ctx, r)
	t.Logf("%d %v", len(ps), err)
}
