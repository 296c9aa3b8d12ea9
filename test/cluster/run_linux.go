// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/build"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/layout"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/node"
)

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if inside, err := runInside(ctx, args, stdout); inside {
		return err
	}
	options, args, err := readOptions(args)
	if err != nil {
		return err
	}
	cluster, err := here(options, stdout, stderr)
	if err != nil {
		return err
	}
	command, rest := args[0], args[1:]
	switch command {
	case "up", "down":
		if len(rest) > 0 {
			return usageError(fmt.Sprintf("%s takes no arguments", command))
		}
		if err := privileged(); err != nil {
			return err
		}
		if command == "up" {
			return cluster.up(ctx)
		}
		return cluster.down(ctx)
	case "status":
		return cluster.status(ctx, rest)
	case "load":
		if len(rest) == 0 {
			return usageError("load takes the paths of image archives")
		}
		if err := privileged(); err != nil {
			return err
		}
		return cluster.load(ctx, rest)
	case "help", "-h", "--help":
		_, err := fmt.Fprint(stdout, usage)
		return err
	}
	return usageError(fmt.Sprintf("no such command: %s", command))
}

// options are what every command takes, wherever it stands.
type options struct {
	kubernetes string // the minor version
	inMachine  bool   // the node is a virtual machine
}

// readOptions takes the options out of a command line.
func readOptions(args []string) (options, []string, error) {
	o := options{kubernetes: build.Newest}
	rest := slices.DeleteFunc(slices.Clone(args), func(word string) bool {
		value, is := strings.CutPrefix(word, "--kubernetes=")
		if is {
			o.kubernetes = value
		}
		o.inMachine = o.inMachine || word == "--node=vm"
		return is || word == "--node=vm"
	})
	switch {
	case !slices.Contains(build.Versions(), o.kubernetes):
		return o, nil, usageError(fmt.Sprintf("no Kubernetes %s here: %s", o.kubernetes, strings.Join(build.Versions(), ", ")))
	case len(rest) == 0:
		return o, nil, usageError("no command given")
	}
	return o, rest, nil
}

// runInside runs the hidden commands by which the program becomes a part of the cluster.
func runInside(ctx context.Context, args []string, log io.Writer) (bool, error) {
	if len(args) == 0 {
		return false, nil
	}
	switch command := args[0]; command {
	case node.EnterCommand, node.SuperviseCommand:
		if len(args) != 3 {
			return true, usageError("internal command: wrong number of arguments")
		}
		state := layout.State{Dir: args[1], Name: filepath.Base(args[1])}
		if command == node.EnterCommand {
			return true, node.Enter(state, args[2])
		}
		return true, node.Supervise(ctx, state, args[2], log)
	case node.KubeletCommand:
		return true, node.EnterKubelet(args[1:])
	}
	return false, nil
}

func privileged() error {
	if os.Geteuid() != 0 {
		return errors.New("start cluster: it needs root (namespaces, mounts, cgroups): name another cluster instead (kind, minikube)")
	}
	return nil
}

// A cluster is that of this checkout, or the one that the environment names; one for each version of Kubernetes and kind of node.
type cluster struct {
	options
	cache  string
	state  layout.State
	data   io.Writer // what was asked for
	saying io.Writer // what goes on
}

func here(o options, data, saying io.Writer) (cluster, error) {
	cache, err := layout.Cache(os.Getenv)
	if err != nil {
		return cluster{}, err
	}
	dir, err := os.Getwd()
	if err != nil {
		return cluster{}, err
	}
	name, err := layout.Name(os.Getenv(layout.NameVariable), dir)
	if o.kubernetes != build.Newest {
		name += "-" + o.kubernetes
	}
	if o.inMachine {
		name += "-vm"
	}
	return cluster{options: o, cache: cache, state: layout.NewState(cache, name), data: data, saying: saying}, err
}
