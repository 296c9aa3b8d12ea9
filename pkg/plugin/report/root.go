// SPDX-License-Identifier: Apache-2.0

package report

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/report"
)

const (
	// walkTime bounds the search for changed files, and mostChanged how many are shown.
	walkTime    = 10 * time.Second
	mostChanged = 20
	// lookupTime is how long a name server may take.
	lookupTime = 2 * time.Second
	// maxText is how much of resolv.conf is read.
	maxText = 64 << 10
	// mostPorts is how many listening ports are asked for a certificate, and portTime how long each may take.
	mostPorts = 5
	portTime  = 2 * time.Second
)

// readFileSystems asks how full the mounts of the container are.
func readFileSystems(ctx context.Context, g *gathering) error {
	mounted, err := inspect.FileSystemsOf(ctx, g.Look, false)
	if err != nil {
		return err
	}
	g.raw("mountinfo", mounted.Text)
	g.report.Notes = append(g.report.Notes, mounted.Notes...)
	for _, m := range mounted.Items {
		if small(m.Point) {
			continue
		}
		unknown := report.Usage{Used: report.Unknown, Limit: report.Unknown}
		f := report.FileSystem{Mount: m.Point, Bytes: unknown, Inodes: unknown}
		if v := m.Volume; v != nil {
			f.Volume = v.Kind + " " + v.Name
		}
		if m.Err == nil {
			f.Bytes = report.Usage{Used: int64(m.Used), Limit: int64(m.Used + m.Available)}
			f.Inodes = report.Usage{Used: int64(m.UsedInodes), Limit: int64(m.Inodes)}
		}
		g.report.facts.FileSystems = append(g.report.facts.FileSystems, f)
	}
	return nil
}

// small reports whether a runtime or the kubelet mounts something there in every container that never fills.
func small(point string) bool {
	return point == "/dev" || strings.HasPrefix(point, "/var/run/secrets/") || strings.HasPrefix(point, "/run/secrets/")
}

// readRoot reads what is in the files of the container: links resolve inside it.
func readRoot(ctx context.Context, g *gathering) error {
	root, err := rootfs.RootOf(ctx, g.Host.Conn(), g.Where(0))
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		g.note("files of the container: %v", err)
		return nil
	}
	if err := g.readNames(ctx, root); err != nil {
		return err
	}
	if err := readMounted(ctx, g, root); err != nil {
		return err
	}
	return g.readChanged(ctx, root)
}

// readNames asks each name server of the container for the API server's own name.
func (g *gathering) readNames(ctx context.Context, root *rootfs.Root) error {
	text, err := readText(ctx, root, "/etc/resolv.conf", maxText)
	if err != nil {
		g.note("DNS was not tried: %v", err)
		return ctx.Err()
	}
	g.raw("resolv.conf", text)
	for _, server := range proc.ParseResolver(text).Nameservers {
		address, err := netip.ParseAddr(server)
		if err != nil {
			continue
		}
		said, _, err := g.Host.Lookup(ctx, address, "kubernetes.default.svc.cluster.local", lookupTime)
		if _, missing := errors.AsType[*remote.MissingToolError](err); missing {
			g.note("DNS was not tried: %v", err)
			return nil
		}
		if err != nil {
			return err
		}
		n := report.NameServer{Address: server}
		// A server that knows no such name works.
		if addresses, code := proc.LookupAddresses(said); len(addresses) == 0 && code == "" {
			n.Err = "no answer within " + lookupTime.String()
		}
		g.report.facts.Names = append(g.report.facts.Names, n)
	}
	return nil
}

// readChanged lists the newest files that were changed since the container started.
func (g *gathering) readChanged(ctx context.Context, root *rootfs.Root) error {
	start, err := files.StartOf(ctx, files.Place{Session: g.Session, Root: root})
	if err != nil {
		return err
	}
	type change struct {
		name string
		how  proc.Change
		stat *remote.Stat
	}
	var found []change
	bounded, cancel := context.WithTimeout(ctx, walkTime)
	defer cancel()
	_, err = root.Walk(bounded, "/", rootfs.WalkOptions{TreeOptions: rootfs.TreeOptions{OneFileSystem: true}}, func(name string, e rootfs.Entry) error {
		if s := e.Stat(); s != nil {
			if how, ok := start.Changes.Of(name, e.IsDir(), s.Mtime, s.Changed()); ok {
				found = append(found, change{name, how, s})
			}
		}
		return nil
	})
	_, partly := errors.AsType[*rootfs.TreeError](err)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil && !partly:
		g.note("changed files: the search ended early: %v", err)
	}
	slices.SortFunc(found, func(a, b change) int { return b.stat.Changed().Compare(a.stat.Changed()) })
	rows := [][]string{{"CHANGED (UTC)", "HOW", "SIZE", "PATH"}}
	for _, c := range found[:min(len(found), mostChanged)] {
		rows = append(rows, []string{c.stat.Changed().UTC().Format(time.DateTime), string(c.how), strconv.FormatInt(c.stat.Size, 10), c.name})
	}
	s := report.Section{Title: "Changed files", Rows: rows}
	if more := len(found) - mostChanged; more > 0 {
		s.Lines = []string{fmt.Sprintf("and %d more: kubectl shareproc fs changed %s", more, g.report.facts.Command)}
	}
	g.changed = s
	return nil
}

// readCertificates asks what listens in the pod for a certificate.
func readCertificates(ctx context.Context, g *gathering) error {
	asked := map[uint16]bool{}
	for _, s := range g.sockets {
		at := s.Reach()
		if len(at) == 0 || asked[s.LocalPort] || len(asked) == mostPorts {
			continue
		}
		asked[s.LocalPort] = true
		c, err := g.certificate(ctx, at[0])
		if err != nil {
			return err
		}
		if c != nil {
			g.report.facts.Certs = append(g.report.facts.Certs, report.Certificate{
				Address: at[0].String(), Subject: c.Subject.String(), NotAfter: c.NotAfter,
			})
		}
	}
	return nil
}

// certificate is what a port presents to a TLS greeting; nil where that is none.
func (g *gathering) certificate(ctx context.Context, to netip.AddrPort) (*x509.Certificate, error) {
	conn, _, err := remote.Tunnel(ctx, g.Runner(), to, portTime, 2*portTime)
	if err != nil {
		return nil, ctx.Err() // nothing that speaks TLS
	}
	defer func() { _ = conn.Close() }() // nothing is sent but a greeting
	bounded, cancel := context.WithTimeout(ctx, portTime)
	defer cancel()
	// Who signed it is for "ss --to" to say; what counts here is when it ends.
	client := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10}) //nolint:gosec // nothing secret is sent
	if err := client.HandshakeContext(bounded); err != nil {
		return nil, ctx.Err()
	}
	if list := client.ConnectionState().PeerCertificates; len(list) > 0 {
		return list[0], nil
	}
	return nil, nil
}
