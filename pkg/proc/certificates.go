// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Certificate is one that a server has shown.
type Certificate struct {
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	Names     []string  `json:"names,omitempty"`
	NotBefore time.Time `json:"notBefore"`
	NotAfter  time.Time `json:"notAfter"`
	// DaysLeft are whole days, below 0 where it has expired.
	DaysLeft   int  `json:"daysLeft"`
	SelfSigned bool `json:"selfSigned,omitempty"`
}

// Certificates describes a chain, in the order in which it was sent.
func Certificates(chain []*x509.Certificate, now time.Time) []Certificate {
	list := make([]Certificate, 0, len(chain))
	for _, c := range chain {
		names := append([]string{}, c.DNSNames...)
		for _, ip := range c.IPAddresses {
			names = append(names, ip.String())
		}
		left := c.NotAfter.Sub(now)
		days := int(left / (24 * time.Hour))
		if left < 0 {
			days--
		}
		list = append(list, Certificate{
			Subject: distinguished(c.Subject.String(), c.Subject.CommonName), Issuer: distinguished(c.Issuer.String(), c.Issuer.CommonName),
			Names: names, NotBefore: c.NotBefore, NotAfter: c.NotAfter, DaysLeft: days,
			SelfSigned: c.Subject.String() == c.Issuer.String() && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil,
		})
	}
	return list
}

// distinguished is the common name where there is one: a person knows it by that.
func distinguished(all, common string) string {
	if common != "" {
		return "CN=" + common
	}
	return all
}

// A CertificateProblem is why a client would refuse a chain.
type CertificateProblem struct {
	// Code is expired, notYetValid, nameMismatch, unknownAuthority, noBundle or invalid.
	Code string `json:"code"`
	Text string `json:"message"`
}

// A Bundle are the authorities that a container trusts, and where they are written down.
type Bundle struct {
	Path string
	Pool *x509.CertPool
}

// CertificateProblems judges a chain as a client of the container would, which was asked for host. Each problem is found by
// itself: an expired certificate may have the wrong name too. trusted is the path of the bundle that signs the chain.
func CertificateProblems(chain []*x509.Certificate, host string, bundles []Bundle, now time.Time) (problems []CertificateProblem, trusted string) {
	if len(chain) == 0 {
		return []CertificateProblem{{"invalid", "the server has sent no certificate"}}, ""
	}
	add := func(code, format string, args ...any) {
		problems = append(problems, CertificateProblem{code, fmt.Sprintf(format, args...)})
	}
	leaf := chain[0]
	if err := leaf.VerifyHostname(strings.TrimSuffix(host, ".")); err != nil {
		add("nameMismatch", "%v", err)
	}
	for i, c := range chain {
		switch {
		case now.After(c.NotAfter):
			add("expired", "certificate %d (%s) expired on %s", i+1, c.Subject, c.NotAfter.UTC().Format(time.RFC3339))
		case now.Before(c.NotBefore):
			add("notYetValid", "certificate %d (%s) is valid only from %s", i+1, c.Subject, c.NotBefore.UTC().Format(time.RFC3339))
		}
	}
	if len(bundles) == 0 {
		add("noBundle", "the container has no CA bundle, so its programs trust nobody unless they bring their own")
		return problems, ""
	}
	// Who signed it is judged at a time at which all of it is valid.
	at := now
	for _, c := range chain {
		if at.After(c.NotAfter) {
			at = c.NotAfter
		}
		if at.Before(c.NotBefore) {
			at = c.NotBefore
		}
	}
	rest := x509.NewCertPool()
	for _, c := range chain[1:] {
		rest.AddCert(c)
	}
	var last error
	var paths []string
	for _, b := range bundles {
		if _, last = leaf.Verify(x509.VerifyOptions{Roots: b.Pool, Intermediates: rest, CurrentTime: at}); last == nil {
			return problems, b.Path
		}
		paths = append(paths, b.Path)
	}
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](last); unknown {
		add("unknownAuthority", "signed by an authority that is not in %s", strings.Join(paths, " or "))
	} else {
		add("invalid", "%v", last)
	}
	return problems, ""
}
