// SPDX-License-Identifier: Apache-2.0

// Command cluster runs a real Kubernetes of one node on this machine, for tests and demonstrations: built from source,
// on loopback, in namespaces of its own, with all its state in one directory. It never reads KUBECONFIG and it knows nothing
// of the plugin that is tested on it.
//
//	go run ./test/cluster up [--kubernetes=1.30]
//	go run ./test/cluster status [-o json | --kubeconfig]
//	go run ./test/cluster load IMAGE…
//	go run ./test/cluster down
//	go run ./test/cluster up --node=vm
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

const usage = `usage: cluster COMMAND

  up                       start the cluster of this checkout; harmless when it runs
  down                     end it and remove all that it left
  status                   say where it is; exit code 1 when it does not run
         -o json             the same for programs
         --kubeconfig        the path of its kubeconfig only
         --bin               the path of its binaries only (kubectl is one of them)
  load IMAGE…              put images (docker or OCI archives) into it

  --kubernetes=1.30        with each command: a cluster of another version, beside the others (1.30, 1.34; else 1.37)
  --node=vm                with each command: a cluster whose node is a virtual machine with cgroup v2, beside the others; exit
                           code 3 where it can't be run

  SHAREPROC_CLUSTER_NAME   names the cluster; one per checkout otherwise
  SHAREPROC_CLUSTER_CACHE  moves the directory with binaries, images and state
`

// lack is an error that says what this computer can't do.
type lack interface {
	error
	Lacks() bool
}

// usageError is a command line that can't be understood.
type usageError string

func (e usageError) Error() string { return string(e) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	var wrong usageError
	switch {
	case err == nil:
	case errors.As(err, &wrong):
		fmt.Fprintf(os.Stderr, "error: %v\n\n%s", err, usage)
		os.Exit(2)
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "interrupted")
		os.Exit(130)
	case errors.As(err, new(lack)):
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(3)
	default:
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(1)
	}
}
