// SPDX-License-Identifier: Apache-2.0

package fs

import (
	"context"
	"encoding/hex"
	"errors"
	"sync"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
)

type checksumOptions struct {
	files.Args
	files.TreeFlags
	recursive bool
	nul       bool
	diff      bool
}

// Checksum is a line of "fs checksum -o json".
type Checksum struct {
	output.TypeMeta
	// Pod is there where several pods are looked into.
	Pod string `json:"pod,omitempty"`
	output.PathText
	SHA256 string `json:"sha256"`
}

func newChecksumCommand(deps *cli.Deps) *cobra.Command {
	opts := &checksumOptions{}
	cmd := &cobra.Command{
		Use:   "checksum POD [PID] PATH",
		Short: "Print SHA-256 checksums of files",
		Long: `Print the SHA-256 checksum of a regular file, or with -R of those below a
directory, like sha256sum. The helper computes them, so no file is transferred.
Links are not followed, except PATH itself. With -0 the output is that of
sha256sum -z. -o json prints one object per line (kind Checksum).

Use it to check that a file is the one that you built, or the same in two
places.

With --all-pods each line begins with its pod. --diff prints only the files that
are not the same in all pods, with a column for each pod: the start of the
checksum (-o json: one document, kind DifferenceList, with all of it).`,
		Example: `  kubectl shareproc fs checksum nginx /usr/sbin/nginx

  # find the replica that differs
  kubectl shareproc fs checksum deploy/web /etc/nginx -R --all-pods --diff`,
		Args: cli.PodFirst(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.Parse(cmd, args, 1); err != nil {
				return err
			}
			if err := opts.CheckTree(cmd); err != nil {
				return err
			}
			switch help := cmd.CommandPath() + " --help"; {
			case opts.nul && opts.JSON():
				return cli.Usage(help, "-0 and -o json are mutually exclusive")
			case opts.nul && opts.diff:
				return cli.Usage(help, "-0 and --diff are mutually exclusive")
			case opts.diff && !opts.AllPods:
				return cli.Usage(help, "--diff needs --all-pods")
			}
			return runChecksum(cmd.Context(), deps, opts)
		},
	}
	opts.Add(cmd.Flags())
	opts.AddTree(cmd.Flags())
	opts.AddPods(cmd.Flags(), "Look into")
	cmd.Flags().BoolVar(&opts.diff, "diff", false, "With --all-pods: print a column for each pod, and only the files that differ")
	cmd.Flags().BoolVarP(&opts.recursive, "recursive", "R", false, "Include all files below a directory")
	cmd.Flags().BoolVarP(&opts.nul, "null", "0", false, "Print unescaped paths, and end lines with NUL")
	opts.AddOutput(cmd, "json: one object per line")
	return cmd
}

func runChecksum(ctx context.Context, deps *cli.Deps, opts *checksumOptions) (err error) {
	out := deps.Report.Lines()
	defer out.Close(&err)
	var mu sync.Mutex
	sums := map[string]map[string]string{}
	options := rootfs.SumOptions{TreeOptions: opts.Options(), Recursive: opts.recursive}
	err = files.EachPlace(ctx, deps, &opts.Args, func(ctx context.Context, in files.Place) error {
		own := map[string]string{}
		_, err := rootfs.Sum(ctx, in.Root, in.Path, options, func(path string, sum [32]byte) error {
			text := hex.EncodeToString(sum[:])
			switch {
			case opts.diff:
				own[path] = text
				return nil
			case opts.JSON():
				return out.Object(Checksum{output.NewTypeMeta("Checksum"), in.Pod, output.NewPathText(path), text})
			}
			return out.Print(inFront(in.Pod, "  ") + text + "  " + pathLine(path, opts.nul))
		})
		mu.Lock()
		defer mu.Unlock()
		// One that could be read in part only would differ from all others in what is missing.
		if err == nil {
			sums[in.Pod] = own
		}
		return err
	})
	if !opts.diff || len(sums) == 0 {
		return err
	}
	return errors.Join(inspect.PrintDifferences(deps, inspect.Differences(sums), opts.Output, shortSum), err)
}

// shortSum is enough of a checksum to tell it from others by eye.
func shortSum(sum string) string { return sum[:min(len(sum), 12)] }

// inFront is the pod's name in front of a line; "" for one pod.
func inFront(pod, between string) string {
	if pod == "" {
		return ""
	}
	return pod + between
}

// pathLine is a path and the end of a line, in one piece: several pods print at the same time.
func pathLine(path string, nul bool) string {
	if nul {
		return path + "\x00"
	}
	return remote.Escape(path) + "\n"
}
