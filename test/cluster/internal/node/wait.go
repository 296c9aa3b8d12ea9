// SPDX-License-Identifier: Apache-2.0

//go:build linux

package node

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/layout"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/pki"
)

// readyWithin bounds the wait for one component: far more than the slowest machine seen takes (4 s here).
const readyWithin = 2 * time.Minute

// A waiter knows when a component answers.
type waiter struct {
	api *http.Client
}

func newWaiter(s layout.State) (*waiter, error) {
	authority, err := os.ReadFile(s.PKI("ca.crt"))
	if err != nil {
		return nil, err
	}
	var admin pki.Pair
	if admin.Cert, err = os.ReadFile(s.PKI("admin.crt")); err != nil {
		return nil, err
	}
	if admin.Key, err = os.ReadFile(s.PKI("admin.key")); err != nil {
		return nil, err
	}
	client, err := pki.HTTPClient(authority, admin)
	return &waiter{api: client}, err
}

// wait returns once the named component answers.
func (w *waiter) wait(ctx context.Context, name string) error {
	return untilReady(ctx, name, func() bool { return w.ready(ctx, name) })
}

func untilReady(ctx context.Context, name string, ready func() bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyWithin, fmt.Errorf("%s is not ready after %s", name, readyWithin))
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if ready() {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

func (w *waiter) ready(ctx context.Context, name string) bool {
	switch name {
	case "etcd":
		return answers(ctx, http.DefaultClient, "http://"+etcdAddress+"/readyz")
	case "kube-apiserver":
		return answers(ctx, w.api, "https://"+apiAddress+"/readyz")
	case "containerd":
		var dialer net.Dialer
		connection, err := dialer.DialContext(ctx, "unix", layout.Socket)
		if err != nil {
			return false
		}
		return connection.Close() == nil
	}
	return false
}

func answers(ctx context.Context, client *http.Client, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode == http.StatusOK
}
