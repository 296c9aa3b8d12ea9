// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// holdVariable makes the test binary the holder of a supervisor's lock: a process does not see its own record locks.
const holdVariable = "TEST_HOLD_SUPERVISOR"

func TestMain(m *testing.M) {
	dir := os.Getenv(holdVariable)
	if dir == "" {
		os.Exit(m.Run())
	}
	lock, err := State{Dir: dir}.HoldSupervisor()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("held")
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = lock.Close()
}

func TestSupervisorPIDIsTheHoldersWhileItLives(t *testing.T) {
	state := State{Dir: t.TempDir()}
	expect := func(want int) {
		t.Helper()
		if got, err := state.SupervisorPID(); err != nil || got != want {
			t.Fatalf("SupervisorPID = %d, %v; want %d", got, err, want)
		}
	}
	expect(0)
	holder := exec.Command(os.Args[0])
	holder.Env = append(os.Environ(), holdVariable+"="+state.Dir)
	stdin, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "held\n" {
		t.Fatalf("holder says %q, %v", line, err)
	}
	expect(holder.Process.Pid)
	if err := stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := holder.Wait(); err != nil {
		t.Fatal(err)
	}
	expect(0)
}

func TestLockWaitsForTheOtherHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "directory", "lock")
	first, err := Lock(t.Context(), path, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Lock(ctx, path, io.Discard); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("second Lock: %v, want the end of its context", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := Lock(t.Context(), path, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
}
