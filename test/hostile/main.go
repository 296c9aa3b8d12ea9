// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Command hostile is what a target can do to whoever debugs it: it exchanges what is read or written, takes a name, puts
// its own programs where tools are looked for, and watches. End-to-end tests put it into a pod, where it needs no more
// rights than the pod has. It knows nothing of the plugin beyond how its temporary names begin.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// home is the directory that the tests mount for this program, and name is what it is called there: under any other name
// it was executed as somebody's tool.
const (
	home = "/hostile"
	name = "hostile"
)

// An attack runs until done is closed, and says in lines on out what it did.
type attack func(args []string, done <-chan struct{}, out io.Writer) error

// attacks are the subcommands that end with the standard input: "kubectl exec -i" is how a test starts and ends them.
func attacks() map[string]attack {
	return map[string]attack{
		"swap-file": swapFile, // DIR TARGET create|written|read|inside
		"swap-dir":  swapDir,  // DIR NAME TARGET
		"swap-fifo": swapFIFO, // DIR NAME
		"watch":     watch,    // DIR
		"named":     named,    // COMM ARG...
		"cmdline":   spyCmdline,
		"environ":   spyEnviron,
	}
}

// main runs one subcommand. The others need no end: they are a pod's first process, or end by themselves.
func main() {
	if called := filepath.Base(os.Args[0]); called != name {
		os.Exit(impostor(called, os.Args[1:], os.Stdout))
	}
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "hostile:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	if len(args) == 0 {
		return errors.New("name an attack")
	}
	switch words := args[1:]; args[0] {
	case "userns":
		return userNamespace(out)
	case "chroot-fake":
		return fakeRoot(out)
	case "daemon":
		return daemon(words, out)
	case "processes":
		return processes(out)
	case "tree":
		return tree(words)
	}
	do, ok := attacks()[args[0]]
	if !ok {
		return fmt.Errorf("no attack %q", args[0])
	}
	words := args[1:]
	reader := bufio.NewReader(in)
	if args[0] == "cmdline" {
		// The words that are looked for come on stdin: this program's own command line is not to have them.
		line, err := reader.ReadString('\n')
		if err != nil {
			return err
		}
		words = strings.Split(strings.TrimSuffix(line, "\n"), "\t")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(io.Discard, reader)
	}()
	return do(words, done, out)
}

// over reports whether done is closed.
func over(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}
