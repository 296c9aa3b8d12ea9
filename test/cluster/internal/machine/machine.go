// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package machine makes what a node in a virtual machine is run from: qemu, a kernel and a disk, out of Debian's packages
// and a cluster's binaries, in the cache. It says how they are run, and runs none.
package machine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/build"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/debian"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/layout"
)

// inputs is all that decides a machine beside packages and binaries: a change of any gives another one.
//
//go:embed *.go guest order
var inputs embed.FS

// A Lack is why this computer can't run a virtual machine, as a sentence.
type Lack string

// Lacks tells this error from one that another try could cure.
func (l Lack) Lacks() bool { return true }

func (l Lack) Error() string { return "start the node's virtual machine: " + string(l) }

// Build returns the directory of the machine that runs these binaries, making it where it is missing.
func Build(ctx context.Context, cache, bin string, narration io.Writer) (string, error) {
	if err := able(); err != nil {
		return "", err
	}
	key, err := key(bin)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "machine-"+key)
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return dir, err
	}
	lock, err := layout.Lock(ctx, filepath.Join(cache, "build.lock"), narration)
	if err != nil {
		return "", err
	}
	defer func() { _ = lock.Close() }()
	// Again: another checkout may have made it while this one waited.
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return dir, err
	}
	begin := time.Now()
	fmt.Fprintln(narration, "making the node's virtual machine (once per version; 70 MB of packages)")
	work, err := os.MkdirTemp(cache, "machine-work-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(work) }()
	root, err := assemble(ctx, work, bin, narration)
	if err != nil {
		return "", fmt.Errorf("make virtual machine: %w", err)
	}
	fmt.Fprintf(narration, "made it in %.1f s\n", time.Since(begin).Seconds())
	// Moved as a whole, so that it is either absent or complete.
	return dir, os.Rename(root, dir)
}

// memory is the machine's, in MiB. qemu takes what the guest has touched: 1.3 GiB after a day of tests.
const memory = 2048

// able returns a Lack where the machine can't be made or run here.
func able() error {
	if runtime.GOARCH != "amd64" {
		return Lack("it is made for amd64 only, and this is " + runtime.GOARCH)
	}
	if !build.HasApt() {
		return Lack("qemu and the kernel are Debian's packages, and this machine has no apt-get to get them with")
	}
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return err
	}
	var available int
	_, at, _ := bytes.Cut(text, []byte("MemAvailable:"))
	if _, err := fmt.Sscan(string(at), &available); err != nil {
		return fmt.Errorf("read /proc/meminfo: %w", err)
	}
	if available /= 1024; available < memory {
		return Lack(fmt.Sprintf("it needs %d MiB of memory, and %d MiB are free", memory, available))
	}
	return nil
}

func key(bin string) (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, runtime.Version(), bin, debian.Code)
	err := fs.WalkDir(inputs, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := inputs.ReadFile(name)
		fmt.Fprintf(sum, "%s %d\n%s", name, len(body), body)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)[:6]), err
}
