// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	_ "embed"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// ToolsFolder is where a held container has the helper image's tools, beside PATH. It is a volume of the copy: nothing is
// added to the container's image.
const ToolsFolder = "/.shareproc/bin"

// ToolsContainer is the init container of a copy that fills ToolsFolder.
const ToolsContainer = "shareproc-tools"

const (
	holdVolume = "shareproc-tools"
	holdMount  = "/.shareproc"
	// holdVariable tells our init container from another of its name.
	holdVariable = "SHAREPROC_HOLD"
	// holdToolsSize bounds the volume, in bytes.
	holdToolsSize = 64 << 20
)

// holdScript stands in for the container's own process; runScript is the word "run"; toolsScript puts both, and the tools,
// into the volume before. The kubelet expands $$ and $(NAME) with names of its environment: the scripts have neither.
var (
	//go:embed hold.sh
	holdScript string
	//go:embed tools.sh
	toolsScript string
	//go:embed run.sh
	runScript string
)

// hold replaces the process of one container, or init container, of a copy by one that waits. What would have been started
// goes along as arguments, so that the kubelet expands it as it would have. The tools come from the helper's image through
// an emptyDir and an init container, on every version of Kubernetes; a volume of type image would need 1.35. A copy of a
// held copy has both already, and what was held there needs them too.
func (c Copy) hold(pod *corev1.Pod) {
	if _, ok := Container(pod, c.Hold); !ok {
		return
	}
	volume := c.toolsVolume(pod) // it may move the containers, so it comes first
	held, _ := Container(pod, c.Hold)
	command := []string{ToolsFolder + "/sh", ToolsFolder + "/hold"}
	if !slices.Equal(held.Command, command) {
		held.Args = append(append([]string{}, held.Command...), held.Args...)
		held.Command = command
	}
	held.VolumeMounts = slices.DeleteFunc(held.VolumeMounts, func(m corev1.VolumeMount) bool {
		return m.MountPath == holdMount && strings.HasPrefix(m.Name, holdVolume)
	})
	held.VolumeMounts = append(held.VolumeMounts, corev1.VolumeMount{Name: volume, MountPath: holdMount})
}

// toolsVolume names the volume of the tools, which is that of an earlier copy or a new one with an init container to fill it.
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

// CommandOf is what the pod's spec says a container starts. Where that has no command, the image's entrypoint comes before
// the arguments, and the API does not tell it: known is false.
func CommandOf(pod *corev1.Pod, container string) (argv []string, known bool) {
	c, ok := Container(pod, container)
	if !ok {
		return nil, false
	}
	return append(append([]string{}, c.Command...), c.Args...), len(c.Command) > 0
}
