// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// tools are the names under which this program waits to be executed.
func tools() []string {
	return strings.Fields("ash awk busybox cat chmod chown chroot cp cut dd env find grep head id kill ls mkdir mv od printf ps readlink " +
		"rm sed seq setsid sh sha1sum sha256sum sleep sort stat sync tail tar tee test timeout touch tr true wc xargs")
}

// disguise links this program under the tools' names.
func disguise(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, tool := range tools() {
		if err := os.Link(filepath.Join(home, name), filepath.Join(dir, tool)); err != nil {
			return err
		}
	}
	return nil
}

// impostor is this program where it was executed in the place of a tool. It writes down with which rights.
func impostor(called string, args []string, out io.Writer) int {
	status, _ := os.ReadFile("/proc/self/status")
	rights := ""
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "CapEff") || strings.HasPrefix(line, "NoNewPrivs") {
			rights += " " + strings.Join(strings.Fields(line), "")
		}
	}
	for _, path := range []string{home + "/executed", "/executed"} {
		if file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666); err == nil {
			fmt.Fprintf(file, "executed as %s by user %d%s\n", called, os.Geteuid(), rights)
			_ = file.Close()
			break
		}
	}
	fmt.Fprintln(out, "hello from the program of the target")
	if len(args) > 1 && strings.HasPrefix(args[1], "exit ") { // a shell that is tried out
		code, _ := strconv.Atoi(strings.TrimPrefix(args[1], "exit "))
		return code
	}
	return 0
}

// userNamespace runs in a user and mount namespace of its own (unshare -U -r -m), and puts its own programs over
// /proc/N of whoever executes tools by a path that leads through there.
func userNamespace(out io.Writer) error {
	fake := filepath.Join(home, "fake")
	if err := disguise(fake + "/root/bin"); err != nil {
		return err
	}
	fmt.Fprintln(out, "ready")
	covered := map[int]bool{}
	for {
		for _, pid := range pids() {
			line, _ := os.ReadFile("/proc/" + pid + "/cmdline")
			outer := 0
			if n, _ := fmt.Sscanf(string(line), "/proc/%d/root/", &outer); n == 1 && !covered[outer] {
				err := unix.Mount(fake, "/proc/"+strconv.Itoa(outer), "", unix.MS_BIND, "")
				covered[outer] = err == nil
				fmt.Fprintln(out, "mounted over", outer, err)
			}
		}
	}
}

// fakeRoot makes itself a root of plain directories, in which every process seems to have the tools that this program is.
func fakeRoot(out io.Writer) error {
	fake := filepath.Join(home, "fake")
	err := errors.Join(disguise(fake+"/p/root/bin"), os.MkdirAll(fake+"/proc", 0o755), os.MkdirAll(fake+"/dev", 0o755))
	for pid := 1; err == nil && pid < 5000; pid++ {
		err = os.Symlink("../p", fake+"/proc/"+strconv.Itoa(pid))
	}
	if err := errors.Join(err, unix.Chroot(fake), os.Chdir("/")); err != nil {
		return err
	}
	fmt.Fprintln(out, "ready")
	return unix.Pause()
}

// named is "COMM [ARG]...": it takes a name that looks like the beginning of another line of /proc/PID/stat.
func named(args []string, done <-chan struct{}, out io.Writer) error {
	if len(args) == 0 {
		return errors.New("usage: named COMM [ARG]")
	}
	if err := os.WriteFile("/proc/self/comm", []byte(args[0]), 0); err != nil {
		return err
	}
	fmt.Fprintln(out, "ready")
	<-done
	return nil
}

// daemon is "UID GID FIFO": it gives up root without exec, so that only CAP_SYS_PTRACE opens its root, and takes orders,
// lines of words separated by tabs, from a FIFO. "stop" ends what it does.
func daemon(args []string, out io.Writer) error {
	if len(args) != 3 {
		return errors.New("usage: daemon UID GID FIFO")
	}
	uid, err1 := strconv.Atoi(args[0])
	gid, err2 := strconv.Atoi(args[1])
	// For reading and writing, so that it never ends.
	orders, err3 := os.OpenFile(args[2], os.O_RDWR, 0)
	if err := errors.Join(err1, err2, err3, syscall.Setgroups(nil), syscall.Setgid(gid), syscall.Setuid(uid)); err != nil {
		return err
	}
	fmt.Fprintln(out, "daemon")
	done := make(chan struct{})
	for lines := bufio.NewScanner(orders); lines.Scan(); {
		words := strings.Split(lines.Text(), "\t")
		if words[0] == "stop" {
			close(done)
			done = make(chan struct{})
			continue
		}
		do, ok := attacks()[words[0]]
		if !ok {
			fmt.Fprintln(out, "no attack", words)
			continue
		}
		go func(done <-chan struct{}) {
			if err := do(slices.Clone(words[1:]), done, out); err != nil {
				fmt.Fprintln(out, err)
			}
			fmt.Fprintln(out, "stopped")
		}(done)
	}
	return errors.New("no more orders")
}
