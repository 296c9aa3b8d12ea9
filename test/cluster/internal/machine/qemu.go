// SPDX-License-Identifier: Apache-2.0

//go:build linux

package machine

import (
	"bytes"
	"fmt"
	"os"
)

// Ports that the machine's network has at the address of the node.
const (
	KubeletPort    = 10250
	ContainerdPort = 10330
)

// Network is the one between the machine and qemu, which stands for the gateway there.
type Network struct{ Net, Gateway, Node string }

// Command is qemu's command line, for a process whose root is a machine's directory with the cluster's at /state. The
// disk stays as it is: what is written goes to a file in /var/tmp that has no name.
func Command(n Network) []string {
	forward := func(port int) string { return fmt.Sprintf(",hostfwd=tcp:%[1]s:%[2]d-%[1]s:%[2]d", n.Node, port) }
	argv := []string{
		"/usr/bin/qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-monitor", "none",
		"-M", "q35,usb=off,vmport=off,smm=off", "-smp", "2", "-m", fmt.Sprint(memory), "-cpu", "max,la57=off",
		"-kernel", "/" + kernel, "-initrd", "/state/initrd",
		"-append", "console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off nokaslr audit=0 random.trust_cpu=1 tsc=reliable",
		"-drive", "file=/" + disk + ",if=none,id=root,format=raw,cache=unsafe,snapshot=on", "-device", "virtio-blk-pci,drive=root",
		"-netdev", "user,id=net,ipv6=off,net=" + n.Net + ",host=" + n.Gateway + forward(KubeletPort) + forward(ContainerdPort),
		"-device", "virtio-net-pci,netdev=net,romfile=",
		"-chardev", "file,id=console,path=/state/logs/console.log", "-serial", "chardev:console",
		"-device", "virtio-serial-pci",
	}
	for _, name := range []string{"containerd", "kubelet"} {
		argv = append(argv, "-chardev", "file,id="+name+",path=/state/logs/"+name+".log", "-device", "virtserialport,name="+name+",chardev="+name)
	}
	if hasKVM() {
		return append(argv, "-accel", "kvm")
	}
	return append(argv, "-accel", "tcg,thread=multi,tb-size=512")
}

// hasKVM reports whether the processor itself runs virtual machines. The device alone says too little: without the
// processor's help (pvm) KVM runs by emulation the part of a kernel that it can.
func hasKVM() bool {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil || !bytes.Contains(text, []byte(" vmx ")) && !bytes.Contains(text, []byte(" svm ")) {
		return false
	}
	device, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	return err == nil && device.Close() == nil
}
