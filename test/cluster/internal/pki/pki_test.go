// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestServerAndClientTrustOnlyTheirAuthority(t *testing.T) {
	ours, other := authority(t), authority(t)
	pair, err := ours.Server("server", "127.0.0.1", "localhost")
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := tls.X509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		subject := r.TLS.PeerCertificates[0].Subject
		if subject.CommonName != "system:node:local" || subject.Organization[0] != "system:nodes" {
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, ClientAuth: tls.RequireAnyClientCert}
	server.StartTLS()
	t.Cleanup(server.Close)

	user, err := ours.Client("system:node:local", "system:nodes")
	if err != nil {
		t.Fatal(err)
	}
	trusting, err := HTTPClient(ours.Cert, user)
	if err != nil {
		t.Fatal(err)
	}
	response, err := trusting.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("the server sees another user: %s", response.Status)
	}
	distrusting, err := HTTPClient(other.Cert, user)
	if err != nil {
		t.Fatal(err)
	}
	if response, err := distrusting.Get(server.URL); err == nil {
		response.Body.Close()
		t.Error("a client of another authority trusts the server")
	}
}

func authority(t *testing.T) *Authority {
	t.Helper()
	a, err := NewAuthority("test")
	if err != nil {
		t.Fatal(err)
	}
	return a
}
