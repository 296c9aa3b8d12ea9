// SPDX-License-Identifier: Apache-2.0

//go:build linux

package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/layout"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/machine"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/machine/order"
)

// machineAPI is the API server's address as a machine sees it.
const machineAPI = machineGateway + ":6443"

// writeMachine gives the machine what containerd and the kubelet read, at the paths that it has here.
func writeMachine(s layout.State, with layout.Start) error {
	network, err := netip.ParsePrefix(machineNetwork)
	if err != nil {
		return err
	}
	o := order.Order{
		Hostname: Name, Address: netip.PrefixFrom(address(), network.Bits()).String(), Gateway: machineGateway, API: machineAPI,
		Env: environment(with.Bin), Socket: layout.Socket, Listen: machineContainerd(),
		Containerd: order.Component{Name: "containerd", Argv: containerd(s, with.Bin)},
		Kubelet:    order.Component{Name: "kubelet", Argv: kubelet(s, with.Bin)},
	}
	files := []string{s.Config(""), s.StaticPods(), s.PKI("ca.crt"), s.PKI("kubelet-server.crt"), s.PKI("kubelet-server.key")}
	if err := machine.WriteInitrd(s.Path("initrd"), with.Machine, o, files...); err != nil {
		return fmt.Errorf("write what the machine begins with: %w", err)
	}
	return nil
}

func machineContainerd() string {
	return net.JoinHostPort(address().String(), fmt.Sprint(machine.ContainerdPort))
}

// dialMachine connects to containerd in the machine; qemu accepts connections before anybody listens there.
func dialMachine(ctx context.Context) (stream, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	connection, err := dialTCP(ctx, machineContainerd())
	if err != nil {
		return nil, err
	}
	// Closed where the context ends first, since the greeting may never come.
	stop := context.AfterFunc(ctx, func() { _ = connection.Close() })
	greeting := make([]byte, 1)
	if _, err := io.ReadFull(connection, greeting); err != nil || greeting[0] != order.Greeting {
		return nil, errors.Join(errors.New("connect to containerd in the machine: not greeted"), err, connection.Close())
	}
	if !stop() {
		return nil, context.Cause(ctx)
	}
	return connection, nil
}

// offerContainerd makes containerd's socket, as it is on other nodes, once there is one behind it.
func offerContainerd(ctx context.Context) error {
	if err := untilReady(ctx, "containerd in the machine", func() bool {
		connection, err := dialMachine(ctx)
		return err == nil && connection.Close() == nil
	}); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(layout.Socket), 0o755); err != nil {
		return err
	}
	listener, err := net.Listen("unix", layout.Socket)
	if err != nil {
		return fmt.Errorf("offer containerd's socket: %w", err)
	}
	return proxy(ctx, listener, dialMachine)
}
