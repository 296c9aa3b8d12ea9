// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/image"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/layout"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/node"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/pki"
)

// A report is what status prints.
type report struct {
	Name       string   `json:"name"`
	Running    bool     `json:"running"`
	Ready      bool     `json:"ready"`
	Problem    string   `json:"problem,omitempty"`
	Server     string   `json:"server,omitempty"`
	Kubeconfig string   `json:"kubeconfig,omitempty"`
	Context    string   `json:"context,omitempty"`
	Node       string   `json:"node,omitempty"`
	Bin        string   `json:"bin,omitempty"`
	StaticPods string   `json:"staticPods,omitempty"`
	Logs       string   `json:"logs,omitempty"`
	Containerd string   `json:"containerd,omitempty"`
	Supervisor int      `json:"supervisor,omitempty"`
	Images     []string `json:"images,omitempty"`
}

// status prints where the cluster is; the error says that it can't be used.
func (c cluster) status(ctx context.Context, args []string) error {
	form := strings.Join(args, " ")
	if !slices.Contains([]string{"", "-o json", "--kubeconfig", "--bin", "--static-pods"}, form) {
		return usageError(fmt.Sprintf("status does not take %s", form))
	}
	r, err := c.report(ctx)
	if err != nil {
		return err
	}
	if form == "-o json" {
		encoder := json.NewEncoder(c.data)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(r)
	}
	if err == nil && !r.Running {
		return fmt.Errorf("look at cluster %s: %w", c.state.Name, errNotRunning)
	}
	switch form {
	case "":
		err = r.table(c.data)
	case "--kubeconfig":
		_, err = fmt.Fprintln(c.data, r.Kubeconfig)
	case "--bin":
		_, err = fmt.Fprintln(c.data, r.Bin)
	case "--static-pods":
		_, err = fmt.Fprintln(c.data, r.StaticPods)
	}
	if err == nil && !r.Ready {
		return fmt.Errorf("look at cluster %s: it runs and is not ready: %s", c.state.Name, r.Problem)
	}
	return err
}

func (c cluster) report(ctx context.Context) (report, error) {
	r := report{Name: c.state.Name}
	pid, err := c.state.SupervisorPID()
	if err != nil || pid == 0 {
		return r, err
	}
	api, err := newAPI(c.state)
	if err != nil {
		return r, err
	}
	if r.Bin, err = c.bin(); err != nil {
		return r, err
	}
	r.Running, r.Supervisor, r.Server = true, pid, api.server
	r.Kubeconfig, r.Context, r.Node = c.state.Kubeconfig(), pki.Context, node.Name
	r.Logs, r.Containerd = c.state.Logs(), layout.HostSocket(pid)
	if !c.inMachine {
		r.StaticPods = c.state.StaticPods()
	}
	r.Images = []string{image.Busybox, image.Nginx, image.NginxNonroot, image.Pause}
	if err := api.ready(ctx); err != nil {
		r.Problem = err.Error()
	}
	r.Ready = r.Problem == ""
	return r, nil
}

func (r report) table(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, line := range [][2]string{
		{"cluster", r.Name},
		{"server", r.Server},
		{"node", map[bool]string{true: r.Node + ", ready", false: r.Node + ", not ready"}[r.Ready]},
		{"KUBECONFIG", r.Kubeconfig},
		{"context", r.Context},
		{"binaries", r.Bin},
		{"static pods", r.StaticPods},
		{"logs", r.Logs},
		{"images", strings.Join(r.Images, " ")},
	} {
		fmt.Fprintf(w, "%s\t%s\n", line[0], line[1])
	}
	return w.Flush()
}

// bin returns the directory of the binaries that the cluster was started with.
func (c cluster) bin() (string, error) {
	with, err := c.state.Start()
	return with.Bin, err
}

// explain returns the ends of the logs that say what did not start, as an error: the supervisor's and the machine's.
func (c cluster) explain() error {
	var all error
	for _, name := range []string{"supervisor", "console"} {
		text, err := os.ReadFile(c.state.Path("logs", name+".log"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		all = errors.Join(all, fmt.Errorf("%s's log ends:\n%s", name, strings.Join(lines[max(0, len(lines)-15):], "\n")))
	}
	return all
}
