// SPDX-License-Identifier: Apache-2.0

//go:build linux

package node

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"text/template"

	"golang.org/x/sys/unix"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/layout"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/machine"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/cluster/internal/pki"
)

//go:embed config
var configs embed.FS

// Prepare fills the state directory: keys, kubeconfigs and configuration. server is the API server's URL on the host, and
// pauseImage the image of every pod's first container.
func Prepare(s layout.State, with layout.Start, server, pauseImage string) error {
	directories := []string{
		s.Logs(), s.StaticPods(), s.PKI(""), s.Config("cni"),
		filepath.Join(s.Var(), "lib"), filepath.Join(s.Var(), "log"), filepath.Join(s.Var(), "tmp"),
	}
	for _, dir := range directories {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := os.Symlink("/run", filepath.Join(s.Var(), "run")); err != nil {
		return err
	}
	nodeServer := "https://" + apiAddress
	if with.Machine != "" {
		nodeServer = "https://" + machineAPI
	}
	if err := writeKeys(s, server, nodeServer); err != nil {
		return err
	}
	if err := writeConfigs(s, with, pauseImage); err != nil {
		return err
	}
	if with.Machine != "" {
		if err := writeMachine(s, with); err != nil {
			return err
		}
	}
	return s.SetStart(with)
}

func writeKeys(s layout.State, server, nodeServer string) error {
	authority, err := pki.NewAuthority("kubernetes")
	if err != nil {
		return err
	}
	if err := authority.Write(s.PKI("ca")); err != nil {
		return err
	}
	node := address().String()
	servers := map[string][]string{
		"apiserver": {
			"127.0.0.1", "localhost", node, machineGateway, "198.19.0.1", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
		},
		"kubelet-server":   {node, Name},
		"service-accounts": {},
	}
	for name, hosts := range servers {
		pair, err := authority.Server(name, hosts...)
		if err != nil {
			return err
		}
		if err := pair.Write(s.PKI(name)); err != nil {
			return err
		}
	}
	local := "https://" + apiAddress
	clients := []struct{ file, user, group, kubeconfig, server string }{
		{"admin", "admin", "system:masters", s.Kubeconfig(), server},
		{"apiserver-kubelet", "kube-apiserver-kubelet-client", "system:masters", "", ""},
		{"controller-manager", "system:kube-controller-manager", "", s.Config("controller-manager.kubeconfig"), local},
		{"scheduler", "system:kube-scheduler", "", s.Config("scheduler.kubeconfig"), local},
		{"kubelet", "system:node:" + Name, "system:nodes", s.Config("kubelet.kubeconfig"), nodeServer},
	}
	for _, c := range clients {
		pair, err := authority.Client(c.user, c.group)
		if err != nil {
			return err
		}
		if err := pair.Write(s.PKI(c.file)); err != nil {
			return err
		}
		if c.kubeconfig == "" {
			continue
		}
		if err := pki.WriteKubeconfig(c.kubeconfig, c.server, authority.Cert, pair); err != nil {
			return err
		}
	}
	return nil
}

func writeConfigs(s layout.State, with layout.Start, pauseImage string) error {
	snapshotter, err := snapshotter(s)
	if err != nil {
		return err
	}
	if with.Machine != "" {
		snapshotter = "overlayfs"
	}
	values := map[string]string{
		"Machine": with.Machine, "Apart": s.Config("apart"), "Crun": s.Config("crun"), "CrunDir": machine.CrunDir, "Bin": with.Bin, "CNI": s.Config("cni"), "ClusterDNS": "198.19.0.10", "PauseImage": pauseImage, "PKI": s.PKI(""), "PodRange": podRange,
		"ResolvConf": s.Config("resolv.conf"), "Snapshotter": snapshotter, "Socket": layout.Socket, "StaticPods": s.StaticPods(),
	}
	for source, target := range map[string]string{
		"containerd.toml": s.Config("containerd.toml"),
		"kubelet.yaml":    s.Config("kubelet.yaml"),
		"cni.conflist":    s.Config("cni/pods.conflist"),
		"apart":           s.Config("apart"),
		"crun":            s.Config("crun"),
	} {
		parsed, err := template.New(source).Option("missingkey=error").ParseFS(configs, "config/"+source)
		if err != nil {
			return err
		}
		var text bytes.Buffer
		if err := parsed.Execute(&text, values); err != nil {
			return err
		}
		if err := os.WriteFile(target, text.Bytes(), 0o644); err != nil {
			return err
		}
	}
	for _, runtime := range []string{"apart", "crun"} {
		if err := os.Chmod(s.Config(runtime), 0o755); err != nil {
			return err
		}
	}
	// No name server: the host's may be unreachable from here, and nothing in a test may depend on one.
	return os.WriteFile(s.Config("resolv.conf"), []byte("options attempts:1 timeout:1\n"), 0o644)
}

// snapshotter says how containerd lays layers over each other: overlayfs, which does not stack on itself, so copies
// where the state directory lies on one already (in a container).
func snapshotter(s layout.State) (string, error) {
	var info unix.Statfs_t
	if err := unix.Statfs(s.Dir, &info); err != nil {
		return "", fmt.Errorf("look at file system of %s: %w", s.Dir, err)
	}
	if info.Type == unix.OVERLAYFS_SUPER_MAGIC {
		return "native", nil
	}
	return "overlayfs", nil
}
