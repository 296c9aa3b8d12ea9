// SPDX-License-Identifier: Apache-2.0

//go:build linux

package build

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"runtime"
	"strings"
)

// Newest is the minor version of Kubernetes that a cluster has unless another one is asked for.
const Newest = "1.37"

// Versions are the minor versions that can be asked for. Each has a module in the directory kubernetes.
func Versions() []string { return []string{"1.30", "1.34", Newest} }

//go:embed kubernetes
var kubernetes embed.FS

//go:embed etcd.mod
var etcdMod string

//go:embed etcd.sum
var etcdSum string

// A component is a set of binaries built with one go build.
type component struct {
	name     string
	packages []string // the last element of each is the binary's name, except where rename says otherwise
	rename   map[string]string
	tags     string
	ldflags  string
	cgo      bool

	// Either a module whose own go.mod pins what it is built from, with the checksum of its content ...
	module, version, sum string
	// ... or a module of ours that requires it, for those whose go.mod has local replacements and so builds only in its
	// own repository. Its go.sum holds the checksums.
	goMod, goSum string
}

// components is the table of everything that a cluster of this minor version runs. The newest Kubernetes, containerd, runc
// and etcd are those of July 2026, and old servers run on the same runtime; the flags are upstream's Makefiles' as far as
// they matter here.
func components(minor string) ([]component, error) {
	release, err := kubernetesRelease(minor)
	if err != nil {
		return nil, err
	}
	return append(runtimeComponents(), release), nil
}

// kubernetesRelease is the newest release of a minor version that the module proxy has. Its module says which.
func kubernetesRelease(minor string) (component, error) {
	mod, err := kubernetes.ReadFile("kubernetes/" + minor + ".mod")
	if err != nil {
		return component{}, fmt.Errorf("find Kubernetes %s: %w", minor, err)
	}
	sum, err := kubernetes.ReadFile("kubernetes/" + minor + ".sum")
	if err != nil {
		return component{}, fmt.Errorf("find checksums of Kubernetes %s: %w", minor, err)
	}
	_, rest, found := strings.Cut(string(mod), "\nrequire k8s.io/kubernetes ")
	version, _, _ := strings.Cut(rest, "\n")
	if !found {
		return component{}, fmt.Errorf("read kubernetes/%s.mod: no line requires k8s.io/kubernetes", minor)
	}
	major, number, _ := strings.Cut(minor, ".")
	return component{
		name: "kubernetes", goMod: string(mod), goSum: string(sum),
		packages: []string{
			"k8s.io/kubernetes/cmd/kube-apiserver", "k8s.io/kubernetes/cmd/kube-controller-manager",
			"k8s.io/kubernetes/cmd/kube-scheduler", "k8s.io/kubernetes/cmd/kubectl", "k8s.io/kubernetes/cmd/kubelet",
		},
		// A fixed date: the build must not depend on when it is made.
		ldflags: stamp("k8s.io/component-base/version", "gitVersion", version, "gitMajor", major, "gitMinor", number,
			"gitTreeState", "clean", "buildDate", "2026-07-01T00:00:00Z"),
	}, nil
}

// stamp is the linker's flags that set variables of a package.
func stamp(pkg string, pairs ...string) string {
	var flags []string
	for i := 0; i < len(pairs); i += 2 {
		flags = append(flags, "-X", pkg+"."+pairs[i]+"="+pairs[i+1])
	}
	return strings.Join(flags, " ")
}

func runtimeComponents() []component {
	return []component{
		{
			name: "runc", module: "github.com/opencontainers/runc", version: "v1.5.1",
			sum:      "h1:zgJPvESRUNz2UhHTG436ZIewGbQoJDAO9HRyyarggfY=",
			packages: []string{"."}, rename: map[string]string{".": "runc"},
			tags: "seccomp", cgo: true,
		},
		{
			name: "cni", module: "github.com/containernetworking/plugins", version: "v1.9.1",
			sum:      "h1:8oU6WsIsU3bpnNZuvHp74a6cE1MJwbj2P7s4/yTUNlA=",
			packages: []string{"./plugins/main/ptp", "./plugins/main/loopback", "./plugins/ipam/host-local"},
		},
		{
			name: "etcd", goMod: etcdMod, goSum: etcdSum,
			packages: []string{"go.etcd.io/etcd/server/v3"}, rename: map[string]string{"go.etcd.io/etcd/server/v3": "etcd"},
		},
		{
			name: "containerd", module: "github.com/containerd/containerd/v2", version: "v2.4.2",
			sum:      "h1:p6Qg+xbEz8lvwdhHDx0U469xENvp4LgGBx+E7djXkGw=",
			packages: []string{"./cmd/containerd", "./cmd/containerd-shim-runc-v2", "./cmd/ctr"},
			tags:     "no_btrfs,no_zfs,no_devmapper",
			ldflags:  stamp("github.com/containerd/containerd/v2/version", "Version", "v2.4.2"),
		},
	}
}

// key names a set of binaries: any change of a version, a flag or the compiler gives another one.
func key(all []component) string {
	sum := sha256.New()
	fmt.Fprintln(sum, runtime.Version(), runtime.GOARCH)
	for _, c := range all {
		fmt.Fprintf(sum, "%+v\n", c)
	}
	return hex.EncodeToString(sum.Sum(nil)[:6])
}
