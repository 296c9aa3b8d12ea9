// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"
)

// A login sends the first request alone. client-go starts a credential helper again for each request while it fails, and
// some of them open a browser: what failed once fails for all others of the command, without being asked again.
type login struct {
	next http.RoundTripper
	// turn is held by the one request that goes alone; passed is set once one was answered.
	turn   chan struct{}
	passed atomic.Bool
	err    error
	ahead  atomic.Int64
	// refused is the answer 401, after which client-go starts the helper too, and its body.
	refused *http.Response
	body    []byte
}

// httpClient makes the client that all requests of a command go through but its streams.
func httpClient(config *rest.Config) (*http.Client, func() time.Time, error) {
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, nil, err
	}
	own := *client
	if own.Transport == nil {
		own.Transport = http.DefaultTransport
	}
	l := &login{next: own.Transport, turn: make(chan struct{}, 1)}
	own.Transport = l
	return &own, l.now, nil
}

// RoundTrip sends a request, once it is known that one gets through.
func (l *login) RoundTrip(r *http.Request) (*http.Response, error) {
	if l.passed.Load() {
		return l.send(r)
	}
	select {
	case l.turn <- struct{}{}:
	case <-r.Context().Done():
		return unsent(r, nil, context.Cause(r.Context()))
	}
	if l.passed.Load() {
		<-l.turn
		return l.send(r)
	}
	defer func() { <-l.turn }()
	if l.err != nil || l.refused != nil {
		return unsent(r, l.answer(r), l.err)
	}
	res, err := l.send(r)
	switch {
	case err != nil && lasting(err):
		l.err = err
	case err != nil:
	case res.StatusCode == http.StatusUnauthorized:
		l.body, err = io.ReadAll(res.Body)
		_ = res.Body.Close() // what it had is read
		l.refused = res
		return l.answer(r), err
	default:
		l.passed.Store(true)
	}
	return res, err
}

// send notes how far this machine's clock is from the server's. Its header has whole seconds.
func (l *login) send(r *http.Request) (*http.Response, error) {
	res, err := l.next.RoundTrip(r)
	if err != nil {
		return res, err
	}
	if date, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		l.ahead.Store(int64(time.Until(date)))
	}
	return res, err
}

// now is the server's time.
func (l *login) now() time.Time { return time.Now().Add(time.Duration(l.ahead.Load())) }

// answer is what was said to the first request.
func (l *login) answer(r *http.Request) *http.Response {
	if l.refused == nil {
		return nil
	}
	res := *l.refused
	res.Request, res.Body = r, io.NopCloser(bytes.NewReader(l.body))
	return &res
}

// unsent answers a request that is not sent. Its body is closed all the same, as http.RoundTripper has it.
func unsent(r *http.Request, res *http.Response, err error) (*http.Response, error) {
	if r.Body != nil {
		_ = r.Body.Close() // nothing of it was read
	}
	return res, err
}

// lasting reports whether every request would fail like this one, unlike a network error.
func lasting(err error) bool {
	_, network := errors.AsType[net.Error](err)
	return !network && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, context.Canceled)
}
