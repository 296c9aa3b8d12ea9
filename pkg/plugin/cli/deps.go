// SPDX-License-Identifier: Apache-2.0

// Package cli holds what commands share: their dependencies, the flags of a helper, arguments, settings, and sessions to a
// pod. It does not know any command.
package cli

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/config"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
)

// Within gives a Factory of another namespace.
func Within(deps *Deps, namespace string) *Deps {
	g := *deps
	g.ns = cmp.Or(namespace, deps.ns)
	// Both wait at the same time.
	streams := *deps.Streams
	g.Streams = &streams
	g.Report = &output.Reporter{IOStreams: &streams, Quiet: deps.Report.Quiet, Color: deps.Report.Color}
	return &g
}

// lookTime is how long a completion waits for a helper's answer. A shell that waits longer seems stuck.
const lookTime = 2 * time.Second

// Deps are what the commands need, made when it is first asked for, so that a command that asks
// for nothing (--help, version --client) reads no kubeconfig and opens no connection.
type Deps struct {
	Streams *genericiooptions.IOStreams
	Report  *output.Reporter
	Config  *genericclioptions.ConfigFlags
	// Getenv reads the environment (os.Getenv).
	Getenv func(string) string

	// Client makes the client of the API server.
	Client func() (kubernetes.Interface, error)
	// Dynamic makes its client for workloads.
	Dynamic func() (dynamic.Interface, error)
	// Exec makes streams into a container, in bulk for those of many bytes.
	Exec func(in attach.Container, bulk bool) (cluster.Exec, error)
	// Pool keeps connections for the sessions of several command lines; nil for none.
	Pool *session.Pool
	// prepare begins to open a connection for the next stream; nil where that is none of this program's.
	prepare func(context.Context)
	// transport is what --transport says, "" where it is not given.
	transport attach.Transport

	// Now is the API server's time, once it has answered.
	Now func() time.Time

	// ns is a namespace that counts instead of the command line's.
	ns string

	// LookTime is how long a completion waits for a helper's answer.
	LookTime time.Duration
}

// NewDeps returns the Deps for the cluster that kubectl's own flags and files name.
func NewDeps(streams genericiooptions.IOStreams, getenv func(string) string) *Deps {
	deps := &Deps{
		Streams: &streams, Report: &output.Reporter{IOStreams: &streams, Color: output.ColorAuto},
		Config: genericclioptions.NewConfigFlags(true).WithDeprecatedPasswordFlag(), Getenv: getenv, LookTime: lookTime,
	}
	transport := sync.OnceValues(func() (t transport, err error) {
		if t.config, err = restConfig(deps); err != nil {
			return t, err
		}
		t.client, t.now, err = httpClient(t.config)
		return t, err
	})
	deps.Now = func() time.Time {
		if t, err := transport(); err == nil {
			return t.now()
		}
		return time.Now()
	}
	deps.Client = func() (kubernetes.Interface, error) {
		t, err := transport()
		if err != nil {
			return nil, err
		}
		return kubernetes.NewForConfigAndClient(t.config, t.client)
	}
	deps.Dynamic = func() (dynamic.Interface, error) {
		t, err := transport()
		if err != nil {
			return nil, err
		}
		return dynamic.NewForConfigAndClient(t.config, t.client)
	}
	deps.prepare, deps.Exec = openers(deps, func() (*rest.Config, error) {
		t, err := transport()
		return t.config, err
	})
	return deps
}

// openers returns what begins to open a connection for the next stream, and what makes a stream.
func openers(deps *Deps, config func() (*rest.Config, error)) (prepare func(context.Context), open func(attach.Container, bool) (cluster.Exec, error)) {
	streamer := sync.OnceValues(func() (*attach.Client, error) {
		c, err := config()
		if err != nil {
			return nil, err
		}
		settings, err := Settings(deps)
		if err != nil {
			return nil, err
		}
		client, err := attach.New(c, cmp.Or(deps.transport, attach.Transport(settings.Transport.Value)))
		if err != nil {
			return nil, fmt.Errorf("read the kubeconfig: %w", err)
		}
		return client, nil
	})
	prepare = func(ctx context.Context) {
		if client, err := streamer(); err == nil {
			client.Prepare(ctx)
		}
	}
	open = func(in attach.Container, bulk bool) (cluster.Exec, error) {
		client, err := streamer()
		if err != nil {
			return nil, err
		}
		exec := client.In(in)
		if bulk {
			exec = exec.Bulk()
		}
		return exec, nil
	}
	return prepare, open
}

// A transport is how all clients of a command reach the API server.
type transport struct {
	config *rest.Config
	client *http.Client
	now    func() time.Time
}

func restConfig(deps *Deps) (*rest.Config, error) {
	config, err := deps.Config.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	config = rest.CopyConfig(config)
	config.UserAgent = "kubectl-shareproc/" + ClientVersion().Version
	// A diagnosis asks much at once. These are kubectl's own limits for discovery; the server has its own.
	config.QPS, config.Burst = 50, 300
	config.WarningHandler = rest.NewWarningWriter(deps.Report.Narration(), rest.WarningWriterOptions{Deduplicate: true})
	return config, nil
}

// AddFlags adds the flags of every command.
func AddFlags(deps *Deps, flags *pflag.FlagSet) {
	deps.Config.AddFlags(flags)
	flags.BoolVarP(&deps.Report.Quiet, "quiet", "q", false, "Suppress progress messages")
	flags.Var(&deps.Report.Color, "color", "Colors in tables and messages: auto, always or never; auto means on a terminal")
	flags.Var((*transportFlag)(&deps.transport), "transport", "What carries a stream: websocket, spdy or auto, which has cp and fs tar try SPDY first")
	flags.VarP(&verbosity{stderr: deps.Streams.ErrOut}, "v", "v", "Log level for API requests, on stderr: 6 logs requests and status, 8 also bodies")
}

// SpellOut adds some of these flags without their letters, which mean something else to a command and those below it.
func SpellOut(deps *Deps, flags *pflag.FlagSet, names ...string) {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	AddFlags(deps, all)
	for _, name := range names {
		flag := all.Lookup(name)
		flag.Shorthand = ""
		flags.AddFlag(flag)
	}
}

// Namespace is the one that the command line or the kubeconfig names.
func Namespace(deps *Deps) (string, error) {
	if deps.ns != "" {
		return deps.ns, nil
	}
	ns, _, err := deps.Config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return "", fmt.Errorf("read the kubeconfig: %w", err)
	}
	return ns, nil
}

// A transportFlag is --transport.
type transportFlag attach.Transport

func (t *transportFlag) String() string { return cmp.Or(string(*t), string(attach.AnyTransport)) }
func (t *transportFlag) Type() string   { return "string" }

func (t *transportFlag) Set(value string) error {
	if list := config.Transports(); !slices.Contains(list, value) {
		return fmt.Errorf("not one of %s", strings.Join(list, ", "))
	}
	*t = transportFlag(value)
	return nil
}
