// SPDX-License-Identifier: Apache-2.0

//go:build linux

package node

import (
	"net/netip"
	"path/filepath"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/layout"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/machine"
)

const (
	// Name is the node's name.
	Name = "local"
	// apiAddress is the API server's inside the cluster's network namespace, where no other process listens: fixed ports
	// collide with nothing. The host reaches it through the proxy only.
	apiAddress = "127.0.0.1:6443"
	// etcdAddress is plain HTTP for the same reason.
	etcdAddress = "127.0.0.1:2379"
	// The ranges are of 198.18.0.0/15, which RFC 2544 keeps for tests; only this namespace ever sees them.
	podRange     = "198.18.0.0/24"
	serviceRange = "198.19.0.0/24"
	// A node in a virtual machine sees a network of its own, with qemu as the gateway, which stands for this loopback.
	machineNetwork = "198.18.255.0/28"
	machineGateway = "198.18.255.2"
)

// address is the node's own.
func address() netip.Addr { return netip.AddrFrom4([4]byte{198, 18, 255, 1}) }

// A component is a process of the cluster.
type component struct {
	name  string
	argv  []string
	after []string // what must be ready before it starts, by the names that waiter.ready knows

	// ownMounts gives it a mount namespace of its own, entered by the hidden subcommand that argv names.
	ownMounts bool

	root  string // changed to first
	vital bool   // not started again: the cluster ends with it
}

// components lists every process: the control plane, and the node or the machine that it runs in.
func components(s layout.State, with layout.Start) []component {
	all := controlPlane(s, with.Bin)
	if with.Machine != "" {
		argv := machine.Command(machine.Network{Net: machineNetwork, Gateway: machineGateway, Node: address().String()})
		return append(all, component{name: "qemu", argv: argv, root: with.Machine, vital: true})
	}
	enter := []string{"/proc/self/exe", KubeletCommand}
	return append(all,
		component{name: "containerd", argv: containerd(s, with.Bin)},
		// The kubelet exits when containerd does not answer yet.
		component{
			name: "kubelet", after: []string{"kube-apiserver", "containerd"}, ownMounts: true, argv: append(enter, kubelet(s, with.Bin)...),
		})
}

func containerd(s layout.State, bin string) []string {
	return []string{filepath.Join(bin, "containerd"), "--config=" + s.Config("containerd.toml")}
}

func kubelet(s layout.State, bin string) []string {
	return []string{
		filepath.Join(bin, "kubelet"), "--config=" + s.Config("kubelet.yaml"), "--kubeconfig=" + s.Config("kubelet.kubeconfig"),
		"--hostname-override=" + Name, "--node-ip=" + address().String(),
	}
}

// controlPlane lists the other processes, with the flags that kubeadm gives them (kubernetes.io/docs/reference/setup-tools/
// kubeadm/implementation-details), as far as they apply to one node on loopback.
func controlPlane(s layout.State, bin string) []component {
	program := func(name string) string { return filepath.Join(bin, name) }
	return []component{
		{name: "etcd", argv: []string{
			program("etcd"), "--data-dir=/var/lib/etcd", "--unsafe-no-fsync", "--logger=zap", "--log-level=warn",
			"--listen-client-urls=http://" + etcdAddress, "--advertise-client-urls=http://" + etcdAddress,
			"--listen-peer-urls=http://127.0.0.1:2380",
		}},
		{name: "kube-apiserver", after: []string{"etcd"}, argv: append([]string{program("kube-apiserver")}, apiServer(s)...)},
		{name: "kube-controller-manager", after: []string{"kube-apiserver"}, argv: []string{
			program("kube-controller-manager"), "--bind-address=127.0.0.1", "--leader-elect=false",
			"--kubeconfig=" + s.Config("controller-manager.kubeconfig"), "--use-service-account-credentials",
			"--root-ca-file=" + s.PKI("ca.crt"), "--service-account-private-key-file=" + s.PKI("service-accounts.key"),
			"--cluster-signing-cert-file=" + s.PKI("ca.crt"), "--cluster-signing-key-file=" + s.PKI("ca.key"),
		}},
		{name: "kube-scheduler", after: []string{"kube-apiserver"}, argv: []string{
			program("kube-scheduler"), "--bind-address=127.0.0.1", "--leader-elect=false",
			"--kubeconfig=" + s.Config("scheduler.kubeconfig"),
		}},
	}
}

func apiServer(s layout.State) []string {
	return []string{
		"--secure-port=6443", "--advertise-address=" + address().String(), "--etcd-servers=http://" + etcdAddress,
		"--service-cluster-ip-range=" + serviceRange, "--authorization-mode=Node,RBAC", "--allow-privileged",
		"--enable-admission-plugins=NodeRestriction", "--client-ca-file=" + s.PKI("ca.crt"),
		"--tls-cert-file=" + s.PKI("apiserver.crt"), "--tls-private-key-file=" + s.PKI("apiserver.key"),
		"--kubelet-certificate-authority=" + s.PKI("ca.crt"), "--kubelet-preferred-address-types=InternalIP",
		"--kubelet-client-certificate=" + s.PKI("apiserver-kubelet.crt"),
		"--kubelet-client-key=" + s.PKI("apiserver-kubelet.key"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + s.PKI("service-accounts.key"),
		"--service-account-signing-key-file=" + s.PKI("service-accounts.key"),
	}
}
