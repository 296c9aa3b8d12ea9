// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	_ "embed"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// ToolsDir holds the tools of the helper image in a held container. It is a volume of the copy: the image of the
// container is not changed.
const ToolsDir = "/.shareproc/bin"

// ToolsContainer is the init container of a copy that fills ToolsDir.
const ToolsContainer = "shareproc-tools"

const (
	holdVolume = "shareproc-tools"
	holdMount  = "/.shareproc"
	// holdVariable identifies our init container.
	holdVariable = "SHAREPROC_HOLD"
	// holdToolsSize bounds the volume, in bytes.
	holdToolsSize = 64 << 20
)

// holdScript replaces the process of the container; runScript is the command "run"; toolsScript installs both, and the
// tools, in the volume. The kubelet expands $$ and $(NAME); the scripts contain neither.
var (
	//go:embed hold.sh
	holdScript string
	//go:embed tools.sh
	toolsScript string
	//go:embed run.sh
	runScript string
)

// hold replaces the process of a container or init container of a copy with one that waits. The original command
// becomes its arguments, so that the kubelet expands it as before. An emptyDir works on every version, a volume of type
// image only since 1.35.
func (c Copy) hold(pod *corev1.Pod) {
	if _, ok := Container(pod, c.Hold); !ok {
		return
	}
	volume := c.toolsVolume(pod) // it may move the containers in memory, so it comes first
	held, _ := Container(pod, c.Hold)
	command := []string{ToolsDir + "/sh", ToolsDir + "/hold"}
	if !slices.Equal(held.Command, command) {
		held.Args = append(append([]string{}, held.Command...), held.Args...)
		held.Command = command
	}
	held.VolumeMounts = slices.DeleteFunc(held.VolumeMounts, func(m corev1.VolumeMount) bool {
		return m.MountPath == holdMount && strings.HasPrefix(m.Name, holdVolume)
	})
	held.VolumeMounts = append(held.VolumeMounts, corev1.VolumeMount{Name: volume, MountPath: holdMount})
}

// toolsVolume returns the volume with the tools: that of a copy of a copy, or a new one with an init container that
// fills it.
func (c Copy) toolsVolume(pod *corev1.Pod) string {
	for _, earlier := range pod.Spec.InitContainers {
		ours := slices.ContainsFunc(earlier.Env, func(v corev1.EnvVar) bool { return v.Name == holdVariable })
		if ours && len(earlier.VolumeMounts) > 0 {
			return earlier.VolumeMounts[0].Name
		}
	}
	volume, name := holdVolume, ToolsContainer
	for slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == volume }) {
		volume += "-hold"
	}
	for {
		if _, taken := Container(pod, name); !taken {
			break
		}
		name += "-hold"
	}
	size := *resource.NewQuantity(holdToolsSize, resource.BinarySI)
	pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{
		Name: volume, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: &size}},
	})
	pod.Spec.InitContainers = append([]corev1.Container{{
		Name:                     name,
		Image:                    c.Image,
		ImagePullPolicy:          c.PullPolicy,
		Command:                  []string{"sh", "-c", toolsScript},
		Env:                      []corev1.EnvVar{{Name: "SHAREPROC_RUN", Value: runScript}, {Name: holdVariable, Value: holdScript}},
		VolumeMounts:             []corev1.VolumeMount{{Name: volume, MountPath: holdMount}, noToken(pod)},
		SecurityContext:          c.Security,
		Resources:                c.Resources,
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
	}}, pod.Spec.InitContainers...)
	return volume
}

// CommandOf returns the command of a container in the pod spec. Without a command, the entrypoint of the image comes
// first, which the API does not report: known is false.
func CommandOf(pod *corev1.Pod, container string) (argv []string, known bool) {
	c, ok := Container(pod, container)
	if !ok {
		return nil, false
	}
	return append(append([]string{}, c.Command...), c.Args...), len(c.Command) > 0
}
