// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Over SPDY the runtime kills the first process of each exec when the connection goes, the watchdog's among them, and only
// then its stdin ends: what the command left must end all the same.
func TestWatchdogOutlivesItsFirstProcess(t *testing.T) {
	for shell, path := range enterShells(t) {
		for _, c := range []struct {
			what         string
			first        bool // killed before stdin ends
			last         string
			stillRunning bool
		}{
			{"the client is gone", false, "", false},
			{"the runtime kills it", true, "", false},
			{"the command is over", false, watchdogDone, true},
			{"the command is over, then the runtime kills it", true, watchdogDone, true},
		} {
			t.Run(c.what+", under "+shell, func(t *testing.T) {
				t.Parallel()
				command := New(nil)
				left := exec.CommandContext(t.Context(), "sleep", "600")
				left.Env = append(os.Environ(), "SHAREPROC_SESSION="+command.id)
				if err := left.Start(); err != nil {
					t.Fatal(err)
				}
				over := make(chan struct{})
				go func() { _ = left.Wait(); close(over) }()
				argv, text := command.watchdog()
				watchdog := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
				if shell == "busybox" {
					watchdog.Path = filepath.Join(path, "sh")
				}
				// The file is inherited as it is: no goroutine of this process stands between.
				read, write, err := os.Pipe()
				if err != nil {
					t.Fatal(err)
				}
				answers, said, err := os.Pipe()
				if err != nil {
					t.Fatal(err)
				}
				watchdog.Env, watchdog.Stdin, watchdog.Stdout = []string{"PATH=" + path}, read, said
				if err := watchdog.Start(); err != nil {
					t.Fatal(err)
				}
				read.Close()
				said.Close()
				if _, err := write.WriteString(text); err != nil {
					t.Fatal(err)
				}
				watching(t, watchdog.Process.Pid)
				if c.last != "" {
					_, err = write.WriteString(c.last)
				}
				if c.first {
					err = watchdog.Process.Kill()
				}
				if err != nil {
					t.Fatal(err)
				}
				write.Close()
				// All of it has ended once nobody can write any longer.
				if _, err := answers.Read(make([]byte, 1)); err == nil {
					t.Error("it said something")
				}
				_ = watchdog.Wait()
				if c.stillRunning {
					if err := left.Process.Kill(); err != nil {
						t.Errorf("what the command left was ended: %v", err)
					}
				}
				<-over
			})
		}
	}
}

// watching waits until a watchdog has a second process.
func watching(t *testing.T, pid int) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		children, err := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", pid))
		if err == nil && len(children) > 0 {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("it has no second process: %v", err)
		case <-tick.C:
		}
	}
}
