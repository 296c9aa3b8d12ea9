// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package build makes the binaries that a cluster runs, from the Go module proxy, into the cache directory. It starts none
// of them.
package build

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/layout"
)

// Binaries returns the directory that holds every binary of a cluster of this minor version, building those that are
// missing, and narrates how long each took.
func Binaries(ctx context.Context, cache, minor string, narration io.Writer) (string, error) {
	all, err := components(minor)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "bin-"+key(all))
	if missing, err := absent(dir, all); err != nil || len(missing) == 0 {
		return dir, err
	}
	lock, err := layout.Lock(ctx, filepath.Join(cache, "build.lock"), narration)
	if err != nil {
		return "", err
	}
	defer func() { _ = lock.Close() }()
	// Again: another checkout may have built them while this one waited.
	missing, err := absent(dir, all)
	if err != nil || len(missing) == 0 {
		return dir, err
	}
	fmt.Fprintf(narration, "building into %s (once per version; about 10 minutes on 2 cores)\n", dir)
	if err := compiler(ctx, missing, narration); err != nil {
		return "", err
	}
	begin := time.Now()
	for _, c := range missing {
		start := time.Now()
		if err := c.build(ctx, dir, narration); err != nil {
			return "", fmt.Errorf("build %s: %w", c.name, err)
		}
		fmt.Fprintf(narration, "  %-12s %6.1f s\n", c.name, time.Since(start).Seconds())
	}
	fmt.Fprintf(narration, "built everything in %.1f s\n", time.Since(begin).Seconds())
	return dir, nil
}

// binary is the file name that a package is built to.
func (c component) binary(pkg string) string {
	if name, ok := c.rename[pkg]; ok {
		return name
	}
	return path.Base(pkg)
}

func absent(dir string, all []component) ([]component, error) {
	var missing []component
	for _, c := range all {
		for _, pkg := range c.packages {
			_, err := os.Stat(filepath.Join(dir, c.binary(pkg)))
			if errors.Is(err, fs.ErrNotExist) {
				missing = append(missing, c)
				break
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return missing, nil
}

// build compiles into a directory of its own and moves the finished binaries, so that an interrupted build leaves none.
func (c component) build(ctx context.Context, dir string, narration io.Writer) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(dir), "build-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	source, err := c.source(ctx, work, narration)
	if err != nil {
		return err
	}
	out := filepath.Join(work, "out") + string(filepath.Separator) // the slash: a directory, which go build makes
	if len(c.packages) == 1 {
		out = filepath.Join(out, c.binary(c.packages[0]))
	}
	if err := Go(ctx, source, c.cgo, narration, c.arguments(out)...); err != nil {
		return err
	}
	for _, pkg := range c.packages {
		name := c.binary(pkg)
		if err := os.Rename(filepath.Join(work, "out", name), filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

func (c component) arguments(out string) []string {
	args := []string{"build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags=-s -w " + c.ldflags, "-o", out}
	if c.tags != "" {
		args = append(args, "-tags", c.tags)
	}
	return append(args, c.packages...)
}

// source returns the directory to build in.
func (c component) source(ctx context.Context, work string, narration io.Writer) (string, error) {
	if c.module == "" {
		if err := os.WriteFile(filepath.Join(work, "go.mod"), []byte(c.goMod), 0o644); err != nil {
			return "", err
		}
		return work, os.WriteFile(filepath.Join(work, "go.sum"), []byte(c.goSum), 0o644)
	}
	var answer bytes.Buffer
	cmd := command(ctx, work, false, narration, "mod", "download", "-json", c.module+"@"+c.version)
	cmd.Stdout = &answer
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("download %s@%s: %w\n%s", c.module, c.version, err, answer.Bytes())
	}
	var got struct{ Dir, Sum string }
	if err := json.Unmarshal(answer.Bytes(), &got); err != nil {
		return "", fmt.Errorf("read answer of go mod download: %w", err)
	}
	if got.Sum != c.sum {
		return "", fmt.Errorf("check %s@%s: checksum %s, want %s", c.module, c.version, got.Sum, c.sum)
	}
	return got.Dir, nil
}

// Go runs the go command in dir, outside any workspace and with none of the caller's build settings.
func Go(ctx context.Context, dir string, cgo bool, narration io.Writer, args ...string) error {
	if err := command(ctx, dir, cgo, narration, args...).Run(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("go %s: %w", args[0], err)
	}
	return nil
}

func command(ctx context.Context, dir string, cgo bool, narration io.Writer, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	enabled := "0"
	if cgo {
		enabled = "1"
	}
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "GOOS=linux", "GOARCH="+runtime.GOARCH, "CGO_ENABLED="+enabled)
	cmd.Stderr = narration
	// Interrupted and not killed: the go command then ends its compilers and removes its temporary files.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}
