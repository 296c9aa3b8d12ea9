// SPDX-License-Identifier: Apache-2.0

// Package podgen makes pods for tests, out of a seed: as many kinds of fields as a real API server takes, in any mixture. It
// knows no cluster and is imported by tests only.
package podgen

import (
	"fmt"
	"math/rand/v2"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// gen draws from one source.
type gen struct{ *rand.Rand }

// maybe is true in one of n cases.
func (g gen) maybe(n int) bool { return g.IntN(n) == 0 }

func pick[T any](g gen, from ...T) T { return from[g.IntN(len(from))] }

// Pod is a valid pod with at least one label. The same seed makes the same pod.
func Pod(seed uint64) *corev1.Pod {
	g := gen{rand.New(rand.NewPCG(seed, 1))}
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("gen-%d", seed), Labels: map[string]string{"app": pick(g, "web", "db")}},
		Spec:       corev1.PodSpec{RestartPolicy: pick(g, corev1.RestartPolicyAlways, corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever)},
	}
	for i := range g.IntN(4) {
		p.Labels[pick(g, "tier", "app.kubernetes.io/name", "pod-template-hash", "controller-revision-hash")] = fmt.Sprint("v", i)
	}
	if g.maybe(2) {
		p.Annotations = map[string]string{"example.com/note": "a/b~c", corev1.LastAppliedConfigAnnotation: "{}"}
	}
	spec := &p.Spec
	g.volumes(spec)
	g.namespaces(spec)
	for i := range g.IntN(3) {
		c := g.container(spec, fmt.Sprint("init-", i))
		if g.maybe(2) {
			c.RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
			g.probes(&c)
		}
		spec.InitContainers = append(spec.InitContainers, c)
	}
	for i := range 1 + g.IntN(3) {
		c := g.container(spec, pick(g, "web", "shareproc", "proxy")+fmt.Sprint(pick(g, "", "-x"), i))
		g.probes(&c)
		g.hooks(&c)
		spec.Containers = append(spec.Containers, c)
	}
	g.place(spec)
	g.names(spec)
	return p
}

// namespaces decides which of the node's, and of its own, the pod shares.
func (g gen) namespaces(spec *corev1.PodSpec) {
	spec.HostNetwork, spec.HostIPC = g.maybe(5), g.maybe(8)
	switch {
	case g.maybe(6):
		spec.HostPID = true
	case g.maybe(3):
		spec.ShareProcessNamespace = new(g.maybe(2))
	}
	if g.maybe(2) {
		spec.SecurityContext = &corev1.PodSecurityContext{
			RunAsUser: new(int64(1000)), RunAsGroup: new(int64(2000)), FSGroup: new(int64(3000)), RunAsNonRoot: new(true),
			SupplementalGroups: []int64{1, 2}, SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		}
	}
}

// volumes gives the pod one of each kind that it draws.
func (g gen) volumes(spec *corev1.PodSpec) {
	sources := map[string]corev1.VolumeSource{
		"scratch": {EmptyDir: &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMediumMemory}},
		"config": {ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: "config"}, Optional: new(true),
			Items: []corev1.KeyToPath{{Key: "a", Path: "b"}},
		}},
		"secret": {Secret: &corev1.SecretVolumeSource{SecretName: "secret", DefaultMode: new(int32(0o400))}},
		"data":   {PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data", ReadOnly: g.maybe(2)}},
		"sock":   {HostPath: &corev1.HostPathVolumeSource{Path: "/run", Type: new(corev1.HostPathDirectory)}},
		"info": {DownwardAPI: &corev1.DownwardAPIVolumeSource{Items: []corev1.DownwardAPIVolumeFile{
			{Path: "name", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}},
		}}},
		"mixed": {Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
			{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token", ExpirationSeconds: new(int64(3600))}},
		}}},
	}
	for _, name := range []string{"scratch", "config", "secret", "data", "sock", "info", "mixed"} {
		if g.maybe(3) {
			spec.Volumes = append(spec.Volumes, corev1.Volume{Name: name, VolumeSource: sources[name]})
		}
	}
}

func (g gen) container(spec *corev1.PodSpec, name string) corev1.Container {
	c := corev1.Container{
		Name: name, Image: pick(g, "web:1", "example.com/web@sha256:"+fmt.Sprintf("%064d", 1)),
		ImagePullPolicy:          pick(g, "", corev1.PullAlways, corev1.PullNever),
		TerminationMessagePolicy: pick(g, "", corev1.TerminationMessageFallbackToLogsOnError),
		Stdin:                    g.maybe(4), TTY: g.maybe(4),
	}
	if g.maybe(2) {
		c.Command, c.Args, c.WorkingDir = []string{"sh", "-c", "echo $(NAME) $$(X)"}, []string{"", "b c"}, "/srv"
	}
	if g.maybe(2) {
		c.Env = []corev1.EnvVar{
			{Name: "NAME", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "spec.nodeName"}}},
			{Name: "SECRET", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
				LocalObjectReference: corev1.LocalObjectReference{Name: "secret"}, Key: "k", Optional: new(true),
			}}},
		}
		c.EnvFrom = []corev1.EnvFromSource{{Prefix: "P_", ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "config"}}}}
	}
	for i := range spec.Volumes {
		if v := &spec.Volumes[i]; g.maybe(2) {
			m := corev1.VolumeMount{Name: v.Name, MountPath: "/mnt/" + v.Name, ReadOnly: g.maybe(2)}
			if g.maybe(3) {
				m.SubPath = "sub"
			}
			c.VolumeMounts = append(c.VolumeMounts, m)
		}
	}
	if g.maybe(2) {
		c.Resources = corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: *resource.NewMilliQuantity(10, resource.DecimalSI), corev1.ResourceMemory: *resource.NewQuantity(8<<20, resource.BinarySI)},
			Limits:   corev1.ResourceList{corev1.ResourceMemory: *resource.NewQuantity(64<<20, resource.BinarySI)},
		}
		c.ResizePolicy = []corev1.ContainerResizePolicy{{ResourceName: corev1.ResourceMemory, RestartPolicy: corev1.NotRequired}}
	}
	if g.maybe(2) {
		c.SecurityContext = &corev1.SecurityContext{
			AllowPrivilegeEscalation: new(false), ReadOnlyRootFilesystem: new(true),
			Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}, Add: []corev1.Capability{"NET_BIND_SERVICE"}},
		}
	}
	return c
}

// probes gives a container ports, and probes that use them.
func (g gen) probes(c *corev1.Container) {
	for i := range g.IntN(3) {
		port := corev1.ContainerPort{Name: fmt.Sprint("p", i), ContainerPort: int32(1024 + g.IntN(60000))}
		if g.maybe(2) {
			port.HostPort = port.ContainerPort
		}
		c.Ports = append(c.Ports, port)
	}
	handlers := []corev1.ProbeHandler{
		{Exec: &corev1.ExecAction{Command: []string{"true"}}},
		{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(80)}},
		{GRPC: &corev1.GRPCAction{Port: 9000, Service: new("s")}},
		{HTTPGet: &corev1.HTTPGetAction{Path: "/", Port: intstr.FromString("http"), Scheme: corev1.URISchemeHTTPS}},
	}
	for _, probe := range []**corev1.Probe{&c.LivenessProbe, &c.ReadinessProbe, &c.StartupProbe} {
		if g.maybe(2) {
			*probe = &corev1.Probe{ProbeHandler: pick(g, handlers...), PeriodSeconds: 7}
		}
	}
	if c.LivenessProbe != nil && g.maybe(2) {
		c.LivenessProbe.TerminationGracePeriodSeconds = new(int64(9))
	}
}

func (g gen) hooks(c *corev1.Container) {
	if g.maybe(3) {
		c.Lifecycle = &corev1.Lifecycle{
			PostStart: &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"sh", "-c", "kill -HUP 1"}}},
			PreStop:   &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: 5}},
		}
	}
}

// place says where the pod may run.
func (g gen) place(spec *corev1.PodSpec) {
	if g.maybe(3) {
		spec.PriorityClassName = pick(g, "system-cluster-critical", "system-node-critical")
	}
	if g.maybe(3) {
		spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
	}
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}
	if g.maybe(3) {
		spec.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{
			MaxSkew: 1, TopologyKey: "kubernetes.io/hostname", WhenUnsatisfiable: corev1.DoNotSchedule, LabelSelector: selector,
			MatchLabelKeys: []string{"pod-template-hash"},
		}}
	}
	if g.maybe(3) {
		spec.Affinity = &corev1.Affinity{
			NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
				NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchFields: []corev1.NodeSelectorRequirement{
					{Key: "metadata.name", Operator: corev1.NodeSelectorOpIn, Values: []string{"local"}},
				}}},
			}},
			PodAntiAffinity: &corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{
				{LabelSelector: selector, TopologyKey: "kubernetes.io/hostname"},
			}},
		}
	}
	if g.maybe(4) {
		spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "example.com/gate"}}
	}
	if g.maybe(4) {
		spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: "example.com/ready"}}
	}
}

// names gives the pod a place in DNS, and other things that there is one of.
func (g gen) names(spec *corev1.PodSpec) {
	if g.maybe(3) {
		spec.Hostname, spec.Subdomain = "web-0", "web"
		spec.SetHostnameAsFQDN = new(!spec.HostNetwork)
	}
	if g.maybe(3) {
		spec.DNSPolicy = corev1.DNSNone
		spec.DNSConfig = &corev1.PodDNSConfig{Nameservers: []string{"198.18.0.1"}}
		spec.HostAliases = []corev1.HostAlias{{IP: "198.18.0.2", Hostnames: []string{"db"}}}
	}
	if g.maybe(3) {
		spec.TerminationGracePeriodSeconds, spec.ActiveDeadlineSeconds = new(int64(99)), new(int64(1000))
	}
	if g.maybe(3) {
		spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "pull"}}
		spec.AutomountServiceAccountToken, spec.EnableServiceLinks = new(false), new(false)
	}
	if g.maybe(4) && !spec.HostNetwork && !spec.HostPID && !spec.HostIPC {
		spec.OS = &corev1.PodOS{Name: corev1.Linux}
	}
}
