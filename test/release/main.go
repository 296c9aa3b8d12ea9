// SPDX-License-Identifier: Apache-2.0

// Command release makes what a release consists of, from one commit and nothing else: an archive for each platform, their
// checksums and the krew manifest. The same commit and Go version give the same bytes on every machine. It publishes nothing.
//
//	go run ./test/release [-commit HEAD] [-out dist] [-platforms linux/amd64,...]
//	go run ./test/release -licences    updates docs/licences.md
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case err == nil:
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "interrupted")
		os.Exit(130)
	default:
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.SetOutput(stderr)
	commit := flags.String("commit", "HEAD", "the commit to release; what is not committed is left out")
	out := flags.String("out", "dist", "the directory to write to")
	only := flags.String("platforms", "", "OS/ARCH, separated by commas; all by default (then the krew manifest is written too)")
	licences := flags.Bool("licences", false, "update docs/licences.md and nothing else")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	platforms, err := choose(*only)
	if err != nil {
		return err
	}
	top, err := git(ctx, ".", "rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	if *licences {
		modules, err := thirdParties(ctx, top)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(top, licencesFile), licencesPage(modules), 0o644)
	}
	if dirty, err := git(ctx, top, "status", "--porcelain"); err == nil && dirty != "" {
		fmt.Fprintf(stderr, "left out what is not committed: %s\n", strings.Join(strings.Fields(dirty), " "))
	}
	return snapshot(ctx, top, *commit, *out, platforms, stdout)
}
