// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/image"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/layout"
)

// load puts image archives into the running cluster.
func (c cluster) load(ctx context.Context, files []string) error {
	pid, err := c.state.SupervisorPID()
	if err != nil {
		return err
	}
	if pid == 0 {
		return fmt.Errorf("load images: %w", errNotRunning)
	}
	bin, err := c.bin()
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := importArchive(ctx, bin, pid, file); err != nil {
			return err
		}
		fmt.Fprintf(c.saying, "loaded %s\n", file)
	}
	return nil
}

// loadAll waits for containerd and loads the test images; where they have been loaded is written down, to spare the
// second up the work.
func (c cluster) loadAll(ctx context.Context, bin string, supervisor int, archives []image.Archive) error {
	if err := waitSocket(ctx, layout.HostSocket(supervisor)); err != nil {
		return err
	}
	for _, archive := range archives {
		if err := importArchive(ctx, bin, supervisor, archive.Path); err != nil {
			return err
		}
	}
	return os.WriteFile(c.state.Path("images"), []byte(filepath.Dir(archives[0].Path)+"\n"), 0o644)
}

// loadMissing loads the test images unless these very ones are loaded.
func (c cluster) loadMissing(ctx context.Context, bin string, archives []image.Archive) error {
	loaded, err := os.ReadFile(c.state.Path("images"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if strings.TrimSpace(string(loaded)) == filepath.Dir(archives[0].Path) {
		return nil
	}
	pid, err := c.state.SupervisorPID()
	if err != nil {
		return err
	}
	return c.loadAll(ctx, bin, pid, archives)
}

// importArchive loads one archive with containerd's own client, into the namespace that the kubelet's images are in.
func importArchive(ctx context.Context, bin string, supervisor int, file string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, importWithin, fmt.Errorf("not done after %s", importWithin))
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "ctr"), "--address", layout.HostSocket(supervisor),
		"--namespace", "k8s.io", "images", "import", "--local", file)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return fmt.Errorf("load %s: %w\n%s", file, err, output.Bytes())
	}
	return nil
}

// importWithin bounds the load of one archive: minutes are much for the largest images there are.
const importWithin = 10 * time.Minute

func waitSocket(ctx context.Context, path string) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		var dialer net.Dialer
		connection, err := dialer.DialContext(ctx, "unix", path)
		if err == nil {
			return connection.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for containerd: %w", context.Cause(ctx))
		case <-tick.C:
		}
	}
}
