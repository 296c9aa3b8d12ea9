// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// pids are the processes that this one sees, itself and the pod's first left out.
func pids() []string {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer func() { _ = dir.Close() }()
	names, _ := dir.Readdirnames(-1)
	own := strconv.Itoa(os.Getpid())
	var found []string
	for _, name := range names {
		if name[0] >= '0' && name[0] <= '9' && name != own && name != "1" {
			found = append(found, name)
		}
	}
	return found
}

// spyCmdline prints each command line that has one of the words in it, once.
func spyCmdline(words []string, done <-chan struct{}, out io.Writer) error {
	seen := map[string]bool{}
	fmt.Fprintln(out, "ready")
	for !over(done) {
		for _, pid := range pids() {
			line, _ := os.ReadFile("/proc/" + pid + "/cmdline")
			text := strconv.Quote(string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
			for _, word := range words {
				if strings.Contains(text, word) && !seen[text] {
					seen[text] = true
					fmt.Fprintln(out, text)
				}
			}
		}
	}
	return nil
}

// spyEnviron prints each variable of any process that lets it be read, once.
func spyEnviron(_ []string, done <-chan struct{}, out io.Writer) error {
	seen := map[string]bool{}
	fmt.Fprintln(out, "ready")
	for !over(done) {
		for _, pid := range pids() {
			text, _ := os.ReadFile("/proc/" + pid + "/environ")
			for variable := range strings.SplitSeq(string(text), "\x00") {
				if variable != "" && !seen[variable] {
					seen[variable] = true
					fmt.Fprintln(out, strconv.Quote(variable))
				}
			}
		}
	}
	return nil
}

// processes prints number, state and command line of each process, or its name where it has none.
func processes(out io.Writer) error {
	for _, pid := range append(pids(), "1") {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil {
			continue
		}
		// The name may hold anything, a parenthesis too.
		comm, rest := string(stat), ""
		if end := strings.LastIndexByte(comm, ')'); end >= 0 {
			comm, rest = comm[strings.IndexByte(comm, '(')+1:end], comm[end+1:]
		}
		state, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
		line, _ := os.ReadFile("/proc/" + pid + "/cmdline")
		text := strings.TrimSpace(string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
		if text == "" {
			text = "[" + comm + "]"
		}
		fmt.Fprintf(out, "%s\t%s\t%s\n", pid, state, strconv.Quote(text))
	}
	return nil
}

// tree is "DIR N": it makes N small files there.
func tree(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: tree DIR N")
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	for i := range n {
		if i%1000 == 0 {
			if err := os.MkdirAll(filepath.Join(args[0], strconv.Itoa(i/1000)), 0o755); err != nil {
				return err
			}
		}
		text := fmt.Appendf(nil, "line of file %d\n", i)
		if err := os.WriteFile(filepath.Join(args[0], strconv.Itoa(i/1000), strconv.Itoa(i)), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
