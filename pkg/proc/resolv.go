// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// A Resolver is what /etc/resolv.conf says (resolv.conf(5)).
type Resolver struct {
	Nameservers []string `json:"nameservers"`
	Search      []string `json:"search"`
	Ndots       int      `json:"ndots"`
}

const (
	maxServers = 3
	// maxSearch is how many domains are tried; the C library has no limit, and Kubernetes makes up to 32.
	maxSearch = 32
	maxNdots  = 15
)

// ParseResolver reads a resolv.conf. What is no address and no name of a domain is left out.
func ParseResolver(text string) Resolver {
	r := Resolver{Nameservers: []string{}, Search: []string{}, Ndots: 1}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		switch f[0] {
		case "nameserver":
			if address, err := netip.ParseAddr(f[1]); err == nil && len(r.Nameservers) < maxServers {
				r.Nameservers = append(r.Nameservers, address.String())
			}
		case "search", "domain":
			// The last line counts.
			r.Search = r.Search[:0]
			for _, domain := range f[1:min(len(f), maxSearch+1)] {
				if domain = strings.TrimSuffix(domain, "."); ValidHost(domain) {
					r.Search = append(r.Search, domain)
				}
			}
		case "options":
			for _, option := range f[1:] {
				if value, ok := strings.CutPrefix(option, "ndots:"); ok {
					if n, err := strconv.ParseUint(value, 10, 31); err == nil {
						r.Ndots = min(int(n), maxNdots)
					}
				}
			}
		}
	}
	return r
}

// Questions are the names that the C library of GNU asks for, in order: with fewer dots than ndots first in the domains that are
// searched, else first as it is. A name that ends in a dot is asked for as it is.
func (r Resolver) Questions(name string) []string {
	bare, absolute := strings.CutSuffix(name, ".")
	if absolute {
		return []string{name}
	}
	var list []string
	for _, domain := range r.Search {
		list = append(list, bare+"."+domain+".")
	}
	if strings.Count(bare, ".") >= r.Ndots {
		return append([]string{bare + "."}, list...)
	}
	return append(list, bare+".")
}

// ValidHost reports whether a text is a name that may be asked for: letters, digits, hyphens and underscores between dots.
func ValidHost(name string) bool {
	name = strings.TrimSuffix(name, ".")
	if name == "" || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || strings.ContainsFunc(label, func(c rune) bool {
			return c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
		}) {
			return false
		}
	}
	return true
}

// HostsAddresses are those of a name in /etc/hosts (hosts(5)).
func HostsAddresses(text, name string) []string {
	name = strings.TrimSuffix(name, ".")
	var list []string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) < 2 || !slices.ContainsFunc(f[1:], func(alias string) bool { return strings.EqualFold(alias, name) }) {
			continue
		}
		if address, err := netip.ParseAddr(f[0]); err == nil {
			list = append(list, address.Unmap().String())
		}
	}
	return list
}

// LookupAddresses reads what busybox nslookup prints of a name: "Address:" lines behind "Name:" lines, of which those before are the
// server's own. code is what the server said instead, such as NXDOMAIN.
func LookupAddresses(text string) (addresses []string, code string) {
	named := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		key, value, _ := strings.Cut(line, ":")
		switch value = strings.TrimSpace(value); {
		case key == "Name":
			named = true
		case named && (key == "Address" || strings.HasPrefix(key, "Address ")):
			value, _, _ = strings.Cut(value, " ")
			if address, err := netip.ParseAddr(value); err == nil && !slices.Contains(addresses, address.Unmap().String()) {
				addresses = append(addresses, address.Unmap().String())
			}
		case strings.HasPrefix(line, "** server can't find "):
			code = value
		}
	}
	return addresses, code
}
