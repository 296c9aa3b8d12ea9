// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"slices"
	"testing"
	"time"
)

// signed makes a certificate for a name, signed by parent, or by itself.
func signed(t *testing.T, name string, from, until time.Time, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: until,
		DNSNames: []string{name}, IsCA: parent == nil, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c, key
}

func TestCertificatesAreJudgedAsAClientOfTheContainerWould(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	ca, key := signed(t, "authority", now.Add(-400*day), now.Add(400*day), nil, nil)
	good, _ := signed(t, "db.example", now.Add(-day), now.Add(12*day+time.Hour), ca, key)
	old, _ := signed(t, "db.example", now.Add(-20*day), now.Add(-2*day-time.Hour), ca, key)
	early, _ := signed(t, "db.example", now.Add(2*day), now.Add(20*day), ca, key)
	stranger, strangerKey := signed(t, "stranger", now.Add(-day), now.Add(day), nil, nil)
	unknown, _ := signed(t, "db.example", now.Add(-day), now.Add(day), stranger, strangerKey)
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	trusted := []Bundle{{Path: "/empty", Pool: x509.NewCertPool()}, {Path: "/ca.crt", Pool: pool}}
	for _, c := range []struct {
		name    string
		chain   []*x509.Certificate
		host    string
		bundles []Bundle
		want    []string
		by      string
	}{
		{"good", []*x509.Certificate{good}, "db.example", trusted, nil, "/ca.crt"},
		{"a name that ends in a dot", []*x509.Certificate{good}, "db.example.", trusted, nil, "/ca.crt"},
		{"another name", []*x509.Certificate{good}, "web.example", trusted, []string{"nameMismatch"}, "/ca.crt"},
		{"expired, and for another name", []*x509.Certificate{old, ca}, "web.example", trusted, []string{"nameMismatch", "expired"}, "/ca.crt"},
		{"not valid yet", []*x509.Certificate{early}, "db.example", trusted, []string{"notYetValid"}, "/ca.crt"},
		{"an unknown authority", []*x509.Certificate{unknown, stranger}, "db.example", trusted, []string{"unknownAuthority"}, ""},
		{"no bundle", []*x509.Certificate{good}, "db.example", nil, []string{"noBundle"}, ""},
		{"none", nil, "db.example", trusted, []string{"invalid"}, ""},
	} {
		problems, by := CertificateProblems(c.chain, c.host, c.bundles, now)
		var codes []string
		for _, p := range problems {
			codes = append(codes, p.Code)
		}
		if !slices.Equal(codes, c.want) || by != c.by {
			t.Errorf("%s: %v, trusted by %q", c.name, problems, by)
		}
	}
	list := Certificates([]*x509.Certificate{good, old, ca}, now)
	if list[0].DaysLeft != 12 || list[1].DaysLeft != -3 || list[0].SelfSigned || !list[2].SelfSigned || list[0].Issuer != "CN=authority" {
		t.Errorf("%+v", list)
	}
}

func FuzzCertificateProblems(f *testing.F) {
	f.Add([]byte{0x30, 0x03, 0x02, 0x01, 0x01}, "db.example")
	f.Fuzz(func(t *testing.T, der []byte, host string) {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return
		}
		now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
		Certificates([]*x509.Certificate{c}, now)
		if problems, _ := CertificateProblems([]*x509.Certificate{c}, host, nil, now); len(problems) == 0 {
			t.Error("a chain without a bundle has no problem")
		}
	})
}
