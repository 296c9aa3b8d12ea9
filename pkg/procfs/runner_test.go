// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// A localRunner runs commands here, with the tools of one folder or of the machine.
type localRunner struct {
	path string // "": the machine's own PATH
}

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
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	return cmd.Run()
}

// eachRunner runs a test with the machine's sh and, where there is one, with nothing but busybox.
func eachRunner(t *testing.T, test func(t *testing.T, r Runner)) {
	t.Run("sh", func(t *testing.T) { test(t, localRunner{}) })
	t.Run("busybox", func(t *testing.T) { test(t, localRunner{path: busyboxFolder(t)}) })
}

// busyboxFolder makes a folder of applet links, the only PATH of a helper.
func busyboxFolder(t *testing.T) string {
	t.Helper()
	busybox := os.Getenv("SHAREPROC_TEST_BUSYBOX")
	if busybox == "" {
		var err error
		if busybox, err = exec.LookPath("busybox"); err != nil {
			t.Skip("no busybox in PATH and none named by SHAREPROC_TEST_BUSYBOX: only sh is tested")
		}
	}
	folder := t.TempDir()
	for _, tool := range append(tools(), "sh") {
		if err := os.Symlink(busybox, filepath.Join(folder, tool)); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}
