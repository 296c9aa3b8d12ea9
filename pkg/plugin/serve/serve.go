// SPDX-License-Identifier: Apache-2.0

// Package serve is the command fs serve: a container's files for a browser, and for whatever knows WebDAV. It writes nothing
// into a container, and opens nothing there that may block or act: pkg/remote/rootfs does not.
package serve

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

type options struct {
	files.Args
	port int
	idle time.Duration
}

// usualIdle is how long nobody asks before the server ends.
const usualIdle = 30 * time.Minute

// NewCommand returns the command fs serve.
func NewCommand(deps *cli.Deps) *cobra.Command {
	opts := &options{}
	cmd := &cobra.Command{
		Use:   "serve POD [PID] [PATH]",
		Short: "Open a container's files in a browser or file manager, read-only",
		Long: `Serve a directory of a container on this machine, read-only, over HTTP and
WebDAV, and print the URL: open it in a browser, or connect Finder, Explorer,
GNOME Files, KDE's Dolphin or rclone to it.

Use it to look at images, to play or search large files, and wherever a window
is nicer than a terminal.

The server listens on 127.0.0.1 only, and the URL has a secret in it: who knows
it sees the files. It ends with Ctrl-C (exit code 130), or when nobody has asked
for anything for as long as --idle says.

Files are streamed, ranges included. No script in them runs. Links are followed
inside the container. Kernel files (/proc, /sys), devices, pipes and sockets are
listed and not opened; over WebDAV they are left out.`,
		Example: `  # serve a directory until Ctrl-C (exit code 130)
  kubectl shareproc fs serve nginx /etc/nginx

  # at a fixed port, until nobody has asked for a second
  kubectl shareproc fs serve nginx --port 8089 --idle 1s`,
		Args: cli.PodFirst(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.Parse(cmd, args, 1); err != nil {
				return err
			}
			help := cmd.CommandPath() + " --help"
			switch {
			case opts.port < 0 || opts.port > 65535:
				return cli.Usage(help, "--port %d: must be from 1 to 65535, or 0 for any that is free", opts.port)
			case opts.idle < 0:
				return cli.Usage(help, "--idle %s: must not be negative", opts.idle)
			}
			return run(cmd.Context(), deps, opts)
		},
	}
	opts.Add(cmd.Flags())
	cmd.Flags().IntVar(&opts.port, "port", 0, "Port of 127.0.0.1 to listen on (0: any that is free)")
	cmd.Flags().DurationVar(&opts.idle, "idle", usualIdle, "End when nobody has asked for that long (0: never)")
	return cmd
}

// errIdle ends a server that nobody needs any more.
var errIdle = errors.New("nobody asks")

func run(ctx context.Context, deps *cli.Deps, opts *options) error {
	return files.UseRoot(ctx, deps, &opts.Args, func(s *session.Session, root *rootfs.Root) error {
		info, err := root.Stat(ctx, opts.Path(), true)
		switch {
		case err != nil:
			return err
		case !info.FileMode().IsDir():
			return &fs.PathError{Op: "open", Path: opts.Path(), Err: remote.ErrNotDirectory}
		case root.Kernel(info.Path):
			return hint.With(fmt.Errorf("serve %s of pod/%s: kernel files are not served", remote.Escape(info.Path), s.Pod),
				fmt.Sprintf("kubectl shareproc fs %s", s.Pod))
		}
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(opts.port)))
		if err != nil {
			return hint.With(fmt.Errorf("listen: %w", err), "use another --port, or none")
		}
		serving, end := context.WithCancelCause(ctx)
		defer end(nil)
		h := newHandler(serving, end, retrying{root}, info.Path, listener.Addr().String())
		h.title = "pod/" + s.Pod + ", container " + s.Target.Container
		h.uses = newUses(opts.idle, func() { end(errIdle) })
		fmt.Fprintln(deps.Streams.Out, h.url())
		until := "Ctrl-C"
		if opts.idle > 0 {
			until += ", or until nobody has asked for " + opts.idle.String()
		}
		deps.Report.Say("serving %s of process %d (%s) in pod/%s, read-only, until %s", info.Path, root.Process.PID, root.Process.Name, s.Pod, until)
		err = serve(serving, end, listener, h)
		if errors.Is(err, errIdle) {
			deps.Report.Say("nobody has asked for %s", opts.idle)
			return nil
		}
		return err
	})
}

// goodbye is how long requests that run have to end.
const goodbye = 2 * time.Second

// serve answers until ctx ends, and says why it did.
func serve(ctx context.Context, end context.CancelCauseFunc, listener net.Listener, h http.Handler) error {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: log.New(io.Discard, "", 0), // what a client did wrong is not the user's
	}
	group := crash.NewGroup(ctx)
	group.Go(func() { end(server.Serve(listener)) })
	<-ctx.Done()
	cause := context.Cause(ctx)
	leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
	defer cancel()
	if server.Shutdown(leaving) != nil {
		_ = server.Close() // they have had their time
	}
	group.Wait()
	return cause
}

// newToken is what nobody guesses.
func newToken() string { return strings.ToLower(rand.Text()) }
