// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

type grepOptions struct {
	fileArgs
	treeFlags
	pattern    string
	recursive  bool
	ignoreCase bool
	fixed      bool
	extended   bool
	filesOnly  bool
	lineNumber bool
	nul        bool
}

// matchLine is a line of "fs grep -o json".
type matchLine struct {
	typeMeta
	pathText
	Line int    `json:"line,omitempty"`
	Text string `json:"text,omitempty"`
	// TextBytes is the text in base64 where it is not UTF-8, which JSON can't hold.
	TextBytes []byte `json:"textBytes,omitempty"`
	// Cut says that the line goes on.
	Cut bool `json:"cut,omitempty"`
}

func newFSGrepCmd(f *Factory, run func(context.Context, *Factory, *grepOptions) error) *cobra.Command {
	opts := &grepOptions{}
	cmd := &cobra.Command{
		Use:   "grep PATTERN POD [PID] [PATH]",
		Short: "Print the lines of files that match a pattern",
		Long: `Print the lines that match PATTERN, a basic regular expression, in a text file or with -r in
those below a directory. The helper searches: the files stay where they are. Files with a
NUL in their first 32 KiB are left out, links are not followed (except PATH itself), and
letters are bytes. Control characters in lines are escaped; with -0 the path is followed
by a NUL, and path and line are as they are. -o json prints one object a line (kind Match).

Use it to look for a setting or a message without copying the files first.

The exit code is grep's: 0 where something matched, 1 where nothing did, 2 after an error.
-l and -n are kubectl's (labels, namespace): use the long names.`,
		Example: `  kubectl shareproc fs grep worker_processes nginx /etc/nginx/nginx.conf
  kubectl shareproc fs grep -r -i 'listen.*80' nginx /etc --line-number`,
		Args: patternAndPod,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.pattern = args[0]
			if err := opts.parse(cmd, args[1:], 1); err != nil {
				return err
			}
			if err := opts.checkTree(cmd); err != nil {
				return err
			}
			switch {
			case opts.fixed && opts.extended:
				return usage(cmd.CommandPath()+" --help", "-F and -E: one of them")
			case opts.nul && opts.json():
				return usage(cmd.CommandPath()+" --help", "-0: not with -o json")
			}
			return run(cmd.Context(), f, opts)
		},
	}
	opts.add(cmd.Flags())
	opts.addTree(cmd.Flags())
	flags := cmd.Flags()
	flags.BoolVarP(&opts.recursive, "recursive", "r", false, "The files below a directory")
	flags.BoolVarP(&opts.ignoreCase, "ignore-case", "i", false, "Letters (ASCII) in either case")
	flags.BoolVarP(&opts.fixed, "fixed-strings", "F", false, "PATTERN is plain text")
	flags.BoolVarP(&opts.extended, "extended-regexp", "E", false, "PATTERN is an extended regular expression")
	flags.BoolVar(&opts.filesOnly, "files-with-matches", false, "Print the paths of the files alone")
	flags.BoolVar(&opts.lineNumber, "line-number", false, "Print the numbers of the lines too")
	flags.BoolVarP(&opts.nul, "null", "0", false, "Paths and lines as they are, each path followed by a NUL")
	opts.addOutput(cmd, "json: one object a line")
	return cmd
}

// patternAndPod takes PATTERN and what the other verbs take.
func patternAndPod(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usage(cmd.CommandPath()+" PATTERN POD [PID] [PATH]", "name a pattern and a pod")
	}
	return podFirst(3)(cmd, args[1:])
}

func runFSGrep(ctx context.Context, f *Factory, opts *grepOptions) error {
	matched := false
	err := f.useRoot(ctx, &opts.fileArgs, func(_ *room, root *remote.Root) error { return f.fsGrep(ctx, root, opts, &matched) })
	switch {
	case err != nil:
		return asGrepError(err)
	case !matched:
		return remoteError{code: exitError}
	}
	return nil
}

func (f *Factory) fsGrep(ctx context.Context, root *remote.Root, opts *grepOptions, matched *bool) (err error) {
	out := f.Report.Lines()
	defer out.close(&err)
	grep := remote.GrepOptions{
		TreeOptions: opts.options(), Pattern: opts.pattern, IgnoreCase: opts.ignoreCase, Fixed: opts.fixed,
		Extended: opts.extended, Recursive: opts.recursive, FilesOnly: opts.filesOnly,
	}
	_, err = root.Grep(ctx, opts.path(), grep, func(m remote.Match) error {
		*matched = true
		if opts.json() {
			return out.object(newMatchLine(m))
		}
		return out.print(opts.line(m))
	})
	if errors.Is(err, remote.ErrPattern) {
		return hint.With(fmt.Errorf("read pattern %q: %w", opts.pattern, remote.ErrPattern), "-F, if it is plain text")
	}
	return err
}

func newMatchLine(m remote.Match) matchLine {
	line := matchLine{typeMeta: kind("Match"), pathText: newPathText(m.Path), Line: m.Line, Text: m.Text, Cut: m.Cut}
	if !utf8.ValidString(m.Text) {
		line.TextBytes = []byte(m.Text)
	}
	return line
}

// line is a match as grep prints it: [PATH:][NUMBER:]TEXT.
func (o *grepOptions) line(m remote.Match) string {
	path, text := remote.Escape(m.Path), printable(m.Text)
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
	case o.nul:
		return path + "\x00" + text + "\n"
	case o.recursive:
		return path + ":" + text + "\n"
	}
	return text + "\n"
}

// printable makes a line fit for a terminal, and leaves its tabs and backslashes.
func printable(line string) string {
	parts := strings.Split(line, "\t")
	for i, part := range parts {
		parts[i] = clean(part)
	}
	return strings.Join(parts, "\t")
}
