// SPDX-License-Identifier: Apache-2.0

//go:build unix

package e2e

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
)

// fate is what becomes of a request at a gate.
type fate int

const (
	pass fate = iota
	// hold keeps the request from the server until the client gives up.
	hold
	// mute lets the server act on the request and keeps its answer back.
	mute
)

// request is one on its way, and how many before it have changed something.
type request struct {
	method, path string
	changes      int
}

// asks reports whether it is one of that method, on a path with that in it.
func (r request) asks(method, part string) bool {
	return r.method == method && strings.Contains(r.path, part)
}

// judge decides about requests in the order in which they come. Questions and dry runs pass.
type judge struct {
	decide  func(request) fate
	changes int
}

func (j *judge) fate(r *http.Request) fate {
	if r.URL.Query().Get("dryRun") != "" || strings.Contains(r.URL.Path, "selfsubject") {
		return pass
	}
	f := pass
	if j.decide != nil {
		f = j.decide(request{r.Method, r.URL.Path, j.changes})
	}
	if r.Method != http.MethodGet && f != hold {
		j.changes++
	}
	return f
}

// gate is a hop in front of the API server, on loopback, that holds requests back or is not there at all.
type gate struct {
	url string
	// kept hears of every request that did not get through.
	kept chan struct{}

	mu     sync.Mutex
	judge  judge
	away   bool
	turned int
	conns  []net.Conn
	net.Listener
}

// Accept keeps the connections, to cut them.
func (g *gate) Accept() (net.Conn, error) {
	c, err := g.Listener.Accept()
	if err == nil {
		g.mu.Lock()
		g.conns = append(g.conns, c)
		g.mu.Unlock()
	}
	return c, err
}

// newGate starts a hop with the test's own credentials.
func newGate(t *testing.T, w *environment, decide func(request) fate) *gate {
	t.Helper()
	transport, err := rest.TransportFor(w.config)
	if err != nil {
		t.Fatal(err)
	}
	host, err := url.Parse(w.config.Host)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{url: "http://" + listener.Addr().String(), kept: make(chan struct{}, 1), judge: judge{decide: decide}, Listener: listener}
	proxy := httputil.NewSingleHostReverseProxy(host)
	proxy.Transport, proxy.FlushInterval = transport, -1
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	server := &http.Server{ReadHeaderTimeout: patience(), ErrorLog: proxy.ErrorLog, Handler: http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		switch g.fate(r) {
		case pass:
			proxy.ServeHTTP(out, r)
			return
		case mute:
			proxy.ServeHTTP(httptest.NewRecorder(), r.Clone(t.Context()))
		case hold:
		}
		select {
		case g.kept <- struct{}{}:
		default:
		}
		<-r.Context().Done()
	})}
	go func() { _ = server.Serve(g) }()
	t.Cleanup(func() { _ = server.Close() })
	return g
}

func (g *gate) fate(r *http.Request) fate {
	g.mu.Lock()
	defer g.mu.Unlock()
	f := g.judge.fate(r)
	if g.away {
		g.turned++
		panic(http.ErrAbortHandler)
	}
	return f
}

// refused is how many requests came while the server was away.
func (g *gate) refused() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.turned
}

// open lets everything through from now on. What is held back stays so.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.judge.decide, g.away = nil, false
}

// cut breaks every connection, and each new one, until open.
func (g *gate) cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.away = true
	for _, c := range g.conns {
		_ = c.Close()
	}
}
