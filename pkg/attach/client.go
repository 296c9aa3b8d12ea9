// SPDX-License-Identifier: Apache-2.0

// Package attach runs a command, or a shell with a terminal, in a container that exists already, over the API server's exec
// stream, or connects to the terminal of the container's own process.
//
// It does not find or start containers, prints nothing, never retries, and never exits: signals reach it as the end of a
// context, and it restores the terminal before it returns.
package attach

import (
	"fmt"
	"net/url"
	"os"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
)

// webSocketVariable is kubectl's own switch: "false" leaves WebSocket out and uses SPDY only.
const webSocketVariable = "KUBECTL_REMOTE_COMMAND_WEBSOCKETS"

// Transport says which protocols may carry a stream.
type Transport string

const (
	// AnyTransport tries WebSocket, as kubectl does, and SPDY where the upgrade is refused; Exec.Bulk has the order changed.
	AnyTransport Transport = "auto"
	// WebSocket is the only one.
	WebSocket Transport = "websocket"
	// SPDY is the only one.
	SPDY Transport = "spdy"
)

// answerTimeout is how long to wait for the answer to a request for a stream. The API server itself gives up on a kubelet
// that it cannot reach after 30 seconds.
const answerTimeout = 40 * time.Second

// Client runs commands in the containers of one cluster. It is safe for use by several goroutines.
type Client struct {
	config       *rest.Config
	rest         rest.Interface
	transport    Transport
	timeout      time.Duration
	pingInterval time.Duration
	ahead        *atomic.Pointer[ahead]
}

// Container names a container, ephemeral ones included, of a running pod.
type Container struct {
	Namespace, Pod, Name string
}

// String gives "pod/container", as errors name it.
func (c Container) String() string { return c.Pod + "/" + c.Name }

// Exec runs commands in one container. It is a small value, and satisfies remote.Runner.
type Exec struct {
	client    *Client
	container Container
	bulk      bool
}

// Bulk returns an Exec for streams of many bytes: it tries SPDY first, which carries 256 MiB in two thirds of the time that
// WebSocket takes (docs/performance.md), and WebSocket where the upgrade is refused.
func (e Exec) Bulk() Exec {
	e.bulk = true
	return e
}

// New makes a client from a copy of a REST configuration, and sends nothing. It fails if the configuration contradicts
// itself or names files that cannot be read. For AnyTransport kubectl's own switch in the environment counts.
func New(config *rest.Config, transport Transport) (*Client, error) {
	own := rest.CopyConfig(config)
	own.APIPath = "/api"
	own.GroupVersion = &corev1.SchemeGroupVersion
	own.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	client, err := rest.RESTClientFor(own)
	if err != nil {
		return nil, fmt.Errorf("read client configuration: %w", err)
	}
	if transport == AnyTransport && os.Getenv(webSocketVariable) == "false" {
		transport = SPDY
	}
	return &Client{
		config:       own,
		rest:         client,
		transport:    transport,
		timeout:      answerTimeout,
		pingInterval: defaultPingInterval,
		ahead:        &atomic.Pointer[ahead]{},
	}, nil
}

// In selects a container. It sends nothing: the first Run fails if the container does not exist.
func (c *Client) In(container Container) Exec {
	return Exec{client: c, container: container}
}

// resource is a request for one of the pod's subresources.
func (e Exec) resource(name string) *rest.Request {
	return e.client.rest.Post().Resource("pods").Namespace(e.container.Namespace).Name(e.container.Pod).SubResource(name)
}

// call is one request for a stream.
type call struct {
	// what names it in errors, such as "exec in web/nginx".
	what        string
	subresource string
	url         *url.URL
}

// exec is the call of a command.
func (e Exec) exec(argv []string, streams remotecommand.StreamOptions) call {
	return call{what: "exec in " + e.container.String(), subresource: "exec", url: e.url(argv, streams)}
}

// url is the exec subresource with the streams that are wanted.
func (e Exec) url(argv []string, streams remotecommand.StreamOptions) *url.URL {
	return e.resource("exec").
		VersionedParams(&corev1.PodExecOptions{
			Container: e.container.Name,
			Command:   argv,
			Stdin:     streams.Stdin != nil,
			Stdout:    streams.Stdout != nil,
			Stderr:    streams.Stderr != nil,
			TTY:       streams.Tty,
		}, scheme.ParameterCodec).URL()
}
