// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilversion "k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/discovery"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

// Check is one property of a cluster, and how it is known.
type Check struct {
	Result Verdict `json:"result"`
	Detail string  `json:"detail"`
}

// Server is what a cluster supports, for every user.
type Server struct {
	Version               string `json:"version,omitempty"`
	EphemeralContainers   Check  `json:"ephemeralContainers"`
	ShareProcessNamespace Check  `json:"shareProcessNamespace"`
	ImageVolumes          Check  `json:"imageVolumes"`
	// Node is the node of the target; nil if there is none.
	Node *Node `json:"node,omitempty"`
}

// Node is what a node reports about itself.
type Node struct {
	Name    string `json:"name"`
	Kubelet string `json:"kubelet,omitempty"`
	Runtime string `json:"runtime,omitempty"`
	// Unknown is why nothing more is known.
	Unknown string `json:"reason,omitempty"`
}

func serverOf(ctx context.Context, e session.Deps) Server {
	client := discovery.ToDiscoveryInterfaceWithContext(e.Client.Discovery())
	var s Server
	asked := crash.NewGroup(ctx)
	asked.Go(func() {
		list, err := bounded(ctx, func(ctx context.Context) (*metav1.APIResourceList, error) {
			return client.ServerResourcesForGroupVersionWithContext(ctx, "v1")
		})
		s.EphemeralContainers = served(list, err)
	})
	asked.Go(func() {
		info, err := bounded(ctx, client.ServerVersionWithContext)
		s.byVersion(info, err)
	})
	asked.Wait()
	return s
}

func served(list *metav1.APIResourceList, err error) Check {
	switch {
	case err != nil:
		return Check{Unknown, err.Error()}
	case slices.ContainsFunc(list.APIResources, func(r metav1.APIResource) bool { return r.Name == "pods/ephemeralcontainers" }):
		return Check{Yes, "served"}
	default:
		return Check{No, "not served (Kubernetes 1.25 or later)"}
	}
}

// byVersion derives from the version what no API reports.
func (s *Server) byVersion(info *version.Info, err error) {
	var v *utilversion.Version
	if err == nil {
		s.Version = info.GitVersion
		v, err = utilversion.ParseGeneric(info.GitVersion)
	}
	since := func(minor uint, detail string) Check {
		switch {
		case err != nil:
			return Check{Unknown, err.Error()}
		case v.AtLeast(utilversion.MajorMinor(1, minor)):
			return Check{Yes, detail}
		default:
			return Check{No, detail}
		}
	}
	s.ShareProcessNamespace = since(17, "assumed from the server version (stable since 1.17)")
	s.ImageVolumes = since(35, "assumed from the server version (on by default since 1.35, with a runtime that supports them, such as containerd 2.1)")
}

// node reads the node, which few users may: then the answer is unknown.
func (e examiner) node(ctx context.Context, name string) *Node {
	if name == "" {
		return nil
	}
	n, err := bounded(ctx, func(ctx context.Context) (*corev1.Node, error) {
		return e.Client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
	})
	if err != nil {
		return &Node{Name: name, Unknown: err.Error()}
	}
	return &Node{Name: name, Kubelet: n.Status.NodeInfo.KubeletVersion, Runtime: n.Status.NodeInfo.ContainerRuntimeVersion}
}
