// SPDX-License-Identifier: Apache-2.0

package fakecluster

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
)

const namespaces = true

// imageAge is how old the files of an image are at least when its container starts.
const imageAge = 100 * time.Millisecond

// process starts a container's first process: the first of a process namespace, with a copy of the template as its root. It
// reads from this program, and so ends with it.
func (k *kubelet) process(pod *corev1.Pod, c *corev1.Container, uid, gid int64) (int, error) {
	root := k.tb.TempDir()
	if err := k.image(root); err != nil {
		return 0, err
	}
	if image := imageMount(pod, c); image != "" {
		// It is a helper's root, with another image in it.
		dir := filepath.Join(root, image)
		err := errorsOf(os.MkdirAll(dir, 0o755), k.image(dir), os.MkdirAll(filepath.Join(root, "bin"), 0o755), install(k.busybox, filepath.Join(root, "bin")), os.WriteFile(filepath.Join(root, "dev/termination-log"), nil, 0o666))
		if err != nil {
			return 0, err
		}
	}
	// An image is older than its container, and when that was started is known to hundredths of a second.
	<-time.After(imageAge)
	cmd := exec.Command("/usr/sbin/nginx") //nolint:noctx // it ends with the test
	cmd.Args = []string{"sh", "-c", `trap caught=1 HUP USR1; until caught=; read _; test -z "$caught"; do :; done`, "nginx: master process nginx -g daemon off;"}
	cmd.Env = []string{"PATH=/bin", "HOME=/"}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Chroot: root, Cloneflags: syscall.CLONE_NEWPID, Unshareflags: syscall.CLONE_NEWNS,
		Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)},
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("start container %s: %w", c.Name, err)
	}
	k.tb.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
	if err := k.mount(pod, c, root, cmd.Process.Pid); err != nil {
		return 0, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.roots[cmd.Process.Pid] = root
	return cmd.Process.Pid, nil
}

// mount gives a container its /proc and its volumes.
func (k *kubelet) mount(pod *corev1.Pod, c *corev1.Container, root string, pid int) error {
	mounts := [][]string{{root + "/proc", "-t", "proc"}}
	for _, m := range c.VolumeMounts {
		if m.MountPath == imageMount(pod, c) {
			continue
		}
		mount := []string{root + m.MountPath, "-t", "tmpfs"} // whatever the volume is
		if size := sizesOf(pod)[m.Name]; size > 0 {
			mount = append(mount, "-o", fmt.Sprintf("size=%d", size))
		}
		mounts = append(mounts, mount)
	}
	for _, m := range mounts {
		if err := os.MkdirAll(m[0], 0o777); err != nil {
			return err
		}
		// Its point may be on another mount, which is there in the container only.
		args := append([]string{"--target", fmt.Sprint(pid), "--mount", "--pid", "sh", "-c", `mkdir -p "$0" && exec mount "$@" "$0"`}, m...)
		mount := exec.CommandContext(k.tb.Context(), "nsenter", append(args, m[2])...)
		if out, err := mount.CombinedOutput(); err != nil {
			return fmt.Errorf("mount %s: %w: %s", m[0], err, out)
		}
	}
	return nil
}

// image makes what all containers are started from: the template, and what furnish makes.
func (k *kubelet) image(root string) error {
	if out, err := exec.CommandContext(k.tb.Context(), "cp", "-a", k.template+"/.", root).CombinedOutput(); err != nil {
		return fmt.Errorf("copy the template: %w: %s", err, out)
	}
	return k.furnish(root)
}

// furnish makes what an image and a runtime have beside the template.
func (k *kubelet) furnish(root string) error {
	errs := []error{open(root), os.Symlink("/run", filepath.Join(root, "var/run"))}
	for name, mode := range map[string]os.FileMode{"dev": 0o755, "proc": 0o755, "root": 0o700, "run": 0o755, "tmp": 0o777 | os.ModeSticky, "usr": 0o755, "usr/sbin": 0o755} {
		dir := filepath.Join(root, name)
		errs = append(errs, os.MkdirAll(dir, 0o755), os.Chmod(dir, mode))
	}
	return errorsOf(append(errs, devices(filepath.Join(root, "dev")), os.WriteFile(filepath.Join(root, "run/nginx.pid"), []byte("1\n"), 0o644),
		copyFile(k.busybox, filepath.Join(root, "usr/sbin/nginx")))...)
}

// enter mounts what a runtime mounts into a container and becomes its command. $0 is its root, $1 its user and group.
const enter = `mount -t proc proc "$0/proc" && who=$1 && shift && exec chroot --userspec="$who" "$0" "$@"`

// run runs a command in a helper: among its target's processes, with mounts of its own.
func (k *kubelet) run(ctx context.Context, pod *corev1.Pod, container string, argv []string, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	pid, err := k.target(pod, container)
	if err != nil {
		return 0, err
	}
	root, err := k.helperRoot()
	if err != nil {
		return 0, err
	}
	who := "0:0"
	if c := imageContainer(pod); c != nil && c.Name == container {
		uid, gid := user(pod, c)
		root, who = k.rootOf(pid), fmt.Sprintf("%d:%d", uid, gid)
	}
	for i := range pod.Spec.EphemeralContainers {
		c := corev1.Container(pod.Spec.EphemeralContainers[i].EphemeralContainerCommon)
		if c.Name == container {
			uid, gid := user(pod, &c)
			who = fmt.Sprintf("%d:%d", uid, gid)
		}
	}
	args := append([]string{"--target", fmt.Sprint(pid), "--pid", "--", "unshare", "--mount", "--", "sh", "-c", enter, root, who}, argv...)
	cmd := exec.CommandContext(ctx, "nsenter", args...)
	cmd.Env = []string{"PATH=/bin:/usr/bin:/sbin:/usr/sbin", "HOME=/"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if stdin != nil {
		// Not cmd.Stdin, for whose end Wait would wait.
		pipe, err := cmd.StdinPipe()
		if err != nil {
			return 0, err
		}
		go func() {
			_, _ = io.Copy(pipe, stdin)
			_ = pipe.Close()
		}()
	}
	err = cmd.Run()
	if cmd.ProcessState == nil {
		return 0, err
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil // as runtimes say it
	}
	return cmd.ProcessState.ExitCode(), nil
}

// install puts busybox and a link for each of its applets into a directory.
func install(busybox, dir string) error {
	if err := copyFile(busybox, filepath.Join(dir, "busybox")); err != nil {
		return err
	}
	list, err := exec.Command(busybox, "--list").Output() //nolint:noctx // it ends at once
	if err != nil {
		return err
	}
	for _, name := range strings.Fields(string(list)) {
		if err := os.Symlink("busybox", filepath.Join(dir, name)); err != nil && !os.IsExist(err) {
			return err
		}
	}
	return nil
}

// copyFile copies a program in a process of its own: one that is open for writing here while another is started here can't
// be run.
func copyFile(from, to string) error {
	if out, err := exec.Command("cp", from, to).CombinedOutput(); err != nil { //nolint:noctx // it ends at once
		return fmt.Errorf("copy %s: %w: %s", from, err, out)
	}
	return os.Chmod(to, 0o755)
}

// devices puts the character devices that every container has into a directory.
func devices(dir string) error {
	for name, minor := range map[string]int{"null": 3, "zero": 5, "urandom": 9} {
		path := filepath.Join(dir, name)
		if err := errorsOf(syscall.Mknod(path, syscall.S_IFCHR, 1<<8|minor), os.Chmod(path, 0o666)); err != nil {
			return err
		}
	}
	return nil
}
