// SPDX-License-Identifier: Apache-2.0

// Command kubectl-shareproc is the kubectl plugin "kubectl shareproc": streams, signals and the exit
// code. Everything else is in pkg/plugin.
package main

import (
	"context"
	"os"

	"github.com/moby/term"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // every way of logging in that kubectl has

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
)

func main() {
	os.Exit(run())
}

func run() int {
	ctx, stop := cli.NotifyContext(context.Background())
	defer stop()
	in, out, errOut := term.StdStreams()
	streams := genericiooptions.IOStreams{In: in, Out: out, ErrOut: errOut}
	return plugin.Main(ctx, cli.NewDeps(streams, os.Getenv), plugin.Arguments(os.Args))
}
