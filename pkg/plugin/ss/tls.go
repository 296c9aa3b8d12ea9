// SPDX-License-Identifier: Apache-2.0

package ss

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
)

// A TLS is what a server shows of itself.
type TLS struct {
	// Version is "" where there is no TLS; then Detail says how that is known.
	Version string `json:"version,omitempty"`
	Detail  string `json:"detail,omitempty"`
	// Error is why the handshake of a server that speaks TLS ended.
	Error        string             `json:"error,omitempty"`
	Certificates []proc.Certificate `json:"certificates,omitempty"`
	// TrustedBy is the container's bundle that signs the chain.
	TrustedBy string                    `json:"trustedBy,omitempty"`
	Problems  []proc.CertificateProblem `json:"problems,omitempty"`
	// AsksForCertificate says that the server wants one of the client.
	AsksForCertificate bool  `json:"asksForCertificate,omitempty"`
	Milliseconds       int64 `json:"milliseconds"`
}

// handshake begins TLS on a connection, and judges what the server shows by the container's own authorities.
func (c *checker) handshake(ctx context.Context, conn net.Conn) *TLS {
	ctx, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	found := &TLS{}
	var chain []*x509.Certificate
	config := &tls.Config{
		MinVersion: tls.VersionTLS10, // what old servers speak is worth saying
		// The chain is judged below, so that all of it shows also where it is bad; nothing secret is sent.
		InsecureSkipVerify: true,
		VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
			for _, der := range raw {
				if certificate, err := x509.ParseCertificate(der); err == nil {
					chain = append(chain, certificate)
				}
			}
			return nil
		},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			found.AsksForCertificate = true
			return &tls.Certificate{}, nil
		},
	}
	if _, err := netip.ParseAddr(c.Host); err != nil {
		config.ServerName = c.Host
	}
	start := time.Now()
	client := tls.Client(conn, config)
	err := client.HandshakeContext(ctx)
	found.Milliseconds = time.Since(start).Milliseconds()
	if found.describe(err, c.limit, len(chain) > 0); found.Detail != "" {
		return found
	}
	if state := client.ConnectionState(); state.HandshakeComplete {
		found.Version = tls.VersionName(state.Version)
	}
	if len(chain) == 0 {
		return found
	}
	found.Certificates = proc.Certificates(chain, c.now())
	found.Problems, found.TrustedBy = proc.CertificateProblems(chain, c.Host, c.bundles(ctx), c.now())
	return found
}

// describe tells a server without TLS from one whose TLS fails.
func (t *TLS) describe(err error, limit time.Duration, shown bool) {
	record, other := errors.AsType[tls.RecordHeaderError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	_, remote := errors.AsType[*net.OpError](err) // how crypto/tls hands on an alert of the other side
	switch {
	case err == nil:
	case shown || alert || remote:
		t.Version, t.Error = "TLS", err.Error()
	case other:
		t.Detail = fmt.Sprintf("no TLS: the server says %q", record.RecordHeader[:])
	case errors.Is(err, context.DeadlineExceeded):
		t.Detail = fmt.Sprintf("no TLS: no answer to a TLS greeting within %s", limit)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe):
		t.Detail = "no TLS: the server closes the connection at a TLS greeting"
	default:
		t.Detail = "no TLS: " + err.Error()
	}
}

// clusterBundle is what Kubernetes mounts into a pod.
const clusterBundle = "var/run/secrets/kubernetes.io/serviceaccount/ca.crt"

// bundles are the authorities that programs in the container trust: those of its system, then that of the cluster, which programs
// take for the API server alone.
func (c *checker) bundles(ctx context.Context) (list []proc.Bundle) {
	add := func(name string) bool {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM([]byte(c.text(ctx, name))) {
			return false
		}
		list = append(list, proc.Bundle{Path: "/" + name, Pool: pool})
		return true
	}
	for _, name := range []string{"etc/ssl/certs/ca-certificates.crt", "etc/pki/tls/certs/ca-bundle.crt", "etc/ssl/cert.pem"} {
		if add(name) {
			break
		}
	}
	add(clusterBundle)
	return list
}

// printCheck prints the steps as a table.
func printCheck(deps *cli.Deps, c ConnectionCheck, headers bool) error {
	rows := [][]string{{"STEP", "NAME", "BY", "RESULT", "TIME"}}
	for _, s := range c.Steps {
		row := []string{s.Step, s.Name, s.Server, stepResult(s), took(s.Milliseconds)}
		if s.Step == "hosts" || s.Result == "skipped" {
			row[4] = ""
		}
		rows = append(rows, row)
	}
	if c.TLS != nil {
		rows = append(rows, tlsRows(c)...)
	}
	for _, row := range rows {
		for i := range row {
			row[i] = output.EscapeLine(row[i])
		}
	}
	if !headers {
		rows = rows[1:]
	}
	return deps.Report.Table(deps.Streams.Out, rows, func(row, column int) output.Style {
		switch {
		case rows[row][0] == "problem" && column == 0:
			return output.Red
		case rows[row][0] == "dns" && column == 3 && rows[row][3] == "no answer":
			return output.Red
		}
		return output.Plain
	})
}

func took(ms int64) string { return fmt.Sprint(ms, "ms") }

// tlsRows are a line for each thing that is known of TLS.
func tlsRows(c ConnectionCheck) [][]string {
	t, result := c.TLS, c.TLS.Version
	switch {
	case t.Detail != "":
		result = t.Detail
	case t.Error != "":
		result = "failed: " + t.Error
	case t.AsksForCertificate:
		result += ", asks for a client certificate"
	}
	rows := [][]string{{"tls", c.Host, "", result, took(t.Milliseconds)}}
	for _, cert := range t.Certificates {
		rows = append(rows, []string{"certificate", cert.Subject, cert.Issuer, expiry(cert), ""})
	}
	if t.TrustedBy != "" {
		result := "trusted"
		if t.TrustedBy == "/"+clusterBundle {
			result = "trusted; programs use this bundle for the API server only"
		}
		rows = append(rows, []string{"trust", "", t.TrustedBy, result, ""})
	}
	for _, p := range t.Problems {
		rows = append(rows, []string{"problem", p.Code, "", p.Text, ""})
	}
	return rows
}

func stepResult(s Step) string {
	switch {
	case len(s.Addresses) > 0:
		return s.Addresses[0] + more(len(s.Addresses)-1)
	case s.Step == "dns" && s.Detail != "" && s.Result != "skipped":
		return s.Detail
	case s.Result == "notFound":
		return "not found"
	case s.Detail != "":
		return s.Result + ": " + s.Detail
	}
	return s.Result
}

func more(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprint(" +", n)
}

func expiry(c proc.Certificate) string {
	day := c.NotAfter.UTC().Format(time.DateOnly)
	if c.DaysLeft < 0 {
		return fmt.Sprintf("expired %d days ago (%s)", -c.DaysLeft, day)
	}
	return fmt.Sprintf("expires in %d days (%s)", c.DaysLeft, day)
}
