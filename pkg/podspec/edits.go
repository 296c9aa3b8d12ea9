// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Edits are the changes to a copy that the user asked for, named like the flags of kubectl debug.
type Edits struct {
	KeepLabels, KeepAnnotations              bool
	KeepLiveness, KeepReadiness, KeepStartup bool
	DropInitContainers                       bool
	// AnyNode lets the scheduler choose the node.
	AnyNode bool
	// Images maps container names to images; "*" stands for all containers of the pod.
	Images map[string]string
	// Env is set in container EnvOf and replaces variables of the same name.
	Env   []corev1.EnvVar
	EnvOf string
}

// allContainers stands for every container of the pod, as with kubectl debug --set-image.
const allContainers = "*"

// Check returns an error if the edits do not fit the pod.
func (e Edits) Check(pod *corev1.Pod) error {
	for _, name := range slices.Sorted(maps.Keys(e.Images)) {
		if _, ok := Container(pod, name); !ok && name != allContainers {
			return fmt.Errorf("set image: container %q not found in pod/%s", name, pod.Name)
		}
	}
	init := slices.ContainsFunc(pod.Spec.InitContainers, func(c corev1.Container) bool { return c.Name == e.EnvOf })
	if e.DropInitContainers && init {
		return fmt.Errorf("use init container %s: the copy has no init containers", e.EnvOf)
	}
	return nil
}

// labels and annotations are those of a copy, without our marks.
func (e Edits) labels(pod *corev1.Pod) map[string]string {
	kept := map[string]string{}
	if e.KeepLabels {
		kept = omitKeys(pod.Labels, "pod-template-hash", "controller-revision-hash", "pod-template-generation", "controller-uid", "job-name",
			"statefulset.kubernetes.io/", "apps.kubernetes.io/", "batch.kubernetes.io/")
	}
	return kept
}

func (e Edits) annotations(pod *corev1.Pod) map[string]string {
	kept := map[string]string{}
	if e.KeepAnnotations {
		kept = omitKeys(pod.Annotations, "kubernetes.io/config.", corev1.LastAppliedConfigAnnotation)
	}
	return kept
}

// omitKeys removes the keys, and those below a key that ends with a separator.
func omitKeys(all map[string]string, keys ...string) map[string]string {
	kept := map[string]string{}
	for key, value := range all {
		if !slices.ContainsFunc(keys, func(k string) bool {
			return key == k || strings.HasSuffix(k, "/") && strings.HasPrefix(key, k) || strings.HasSuffix(k, ".") && strings.HasPrefix(key, k)
		}) {
			kept[key] = value
		}
	}
	return kept
}

// owners makes the original own a copy that keeps its labels, since a ReplicaSet or DaemonSet adopts matching pods
// without a controller and then deletes one. Without labels a copy survives the original.
func (e Edits) owners(pod *corev1.Pod) []metav1.OwnerReference {
	if !e.KeepLabels || pod.UID == "" {
		return nil
	}
	return []metav1.OwnerReference{{APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID, Controller: new(true)}}
}

// edit applies the edits.
func (e Edits) edit(spec *corev1.PodSpec) {
	if e.DropInitContainers {
		spec.InitContainers = nil
	}
	if e.AnyNode {
		anyNode(spec)
	}
	for _, list := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range list {
			e.disableProbesAndHooks(&list[i])
			if spec.HostNetwork {
				// The API server sets the host's port again where one is declared.
				list[i].Ports = nil
			}
			e.editContainer(&list[i])
		}
	}
	// Restart rules of a container are for pods that last; sidecars need theirs to be sidecars.
	for i := range spec.Containers {
		spec.Containers[i].RestartPolicy, spec.Containers[i].RestartPolicyRules = nil, nil
	}
}

func (e Edits) editContainer(c *corev1.Container) {
	if image, ok := e.Images[allContainers]; ok {
		c.Image = image
	}
	if image, ok := e.Images[c.Name]; ok {
		c.Image = image
	}
	if c.Name != e.EnvOf {
		return
	}
	for _, v := range e.Env {
		if i := slices.IndexFunc(c.Env, func(old corev1.EnvVar) bool { return old.Name == v.Name }); i >= 0 {
			c.Env[i] = v
		} else {
			c.Env = append(c.Env, v)
		}
	}
}

// disableProbesAndHooks removes what would act outside the copy: probes restart it, hooks run start and stop work of
// the application, and a host port can be bound only once.
func (e Edits) disableProbesAndHooks(c *corev1.Container) {
	c.Lifecycle = nil
	if !e.KeepLiveness {
		c.LivenessProbe = nil
	}
	if !e.KeepReadiness {
		c.ReadinessProbe = nil
	}
	// The next container waits for a sidecar's startup probe.
	if !e.KeepStartup && !sidecar(c) {
		c.StartupProbe = nil
	}
	for i := range c.Ports {
		c.Ports[i].HostPort = 0
	}
}

// anyNode removes what ties a pod to a node or keeps it away from others: a DaemonSet names the node in an affinity,
// and spread constraints do not allow for one more pod.
func anyNode(spec *corev1.PodSpec) {
	spec.NodeName, spec.TopologySpreadConstraints = "", nil
	if spec.Affinity == nil {
		return
	}
	spec.Affinity.PodAffinity, spec.Affinity.PodAntiAffinity = nil, nil
	nodes := spec.Affinity.NodeAffinity
	if nodes == nil || nodes.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return
	}
	required := nodes.RequiredDuringSchedulingIgnoredDuringExecution
	for i := range required.NodeSelectorTerms {
		required.NodeSelectorTerms[i].MatchFields = nil
	}
	// An empty term matches nothing.
	required.NodeSelectorTerms = slices.DeleteFunc(required.NodeSelectorTerms, func(t corev1.NodeSelectorTerm) bool {
		return len(t.MatchExpressions) == 0
	})
	if len(required.NodeSelectorTerms) == 0 {
		nodes.RequiredDuringSchedulingIgnoredDuringExecution = nil
	}
}
