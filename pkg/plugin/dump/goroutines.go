// SPDX-License-Identifier: Apache-2.0

package dump

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

const (
	// dumpTime bounds one answer, silentTime how long nothing may come of it, and connectTime how long a port may take.
	dumpTime    = time.Minute
	silentTime  = 10 * time.Second
	connectTime = 5 * time.Second
	// maxDump is more than pprof gives: it cuts the text at 64 MiB.
	maxDump = 80 << 20
	// maxPorts is how many addresses are asked.
	maxPorts = 16
)

// dumpGoroutines asks each address at which the process listens, until one answers as pprof does.
func dumpGoroutines(ctx context.Context, deps *cli.Deps, l *inspect.Look, opts *options, out io.Writer) error {
	p := asked(l, opts)
	about := fmt.Sprintf("dump goroutines of process %d (%s) in pod/%s", p.PID, remote.Escape(p.Name), l.Pod)
	addresses, err := candidates(ctx, l, opts, p)
	if err != nil {
		return err
	}
	const advice = "name its port with --port; a Go program serves pprof where it imports net/http/pprof and listens"
	if len(addresses) == 0 {
		return hint.With(fmt.Errorf("%s: it listens at no TCP port", about), advice)
	}
	var ports []string
	for i, address := range addresses {
		if i == maxPorts {
			deps.Report.Warn("note: it listens at %d addresses; only %d were asked", len(addresses), maxPorts)
			break
		}
		found, err := ask(ctx, l.Session, address, out)
		if found || err != nil {
			if err != nil {
				err = fmt.Errorf("%s: %w", about, err)
			}
			return err
		}
		if port := strconv.Itoa(int(address.Port())); !slices.Contains(ports, port) {
			ports = append(ports, port)
		}
	}
	return hint.With(fmt.Errorf("%s: no pprof at port %s", about, strings.Join(ports, ", ")), advice)
}

// candidates are the addresses to ask.
func candidates(ctx context.Context, l *inspect.Look, opts *options, p session.Process) ([]netip.AddrPort, error) {
	if opts.port != 0 {
		return proc.Reach(netip.AddrPortFrom(netip.IPv6Unspecified(), opts.port)), nil
	}
	if p.PID == 0 {
		return nil, fmt.Errorf("dump goroutines of container %s in pod/%s: no process of it runs", l.Target.Container, l.Pod)
	}
	pids := []int{p.PID}
	if opts.PID == 0 {
		pids = l.PIDs()
	}
	readings, err := l.Host.Inspect(ctx, pids, process.Text("net/tcp"), process.Text("net/tcp6"), process.Descriptors)
	if err != nil {
		return nil, err
	}
	own, known := ownSockets(readings, pids)
	if !known && l.Target.Pod.Spec.HostNetwork {
		return nil, hint.With(fmt.Errorf("dump goroutines of pod/%s: its open files are denied, and the pod has the node's network, in which others listen too", l.Pod),
			"name its port with --port")
	}
	var addresses []netip.AddrPort
	sockets, _ := proc.Sockets(readings, p.PID)
	for i := range sockets {
		if known && !own[sockets[i].Inode] {
			continue
		}
		for _, a := range sockets[i].Reach() {
			if !slices.Contains(addresses, a) {
				addresses = append(addresses, a)
			}
		}
	}
	return addresses, nil
}

// ownSockets are the sockets that processes have open, by inode; known is false where none of them shows its open files.
func ownSockets(readings process.Readings, pids []int) (own map[uint64]bool, known bool) {
	own = map[uint64]bool{}
	for _, pid := range pids {
		list, ok := readings.Descriptors(pid)
		known = known || ok
		for _, d := range list {
			number, isSocket := strings.CutPrefix(d.Link, "socket:[")
			if inode, err := strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 64); isSocket && err == nil {
				own[inode] = true
			}
		}
	}
	return own, known
}

// ask copies the answer of one address to out, if it is one of pprof's. It is asked from here, through the pod's network.
func ask(ctx context.Context, s *session.Session, address netip.AddrPort, out io.Writer) (found bool, err error) {
	whole := ctx
	ctx, cancel := context.WithTimeoutCause(whole, dumpTime, fmt.Errorf("no end after %s", dumpTime))
	defer cancel()
	silence := time.AfterFunc(silentTime, cancel)
	defer silence.Stop()
	var failed error
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, _, err := remote.Tunnel(ctx, s.Runner(), address, connectTime, dumpTime)
		if err != nil && !errors.Is(err, remote.ErrNotConnected) {
			failed = err
		}
		return conn, err
	}}
	defer transport.CloseIdleConnections()
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address.String()+"/debug/pprof/goroutine?debug=2", nil)
	if err != nil {
		return false, err
	}
	answer, err := transport.RoundTrip(ask)
	switch {
	case whole.Err() != nil:
		return false, context.Cause(whole)
	case failed != nil:
		return false, fmt.Errorf("port %d: %w", address.Port(), failed)
	case err != nil:
		return false, nil // nothing that speaks HTTP
	}
	defer func() { _ = answer.Body.Close() }() // it was read as far as it counts
	dump := &gate{out: out, heard: func() { silence.Reset(silentTime) }}
	_, err = io.Copy(dump, answer.Body)
	switch {
	case whole.Err() != nil:
		return dump.open, context.Cause(whole)
	case !dump.open:
		return false, nil
	case err != nil:
		return true, fmt.Errorf("port %d: %w", address.Port(), cmp.Or(dump.failed, err))
	}
	return true, nil
}

// A gate lets an answer through that begins as the stack of a goroutine does. Whoever answers is not trusted to end.
type gate struct {
	out   io.Writer
	heard func()
	begun []byte
	size  int64
	// open says that it is a dump.
	open   bool
	failed error
}

var errOther = errors.New("it is no dump of goroutines")

// Write fails where the answer is none, or too long.
func (g *gate) Write(b []byte) (int, error) {
	const head = "goroutine "
	g.heard()
	text := b
	if !g.open {
		g.begun = append(g.begun, b...)
		switch {
		case bytes.HasPrefix(g.begun, []byte(head)):
			g.open, text, g.begun = true, g.begun, nil
		case bytes.HasPrefix([]byte(head), g.begun):
			return len(b), nil
		default:
			return 0, errOther
		}
	}
	if g.size += int64(len(text)); g.size > maxDump {
		g.failed = fmt.Errorf("the answer is longer than %s", output.HumanBytes(maxDump))
	} else {
		_, g.failed = g.out.Write(text)
	}
	return len(b), g.failed
}
