// SPDX-License-Identifier: Apache-2.0

package ss

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

// A ConnectionCheck is the document of --to: what a connection from inside the pod goes through.
type ConnectionCheck struct {
	output.TypeMeta
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	Container string `json:"container"`
	Host      string `json:"host"`
	Port      uint16 `json:"port"`
	// Works says that the address was found and connected to, and that a certificate that was shown is good for it.
	Works    bool          `json:"works"`
	Resolver proc.Resolver `json:"resolver"`
	Steps    []Step        `json:"steps"`
	TLS      *TLS          `json:"tls,omitempty"`
}

// A Step is one question on the way.
type Step struct {
	// Step is hosts, dns or connect.
	Step string `json:"step"`
	// Name is what was asked for, and Server who was asked.
	Name   string `json:"name"`
	Server string `json:"server,omitempty"`
	// Result is found, notFound, noAnswer, skipped, connected or failed.
	Result    string   `json:"result"`
	Addresses []string `json:"addresses,omitempty"`
	Detail    string   `json:"detail,omitempty"`
	// Milliseconds include the way to the helper where a name server was asked.
	Milliseconds int64 `json:"milliseconds"`
}

// maxAddresses is how many addresses of a name are tried.
const maxAddresses = 3

func runTo(cmd *cobra.Command, deps *cli.Deps, opts *options) error {
	host, port, err := parseTo(opts.to)
	if err != nil {
		return err
	}
	c, err := checkConnection(cmd.Context(), deps, opts, host, port)
	if err != nil {
		return err
	}
	if output.IsDocument(opts.Output) {
		err = output.PrintObject(deps.Streams.Out, opts.Output, c)
	} else {
		err = printCheck(deps, c, !opts.NoHeaders)
	}
	if err == nil && !c.Works {
		return cli.CommandExit{Code: cli.ExitError}
	}
	return err
}

// parseTo reads HOST:PORT. A host is an address, in brackets where it is of IPv6, or a name.
func parseTo(text string) (host string, port uint16, err error) {
	host, number, err := net.SplitHostPort(text)
	n, notNumber := strconv.ParseUint(number, 10, 16)
	_, notAddress := netip.ParseAddr(host)
	if err != nil || notNumber != nil || n == 0 || notAddress != nil && !proc.ValidHost(host) {
		return "", 0, cli.Usage("--to example.com:443", "--to %q: not HOST:PORT", text)
	}
	return host, uint16(n), nil
}

// A checker is a check under way.
type checker struct {
	ConnectionCheck
	session *session.Session
	root    *rootfs.Root
	limit   time.Duration
	now     func() time.Time
	// silent are servers that did not answer: a second question would only take as long.
	silent map[string]bool
}

func checkConnection(ctx context.Context, deps *cli.Deps, opts *options, host string, port uint16) (check ConnectionCheck, err error) {
	s, err := cli.Open(ctx, deps, opts.Pod, &opts.HelperFlags, session.Request{Access: podspec.ReadRoot, AnyProcess: opts.PID != 0}, 0)
	if err != nil {
		return check, err
	}
	defer s.CloseInto(ctx, &err)
	root, err := s.Dial(ctx, opts.PID)
	if err != nil {
		return check, err
	}
	defer func() { _ = root.Close() }() // what it had to say it has said
	c := &checker{session: s, root: root, limit: opts.connectTimeout, now: deps.Now, silent: map[string]bool{}, ConnectionCheck: ConnectionCheck{
		TypeMeta: output.NewTypeMeta("ConnectionCheck"), Namespace: s.Namespace, Pod: s.Pod, Container: s.Target.Container,
		Host: host, Port: port, Steps: []Step{},
	}}
	addresses, err := c.resolve(ctx)
	if err != nil || len(addresses) == 0 {
		return c.ConnectionCheck, err
	}
	conn, err := c.connect(ctx, addresses)
	if err != nil || conn == nil {
		return c.ConnectionCheck, err
	}
	defer func() { _ = conn.Close() }()
	c.TLS = c.handshake(ctx, conn)
	c.Works = len(c.TLS.Problems) == 0 && c.TLS.Error == ""
	return c.ConnectionCheck, nil
}

// maxText is how much of a file of the target is read: bundles of authorities have a few hundred KiB.
const maxText = 8 << 20

// text reads a file of the target; "" where there is none that can be read.
func (c *checker) text(ctx context.Context, name string) string {
	f, err := rootfs.FS(ctx, c.root).Open(name)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxText))
	if err != nil {
		return ""
	}
	return string(text)
}

// resolve finds the addresses of the host as the C library would: in /etc/hosts, then by the name servers.
func (c *checker) resolve(ctx context.Context) ([]netip.Addr, error) {
	c.Resolver = proc.ParseResolver(c.text(ctx, "etc/resolv.conf"))
	if address, err := netip.ParseAddr(c.Host); err == nil {
		return []netip.Addr{address}, nil
	}
	step := Step{Step: "hosts", Name: c.Host, Server: "/etc/hosts", Result: "notFound"}
	if step.Addresses = proc.HostsAddresses(c.text(ctx, "etc/hosts"), c.Host); len(step.Addresses) > 0 {
		step.Result = "found"
	}
	c.Steps = append(c.Steps, step)
	if len(step.Addresses) > 0 {
		return parsed(step.Addresses), nil
	}
	if len(c.Resolver.Nameservers) == 0 {
		c.Steps = append(c.Steps, Step{Step: "dns", Name: c.Host, Result: "skipped", Detail: "no name server in /etc/resolv.conf of the container"})
		return nil, ctx.Err()
	}
	host := process.On(c.root.Conn())
	for _, name := range c.Resolver.Questions(c.Host) {
		for _, server := range c.Resolver.Nameservers {
			step, err := c.ask(ctx, host, server, name)
			if err != nil {
				return nil, err
			}
			c.Steps = append(c.Steps, step)
			if len(step.Addresses) > 0 {
				return parsed(step.Addresses), nil
			}
			if step.Result == "notFound" {
				break // another server would say the same
			}
		}
	}
	return nil, nil
}

// ask asks one server for one name.
func (c *checker) ask(ctx context.Context, host *process.Host, server, name string) (Step, error) {
	step := Step{Step: "dns", Name: name, Server: server}
	address, err := netip.ParseAddr(server)
	if err != nil || c.silent[server] {
		step.Result, step.Detail = "skipped", "it has not answered before"
		return step, nil
	}
	start := time.Now()
	text, answered, err := host.Lookup(ctx, address, name, c.limit)
	if err != nil {
		return step, err
	}
	step.Milliseconds = time.Since(start).Milliseconds()
	addresses, code := proc.LookupAddresses(text)
	step.Addresses = addresses
	switch {
	case len(addresses) > 0:
		step.Result = "found"
	case code != "":
		step.Result, step.Detail = "notFound", code
	case answered:
		step.Result, step.Detail = "notFound", "no address"
	default:
		c.silent[server] = true
		step.Result, step.Detail = "noAnswer", fmt.Sprintf("no answer within %s", c.limit)
	}
	return step, nil
}

func parsed(texts []string) (list []netip.Addr) {
	for _, text := range texts {
		if address, err := netip.ParseAddr(text); err == nil {
			list = append(list, address)
		}
	}
	return list
}

// connect tries the addresses, the first ones. A nil connection is one that none of them has given.
func (c *checker) connect(ctx context.Context, addresses []netip.Addr) (net.Conn, error) {
	for _, address := range addresses[:min(len(addresses), maxAddresses)] {
		to := netip.AddrPortFrom(address, c.Port)
		step := Step{Step: "connect", Name: to.String(), Result: "connected"}
		// TLS gets its own time on top.
		conn, took, err := remote.Tunnel(ctx, c.session.Runner(), to, c.limit, 2*c.limit+tunnelStart)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		step.Milliseconds = took.Milliseconds()
		if err != nil && !errors.Is(err, remote.ErrNotConnected) {
			return nil, fmt.Errorf("connect to %s from pod/%s: %w", to, c.Pod, err)
		}
		if err != nil {
			step.Result = "failed"
			step.Detail = cmp.Or(strings.TrimPrefix(err.Error(), remote.ErrNotConnected.Error()+": "), "no answer")
		}
		c.Steps = append(c.Steps, step)
		if err == nil {
			return conn, nil
		}
	}
	return nil, nil
}

// tunnelStart is how long the command that carries the connection may take to begin.
const tunnelStart = 10 * time.Second
