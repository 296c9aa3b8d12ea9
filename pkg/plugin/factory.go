// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

// lookTime is how long a completion waits for a helper's answer.
const lookTime = 300 * time.Millisecond

// Factory holds what the commands need, made when it is first asked for, so that a command that asks
// for nothing (--help, version --client) reads no kubeconfig and opens no connection.
type Factory struct {
	Streams *genericiooptions.IOStreams
	Report  *Reporter
	Config  *genericclioptions.ConfigFlags
	// Getenv reads the environment (os.Getenv).
	Getenv func(string) string

	// Client makes the client of the API server.
	Client func() (kubernetes.Interface, error)
	// Exec makes the wire into a session's container.
	Exec func(session.Session) (Wire, error)

	// ns is a namespace that counts instead of the command line's.
	ns string

	// lookTime is how long a completion waits for a helper's answer, and exitTime an attach for how a shell ended.
	lookTime, exitTime time.Duration
}

// Wire runs commands and shells in one container, or attaches to it; attach.Exec is the real one.
type Wire interface {
	remote.Runner
	Shell(ctx context.Context, argv []string, t *attach.Terminal) error
	Attach(ctx context.Context, t *attach.Terminal, detach attach.Keys) error
}

// NewFactory returns a Factory for the cluster that kubectl's own flags and files name.
func NewFactory(streams genericiooptions.IOStreams, getenv func(string) string) *Factory {
	f := &Factory{
		Streams: &streams, Report: &Reporter{IOStreams: &streams, Color: colorAuto},
		Config: genericclioptions.NewConfigFlags(true).WithDeprecatedPasswordFlag(), Getenv: getenv, lookTime: lookTime, exitTime: exitTime,
	}
	f.Client = func() (kubernetes.Interface, error) {
		config, err := f.restConfig()
		if err != nil {
			return nil, err
		}
		return kubernetes.NewForConfig(config)
	}
	f.Exec = func(s session.Session) (Wire, error) {
		config, err := f.restConfig()
		if err != nil {
			return nil, err
		}
		client, err := attach.New(config)
		if err != nil {
			return nil, fmt.Errorf("read the kubeconfig: %w", err)
		}
		return client.In(attach.Container{Namespace: s.Namespace, Pod: s.Pod, Name: s.Container}), nil
	}
	return f
}

func (f *Factory) restConfig() (*rest.Config, error) {
	config, err := f.Config.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	config = rest.CopyConfig(config)
	config.UserAgent = "kubectl-shareproc/" + clientVersion().Version
	// A diagnosis asks much at once. These are kubectl's own limits for discovery; the server has its own.
	config.QPS, config.Burst = 50, 300
	config.WarningHandler = rest.NewWarningWriter(f.Report.Narration(), rest.WarningWriterOptions{Deduplicate: true})
	return config, nil
}

func (f *Factory) addFlags(flags *pflag.FlagSet) {
	f.Config.AddFlags(flags)
	flags.BoolVarP(&f.Report.Quiet, "quiet", "q", false, "Print only what was asked for and errors, not what is being done")
	flags.Var(&f.Report.Color, "color", "auto, always or never: colours in tables and messages; auto means on a terminal")
	flags.VarP(&verbosity{stderr: f.Streams.ErrOut}, "v", "v", "How much is said about requests, on stderr: 6 what each was and how it went, 8 what was in it")
}

func (f *Factory) namespace() (string, error) {
	if f.ns != "" {
		return f.ns, nil
	}
	ns, _, err := f.Config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return "", fmt.Errorf("read the kubeconfig: %w", err)
	}
	return ns, nil
}
