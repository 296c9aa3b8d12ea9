// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/layout"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/node"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/pki"
)

// An api reads the few objects that tell whether pods can run.
type api struct {
	server string
	client *http.Client
}

func newAPI(s layout.State) (*api, error) {
	var files [3][]byte
	for i, name := range []string{"ca.crt", "admin.crt", "admin.key"} {
		var err error
		if files[i], err = os.ReadFile(s.PKI(name)); err != nil {
			return nil, err
		}
	}
	server, err := os.ReadFile(s.Path("server"))
	if err != nil {
		return nil, err
	}
	client, err := pki.HTTPClient(files[0], pki.Pair{Cert: files[1], Key: files[2]})
	return &api{server: strings.TrimSpace(string(server)), client: client}, err
}

// get reads one object, or with nil only asks for it; path begins with a slash.
func (a *api) get(ctx context.Context, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.server+path, nil)
	if err != nil {
		return err
	}
	response, err := a.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("get %s: %s", path, response.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(into)
}

// ready returns nil when a pod created now would be started: the node is ready and takes pods, and the service account
// that every pod gets is there.
func (a *api) ready(ctx context.Context) error {
	var state struct {
		Spec   struct{ Taints []struct{ Key string } }
		Status struct {
			Conditions []struct{ Type, Status, Message string }
		}
	}
	if err := a.get(ctx, "/api/v1/nodes/"+node.Name, &state); err != nil {
		return err
	}
	if len(state.Spec.Taints) > 0 {
		return fmt.Errorf("node has taint %s", state.Spec.Taints[0].Key)
	}
	for _, condition := range state.Status.Conditions {
		if condition.Type == "Ready" && condition.Status == "True" {
			return errors.Join(
				// Asked itself: for a while after its end the node still counts as ready.
				a.get(ctx, "/api/v1/nodes/"+node.Name+"/proxy/healthz", nil),
				a.get(ctx, "/api/v1/namespaces/default/serviceaccounts/default", nil),
			)
		}
	}
	return errors.New("node is not ready")
}

// waitReady waits until the cluster is ready, its supervisor ends or the context does. A nil channel stands for a
// supervisor that is not watched.
func (a *api) waitReady(ctx context.Context, ended <-chan error) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		last := a.ready(ctx)
		if last == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for cluster: %w (%w)", context.Cause(ctx), last)
		case err := <-ended:
			return fmt.Errorf("wait for cluster: its supervisor ended: %w", err)
		case <-tick.C:
		}
	}
}
