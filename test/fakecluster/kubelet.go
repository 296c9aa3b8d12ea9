// SPDX-License-Identifier: Apache-2.0

package fakecluster

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
)

// NodeName is the name of the only node.
const NodeName = "node-1"

// kubelet starts a process for each container of a pod that shares no processes, and none for a helper: what runs in one
// is run by itself among its target's processes.
type kubelet struct {
	tb                testing.TB
	template, busybox string
	mu                sync.Mutex
	helper            string         // the root of every helper
	pids              map[string]int // of each container's first process, by the container's id
	roots             map[int]string // of those processes
}

func newKubelet(tb testing.TB, template, busybox string) *kubelet {
	tb.Helper()
	return &kubelet{tb: tb, template: template, busybox: busybox, pids: map[string]int{}, roots: map[int]string{}}
}

// start fills in what the scheduler, the kubelet and the runtime do.
func (k *kubelet) start(pod *corev1.Pod) error {
	pod.Spec.NodeName = NodeName
	now := metav1.Now()
	pod.Status = corev1.PodStatus{Phase: corev1.PodRunning, StartTime: &now, QOSClass: corev1.PodQOSBestEffort}
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	shares := pod.Spec.ShareProcessNamespace != nil && *pod.Spec.ShareProcessNamespace
	for i := range pod.Spec.Containers {
		c := &pod.Spec.Containers[i]
		uid, gid := user(pod, c)
		status := corev1.ContainerStatus{
			Name: c.Name, Image: c.Image, ImageID: c.Image, Ready: true, State: running(),
			ContainerID: "containerd://" + strings.ReplaceAll(string(uuid.NewUUID()), "-", ""),
			User:        &corev1.ContainerUser{Linux: &corev1.LinuxContainerUser{UID: uid, GID: gid}},
		}
		if (!shares || imageContainer(pod) != nil) && k.runs() {
			pid, err := k.process(pod, c, uid, gid)
			if err != nil {
				return err
			}
			k.mu.Lock()
			k.pids[status.ContainerID] = pid
			k.mu.Unlock()
		}
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, status)
	}
	return nil
}

// sizesOf are the sizes, in bytes, of the volumes in memory that have a limit.
func sizesOf(pod *corev1.Pod) map[string]int64 {
	sizes := map[string]int64{}
	for _, v := range pod.Spec.Volumes {
		if v.EmptyDir != nil && v.EmptyDir.Medium == corev1.StorageMediumMemory && v.EmptyDir.SizeLimit != nil {
			sizes[v.Name] = v.EmptyDir.SizeLimit.Value()
		}
	}
	return sizes
}

// startHelpers says of each new ephemeral container that it runs, or that its image cannot be had.
func (k *kubelet) startHelpers(pod *corev1.Pod) error {
	for i := range pod.Spec.EphemeralContainers {
		c := &pod.Spec.EphemeralContainers[i]
		if slices.ContainsFunc(pod.Status.EphemeralContainerStatuses, func(s corev1.ContainerStatus) bool { return s.Name == c.Name }) {
			continue
		}
		status := corev1.ContainerStatus{Name: c.Name, Image: c.Image, State: running()}
		if strings.Contains(c.Image, "nothing") {
			message := fmt.Sprintf("Container image %q is not present with pull policy of Never", c.Image)
			status.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImageNeverPull", Message: message}}
		}
		pod.Status.EphemeralContainerStatuses = append(pod.Status.EphemeralContainerStatuses, status)
	}
	return nil
}

// runs reports whether containers can be processes here: that takes Linux, root and a busybox.
func (k *kubelet) runs() bool { return k.busybox != "" && os.Getuid() == 0 && namespaces }

// target is the host's number of the process whose process namespace a container is in.
func (k *kubelet) target(pod *corev1.Pod, container string) (pid int, err error) {
	for i := range pod.Spec.EphemeralContainers {
		if c := &pod.Spec.EphemeralContainers[i]; c.Name == container {
			container = c.TargetContainerName
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range pod.Status.ContainerStatuses {
		if status := &pod.Status.ContainerStatuses[i]; status.Name == container && k.pids[status.ContainerID] != 0 {
			return k.pids[status.ContainerID], nil
		}
	}
	return 0, fmt.Errorf("container %s of pod %s has no process", container, pod.Name)
}

func (k *kubelet) rootOf(pid int) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.roots[pid]
}

// imageContainer is the container of a pod that has an image as a volume; nil for none.
func imageContainer(pod *corev1.Pod) *corev1.Container {
	for i := range pod.Spec.Containers {
		if c := &pod.Spec.Containers[i]; imageMount(pod, c) != "" {
			return c
		}
	}
	return nil
}

// imageMount is where a container has an image as a volume: the one that all containers are started from, whichever it is.
func imageMount(pod *corev1.Pod, c *corev1.Container) string {
	for _, m := range c.VolumeMounts {
		if slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name && v.Image != nil }) {
			return m.MountPath
		}
	}
	return ""
}

// user is who a container runs as.
func user(pod *corev1.Pod, c *corev1.Container) (uid, gid int64) {
	if s := pod.Spec.SecurityContext; s != nil {
		uid, gid = value(s.RunAsUser), value(s.RunAsGroup)
	}
	if s := c.SecurityContext; s != nil && s.RunAsUser != nil {
		uid, gid = value(s.RunAsUser), value(s.RunAsGroup)
	}
	return uid, gid
}

func value(p *int64) int64 {
	if p == nil {
		return 0
	}
	return *p
}

func running() corev1.ContainerState {
	return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}}
}

// helperRoot makes the root that all helpers have: busybox, and what a runtime puts beside it.
func (k *kubelet) helperRoot() (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.helper != "" {
		return k.helper, nil
	}
	root := k.tb.TempDir()
	for _, dir := range []string{"bin", "proc", "dev", "tmp"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o755); err != nil {
			return "", err
		}
	}
	if err := install(k.busybox, filepath.Join(root, "bin")); err != nil {
		return "", err
	}
	k.helper = root
	return root, errorsOf(
		os.WriteFile(filepath.Join(root, "dev/termination-log"), nil, 0o666),
		os.Chmod(filepath.Join(root, "dev/termination-log"), 0o666),
		os.Chmod(filepath.Join(root, "tmp"), 0o777|os.ModeSticky),
		open(root),
		devices(filepath.Join(root, "dev")))
}

// open lets every user into a temporary directory.
func open(root string) error {
	return errorsOf(os.Chmod(root, 0o755), os.Chmod(filepath.Dir(root), 0o755))
}

func errorsOf(list ...error) error {
	for _, err := range list {
		if err != nil {
			return err
		}
	}
	return nil
}
