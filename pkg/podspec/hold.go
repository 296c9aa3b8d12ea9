// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	_ "embed"

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
// an emptyDir and an init container, on every version of Kubernetes; a volume of type image would need 1.35.
func (c Copy) hold(pod *corev1.Pod) {
	held, ok := Container(pod, c.Hold)
	if !ok {
		return
	}
	held.Args = append(append([]string{}, held.Command...), held.Args...)
	held.Command = []string{ToolsFolder + "/sh", ToolsFolder + "/hold"}
	held.VolumeMounts = append(held.VolumeMounts, corev1.VolumeMount{Name: holdVolume, MountPath: holdMount})
	size := *resource.NewQuantity(holdToolsSize, resource.BinarySI)
	pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{
		Name: holdVolume, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: &size}},
	})
	pod.Spec.InitContainers = append([]corev1.Container{{
		Name:                     ToolsContainer,
		Image:                    c.Image,
		ImagePullPolicy:          c.PullPolicy,
		Command:                  []string{"sh", "-c", toolsScript},
		Env:                      []corev1.EnvVar{{Name: "SHAREPROC_RUN", Value: runScript}, {Name: "SHAREPROC_HOLD", Value: holdScript}},
		VolumeMounts:             []corev1.VolumeMount{{Name: holdVolume, MountPath: holdMount}},
		SecurityContext:          c.Security,
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
	}}, pod.Spec.InitContainers...)
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
