// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	goversion "go/version"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// maxBinary is how large the program may get, in bytes.
const maxBinary = 40_000_000

// source is a commit in a clone of its own, so that nothing else of the checkout gets into a release, and so that the Go
// command finds the commit to record (in a linked work tree it finds none).
type source struct {
	dir  string
	time time.Time
}

// checkOut clones the repository at top into dir.
func checkOut(ctx context.Context, top, commit, dir string) (source, error) {
	hash, err := git(ctx, top, "rev-parse", "--verify", "--end-of-options", commit+"^{commit}")
	if err != nil {
		return source{}, err
	}
	if _, err := git(ctx, top, "clone", "--quiet", "--no-checkout", top, dir); err != nil {
		return source{}, err
	}
	if _, err := git(ctx, dir, "checkout", "--quiet", "--detach", hash); err != nil {
		return source{}, err
	}
	seconds, err := git(ctx, dir, "log", "-1", "--format=%ct")
	if err != nil {
		return source{}, err
	}
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return source{}, fmt.Errorf("read the time of commit %s: %w", hash, err)
	}
	return source{dir, time.Unix(unix, 0).UTC()}, nil
}

// build compiles the program into dir and returns its path and the version that the Go command gave it: the commit's tag,
// or a pseudo-version (https://go.dev/ref/mod#pseudo-versions).
func (s source) build(ctx context.Context, p platform, dir string) (path, version string, err error) {
	path = filepath.Join(dir, p.os+"-"+p.arch, p.binary())
	_, err = output(ctx, s.dir, goEnv(p), "go", "build", "-trimpath", "-buildvcs=true", "-ldflags=-s -w", "-o", path, "./cmd/"+name)
	if err != nil {
		return "", "", err
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return "", "", err
	}
	version = info.Main.Version
	if !strings.HasPrefix(version, "v") || strings.Contains(version, "+") {
		return "", "", fmt.Errorf("build for %s: version %q is not of one clean commit", p, version)
	}
	stat, err := os.Stat(path)
	if err != nil {
		return "", "", err
	}
	if stat.Size() > maxBinary {
		return "", "", fmt.Errorf("build for %s: %d bytes are more than the %d that are allowed", p, stat.Size(), maxBinary)
	}
	return path, version, nil
}

// checkGo names the version of Go, and refuses one that is older than the toolchain of go.mod: its standard library has known holes.
func (s source) checkGo(ctx context.Context) (version string, err error) {
	have, err := output(ctx, s.dir, nil, "go", "env", "GOVERSION")
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(filepath.Join(s.dir, "go.mod"))
	if err != nil {
		return "", err
	}
	return have, newEnough(have, string(text))
}

// newEnough compares a version of Go with a go.mod's toolchain line.
func newEnough(have, mod string) error {
	for line := range strings.Lines(mod) {
		if want, ok := strings.CutPrefix(strings.TrimSpace(line), "toolchain "); ok {
			if goversion.Compare(have, want) < 0 {
				return fmt.Errorf("release: this is %s, and go.mod asks for %s at least", have, want)
			}
			return nil
		}
	}
	return errors.New("release: go.mod has no toolchain line")
}

// goEnv is what decides about the bytes that the Go command makes, whatever the machine has set.
func goEnv(p platform) []string {
	return []string{
		"GOOS=" + p.os, "GOARCH=" + p.arch, "CGO_ENABLED=0",
		"GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOEXPERIMENT=", "GOFIPS140=off", "GOWORK=off",
	}
}

func git(ctx context.Context, dir string, args ...string) (string, error) {
	return output(ctx, dir, nil, "git", args...)
}

// output runs a program in dir and returns what it prints, without the last newline. What it says on stderr is in the error.
func output(ctx context.Context, dir string, env []string, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	// Set while a git hook runs; they would lead git to another repository.
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "GIT_DIR=") && !strings.HasPrefix(pair, "GIT_WORK_TREE=") && !strings.HasPrefix(pair, "GIT_INDEX_FILE=") {
			cmd.Env = append(cmd.Env, pair)
		}
	}
	cmd.Env = append(cmd.Env, env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", program, strings.Join(args, " "), errors.Join(err, errors.New(strings.TrimSpace(stderr.String()))))
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}
