// SPDX-License-Identifier: Apache-2.0

package fs

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
)

type grepOptions struct {
	files.Args
	files.TreeFlags
	pattern    string
	recursive  bool
	ignoreCase bool
	fixed      bool
	extended   bool
	filesOnly  bool
	lineNumber bool
	noPath     bool
	silent     bool
	nul        bool
}

// Match is a line of "fs grep -o json".
type Match struct {
	output.TypeMeta
	// Pod is there where several pods are looked into.
	Pod string `json:"pod,omitempty"`
	output.PathText
	Line int    `json:"line,omitempty"`
	Text string `json:"text,omitempty"`
	// TextBytes is the text in base64 where it is not UTF-8, which JSON can't hold.
	TextBytes []byte `json:"textBytes,omitempty"`
	// Cut says that the line goes on.
	Cut bool `json:"truncated,omitempty"`
}

func newGrepCommand(deps *cli.Deps) *cobra.Command {
	opts := &grepOptions{}
	cmd := &cobra.Command{
		Use:   "grep PATTERN POD [PID] [PATH]",
		Short: "Print the lines of files that match a pattern",
		Long: `Print the lines that match PATTERN, a basic regular expression, in a text file
or with -r in the files below a directory. The helper searches, so no file is
transferred. Files with a NUL in their first 32 KiB are skipped, links are not
followed (except PATH itself), and letters are bytes. Control characters in
lines are escaped; with -0 the path is followed by NUL, and path and line are
unescaped. -o json prints one object per line (kind Match). With --all-pods each
line begins with its pod and a colon.

Use it to look for a setting or a message without copying the files first.

The exit code is that of grep: 0 if something matched, 1 if nothing did, 2 after
an error. So are -n, -l, -h and -q: for kubectl's use --namespace, --selector,
--help and --quiet.`,
		Example: `  kubectl shareproc fs grep worker_processes nginx /etc/nginx/nginx.conf
  kubectl shareproc fs grep -rni 'listen.*80' nginx /etc
  kubectl shareproc fs grep worker_processes deploy/web /etc/nginx/nginx.conf --all-pods`,
		Args: orHelp(patternAndPod),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.pattern = args[0]
			if err := opts.Parse(cmd, args[1:], 1); err != nil {
				return err
			}
			if err := opts.CheckTree(cmd); err != nil {
				return err
			}
			switch {
			case opts.fixed && opts.extended:
				return cli.Usage(cmd.CommandPath()+" --help", "-F and -E are mutually exclusive")
			case opts.nul && opts.JSON():
				return cli.Usage(cmd.CommandPath()+" --help", "-0 and -o json are mutually exclusive")
			}
			return runGrep(cmd.Context(), deps, opts)
		},
	}
	opts.Add(cmd.Flags())
	opts.AddTree(cmd.Flags())
	opts.AddPods(cmd.Flags(), "Search")
	flags := cmd.Flags()
	flags.BoolVarP(&opts.recursive, "recursive", "r", false, "Search directories recursively")
	flags.BoolVarP(&opts.ignoreCase, "ignore-case", "i", false, "Ignore case (ASCII)")
	flags.BoolVarP(&opts.fixed, "fixed-strings", "F", false, "PATTERN is plain text")
	flags.BoolVarP(&opts.extended, "extended-regexp", "E", false, "PATTERN is an extended regular expression")
	flags.BoolVarP(&opts.filesOnly, "files-with-matches", "l", false, "Print only the paths of matching files")
	flags.BoolVarP(&opts.lineNumber, "line-number", "n", false, "Prefix lines with line numbers")
	flags.BoolVarP(&opts.noPath, "no-filename", "h", false, "With -r: print lines without their paths")
	flags.BoolVarP(&opts.silent, "silent", "q", false, "Print nothing; the exit code says whether a line matched")
	flags.Bool("help", false, "help for grep")
	cli.SpellOut(deps, flags, "namespace", "quiet", "v")
	flags.BoolVarP(&opts.nul, "null", "0", false, "Print unescaped paths and lines, each path followed by NUL")
	opts.AddOutput(cmd, "json: one object per line")
	return cmd
}

// patternAndPod takes PATTERN and what the other verbs take.
func patternAndPod(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cli.Usage(cmd.CommandPath()+" PATTERN POD [PID] [PATH]", "a pattern and a pod name are required")
	}
	return cli.PodFirst(3)(cmd, args[1:])
}

func runGrep(ctx context.Context, deps *cli.Deps, opts *grepOptions) error {
	var matched atomic.Bool
	err := grepAll(ctx, deps, opts, &matched)
	switch {
	case err != nil:
		return cli.AsGrepError(err)
	case !matched.Load():
		return cli.CommandExit{Code: cli.ExitError}
	}
	return nil
}

func grepAll(ctx context.Context, deps *cli.Deps, opts *grepOptions, matched *atomic.Bool) (err error) {
	out := deps.Report.Lines()
	defer out.Close(&err)
	grep := rootfs.GrepOptions{
		TreeOptions: opts.Options(), Pattern: opts.pattern, IgnoreCase: opts.ignoreCase, Fixed: opts.fixed,
		Extended: opts.extended, Recursive: opts.recursive, FilesOnly: opts.filesOnly,
	}
	return files.EachPlace(ctx, deps, &opts.Args, func(ctx context.Context, in files.Place) error {
		_, err := rootfs.Grep(ctx, in.Root, in.Path, grep, func(m rootfs.Match) error {
			matched.Store(true)
			switch {
			case opts.silent:
				return nil
			case opts.JSON():
				return out.Object(newMatchLine(in.Pod, m))
			}
			return out.Print(inFront(in.Pod, ":") + opts.line(m))
		})
		if errors.Is(err, remote.ErrPattern) {
			return hint.With(fmt.Errorf("read pattern %q: %w", opts.pattern, remote.ErrPattern), "add -F if the pattern is plain text")
		}
		return err
	})
}

func newMatchLine(pod string, m rootfs.Match) Match {
	line := Match{TypeMeta: output.NewTypeMeta("Match"), Pod: pod, PathText: output.NewPathText(m.Path), Line: m.Line, Text: m.Text, Cut: m.Cut}
	if !utf8.ValidString(m.Text) {
		line.TextBytes = []byte(m.Text)
	}
	return line
}

// line is a match as grep prints it: [PATH:][NUMBER:]TEXT.
func (o *grepOptions) line(m rootfs.Match) string {
	path, text := remote.Escape(m.Path), files.Printable(m.Text)
	if o.nul {
		path, text = m.Path, m.Text
	}
	switch {
	case o.filesOnly && o.nul:
		return path + "\x00"
	case o.filesOnly:
		return path + "\n"
	}
	if o.lineNumber {
		text = strconv.Itoa(m.Line) + ":" + text
	}
	switch {
	case o.noPath:
		return text + "\n"
	case o.nul:
		return path + "\x00" + text + "\n"
	case o.recursive:
		return path + ":" + text + "\n"
	}
	return text + "\n"
}
