// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

const resolvText = `search shop.svc.cluster.local svc.cluster.local cluster.local
nameserver 198.19.0.10
nameserver fd00::a
nameserver not-an-address
options ndots:5 timeout:2
`

func TestAResolverIsReadAsTheCLibraryDoes(t *testing.T) {
	want := Resolver{
		Nameservers: []string{"198.19.0.10", "fd00::a"},
		Search:      []string{"shop.svc.cluster.local", "svc.cluster.local", "cluster.local"}, Ndots: 5,
	}
	if got := ParseResolver(resolvText); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if got := ParseResolver("search a\nsearch b -x $(c)\noptions ndots:99\n"); !slices.Equal(got.Search, []string{"b"}) || got.Ndots != maxNdots {
		t.Errorf("what counts is the last line, and only names: %+v", got)
	}
}

func TestQuestionsComeInTheOrderOfTheSearch(t *testing.T) {
	r := Resolver{Search: []string{"shop.svc", "svc"}, Ndots: 2}
	for name, want := range map[string][]string{
		"db": {"db.shop.svc.", "db.svc.", "db."}, "a.b.c": {"a.b.c.", "a.b.c.shop.svc.", "a.b.c.svc."}, "db.": {"db."},
	} {
		if got := r.Questions(name); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestOnlyNamesAreAskedFor(t *testing.T) {
	for name, want := range map[string]bool{
		"db": true, "a-b.c_d.example.": true, "": false, ".": false, "-a": false, "a..b": false, "a b": false, "a;b": false, "ä": false,
		strings.Repeat("a", 64): false, strings.Repeat("a.", 128): false,
	} {
		if ValidHost(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

func TestHostsAddressesAreThoseOfTheName(t *testing.T) {
	const text = "127.0.0.1 localhost\n# 10.0.0.1 db\n10.0.0.2\tother DB # db2\n::ffff:10.0.0.3 db\nbad db\n"
	if got := HostsAddresses(text, "db."); !slices.Equal(got, []string{"10.0.0.2", "10.0.0.3"}) {
		t.Errorf("%q", got)
	}
	if got := HostsAddresses(text, "db2"); got != nil {
		t.Errorf("a comment: %q", got)
	}
}

func TestAnswersOfNslookupAreTakenApart(t *testing.T) {
	for _, c := range []struct {
		name, text, code string
		addresses        []string
	}{
		{
			"found", "Server:\t\t198.19.0.10\nAddress:\t198.19.0.10:53\n\nName:\texample.com\nAddress: 192.0.2.7\n\nNon-authoritative answer:\nName:\texample.com\nAddress: 2001:db8::7\n",
			"",
			[]string{"192.0.2.7", "2001:db8::7"},
		},
		{"numbered", "Server:    198.19.0.10\nAddress 1: 198.19.0.10\n\nName:      db\nAddress 1: 192.0.2.7 db.shop.svc\n", "", []string{"192.0.2.7"}},
		{"no such name", "Server:\t\t198.19.0.10\nAddress:\t198.19.0.10:53\n\n** server can't find db.: NXDOMAIN\n\n** server can't find db.: NXDOMAIN\n", "NXDOMAIN", nil},
		{"refused", "Server:\t\t198.19.0.10\nAddress:\t198.19.0.10:53\n\n** server can't find db.: REFUSED\n", "REFUSED", nil},
		{"silence", ";; connection timed out; no servers could be reached\n\n", "", nil},
	} {
		addresses, code := LookupAddresses(c.text)
		if !slices.Equal(addresses, c.addresses) || code != c.code {
			t.Errorf("%s: %q %q", c.name, addresses, code)
		}
	}
}

func FuzzResolver(f *testing.F) {
	f.Add(resolvText, "127.0.0.1 localhost\n", "Name: x\nAddress: 192.0.2.7\n")
	f.Fuzz(func(t *testing.T, resolv, hosts, answer string) {
		r := ParseResolver(resolv)
		for _, name := range r.Questions("db") {
			if !strings.HasPrefix(name, "db") || strings.ContainsAny(name, " \n\x00'\"$") {
				t.Errorf("%q", name)
			}
		}
		HostsAddresses(hosts, "localhost")
		LookupAddresses(answer)
	})
}
