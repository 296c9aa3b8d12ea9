// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// typed types a line into a shell on a terminal, and returns what $HOME/.ash_history has then.
func typed(t *testing.T, argv []string, tools string) string {
	t.Helper()
	home := t.TempDir()
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Env = []string{"HOME=" + home, "PATH=" + tools + ":" + os.Getenv("PATH"), "TERM=dumb"}
	terminal, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	if _, err := io.WriteString(terminal, "password=hunter2; echo \"ran:$password\"\nexit\n"); err != nil {
		t.Fatal(err)
	}
	// A terminal whose last process has ended gives EIO.
	out, _ := io.ReadAll(terminal)
	if err := cmd.Wait(); err != nil || !strings.Contains(string(out), "ran:hunter2") {
		t.Fatalf("%q: %v\n%s", argv, err, out)
	}
	text, err := os.ReadFile(filepath.Join(home, ".ash_history"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

// What is typed may be a secret, and HOME a directory of the target's.
func TestWhatIsTypedIsNotSaved(t *testing.T) {
	busybox := os.Getenv("SHAREPROC_TEST_BUSYBOX")
	if busybox == "" {
		var err error
		if busybox, err = exec.LookPath("busybox"); err != nil {
			t.Skip("no busybox in PATH and none named by SHAREPROC_TEST_BUSYBOX")
		}
	}
	tools := t.TempDir()
	shell := filepath.Join(tools, "sh")
	if err := os.Symlink(busybox, shell); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(typed(t, []string{shell}, tools), "hunter2") {
		t.Skipf("%s saves no history at all: it is built without CONFIG_FEATURE_EDITING_SAVEHISTORY, as Debian's is", busybox)
	}
	for what, argv := range map[string][]string{
		"in a helper":         New([]string{"sh"}).Argv(),
		"in a held container": New([]string{"sh"}).ArgvIn(tools),
	} {
		if saved := typed(t, argv, tools); saved != "" {
			t.Errorf("%s: saved %q", what, saved)
		}
	}
}
