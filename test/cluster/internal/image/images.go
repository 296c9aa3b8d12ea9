// SPDX-License-Identifier: Apache-2.0

//go:build linux

package image

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/build"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/debian"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/layout"
)

// Names of the test images.
const (
	Busybox      = "docker.io/local/busybox:1"
	OlderBusybox = "docker.io/local/busybox:older"
	Pause        = "docker.io/local/pause:1"
	Nginx        = "docker.io/local/nginx:root"
	NginxNonroot = "docker.io/local/nginx:nonroot"
)

// inputs is all that decides an image's content, this code included: a change of any gives other archives.
//
//go:embed *.go files pause
var inputs embed.FS

// An Archive is an image in a file.
type Archive struct{ Name, Path string }

// Archives returns the archives of the test images, making them where they are missing.
func Archives(ctx context.Context, cache string, narration io.Writer) ([]Archive, error) {
	key, err := key()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(cache, "images-"+key)
	var archives []Archive
	for _, name := range []string{Pause, Busybox, OlderBusybox, Nginx, NginxNonroot} {
		file := strings.NewReplacer("/", "_", ":", "_").Replace(strings.TrimPrefix(name, "docker.io/local/")) + ".tar"
		archives = append(archives, Archive{Name: name, Path: filepath.Join(dir, file)})
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return archives, err
	}
	lock, err := layout.Lock(ctx, filepath.Join(cache, "build.lock"), narration)
	if err != nil {
		return nil, err
	}
	defer func() { _ = lock.Close() }()
	// Again: another checkout may have made them while this one waited.
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return archives, err
	}
	fmt.Fprintln(narration, "making test images")
	return archives, writeAll(ctx, cache, dir, archives, narration)
}

// writeAll makes the whole directory under another name first, so that it is either absent or complete.
func writeAll(ctx context.Context, cache, dir string, archives []Archive, narration io.Writer) error {
	work, err := os.MkdirTemp(cache, "images-work-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	from, err := open(ctx, work, narration)
	if err != nil {
		return err
	}
	out := filepath.Join(work, "out")
	if err := os.Mkdir(out, 0o755); err != nil {
		return err
	}
	for _, archive := range archives {
		tree, config, err := content(ctx, archive.Name, work, from, narration)
		if err != nil {
			return fmt.Errorf("make image %s: %w", archive.Name, err)
		}
		file, err := os.Create(filepath.Join(out, filepath.Base(archive.Path)))
		if err != nil {
			return err
		}
		if err := errors.Join(Write(file, archive.Name, config, tree), file.Close()); err != nil {
			return err
		}
	}
	return os.Rename(out, dir)
}

func content(ctx context.Context, name, work string, from Source, narration io.Writer) (Tree, Config, error) {
	switch name {
	case Pause:
		return pause(ctx, filepath.Join(work, "pause"), narration)
	case Busybox:
		newer, err := newerBusybox(ctx, filepath.Join(work, "newer"), narration)
		if err != nil {
			fmt.Fprintf(narration, "taking this machine's busybox instead of Debian 13's: %v\n", err)
			newer = from
		}
		return Shell(ctx, work, newer)
	case OlderBusybox:
		return Shell(ctx, work, from)
	case Nginx:
		return nginx(from, true)
	default:
		return nginx(from, false)
	}
}

func key() (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, runtime.Version(), runtime.GOARCH, debian.Code)
	err := fs.WalkDir(inputs, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(name, "_test.go") {
			return err
		}
		body, err := inputs.ReadFile(name)
		fmt.Fprintf(sum, "%s %d\n%s", name, len(body), body)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)[:6]), err
}

func pause(ctx context.Context, dir string, narration io.Writer) (Tree, Config, error) {
	text, err := inputs.ReadFile("pause/main.go")
	if err != nil {
		return nil, Config{}, err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, Config{}, err
	}
	for name, body := range map[string][]byte{"main.go": text, "go.mod": []byte("module pause.test\n\ngo 1.26.0\n")} {
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o644); err != nil {
			return nil, Config{}, err
		}
	}
	out := filepath.Join(dir, "pause")
	if err := build.Go(ctx, dir, false, narration, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", out, "."); err != nil {
		return nil, Config{}, err
	}
	body, err := os.ReadFile(out)
	if err != nil {
		return nil, Config{}, err
	}
	tree := Tree{}
	tree.File("pause", 0o755, body)
	return tree, Config{User: "65535:65535", Entrypoint: []string{"/pause"}}, Distroless(tree, "pause")
}

// Shell is busybox, laid out like the official image: every applet another name of the one static program, so that a link in
// /bin works from within another root too.
func Shell(ctx context.Context, work string, from Source) (Tree, Config, error) {
	body, err := from.read("/bin/busybox")
	if err != nil {
		return nil, Config{}, err
	}
	loader, libraries, err := requirements(body)
	if err != nil {
		return nil, Config{}, err
	}
	if loader != "" || len(libraries) > 0 {
		return nil, Config{}, errors.New("read /bin/busybox: not a static program (Debian's package is busybox-static)")
	}
	program := filepath.Join(work, "busybox")
	if err := os.WriteFile(program, body, 0o755); err != nil {
		return nil, Config{}, err
	}
	applets, err := exec.CommandContext(ctx, program, "--list").Output()
	if err != nil {
		return nil, Config{}, fmt.Errorf("list applets: %w", err)
	}
	tree := Tree{}
	tree.File("bin/busybox", 0o755, body)
	for applet := range strings.FieldsSeq(string(applets)) {
		if applet != "busybox" {
			tree.Hardlink("bin/"+applet, "bin/busybox")
		}
	}
	users(tree, "")
	tree.Dir("home", 0o755, 65534)
	tree.Dir("tmp", 0o777|fs.ModeSticky, 0)
	return tree, Config{Env: []string{searchPath}, Cmd: []string{"sh"}}, nil
}

// searchPath is what registries' images set: programs are looked for in it.
const searchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// users adds root, nobody and a user of the image's own.
func users(tree Tree, own string) {
	passwd := "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
	group := "root:x:0:\nnogroup:x:65534:\n"
	if own != "" {
		passwd += own + ":x:101:101:" + own + " user:/nonexistent:/bin/false\n"
		group += own + ":x:101:\n"
	}
	tree.File("etc/passwd", 0o644, []byte(passwd))
	tree.File("etc/group", 0o644, []byte(group))
	tree.Dir("root", 0o700, 0)
}
