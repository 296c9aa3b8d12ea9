// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"slices"
	"strings"
	"testing"
)

// mountinfoText is a container's, and what a process has mounted over it.
const mountinfoText = `600 512 0:60 / / ro,relatime - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w
601 600 0:63 / /proc rw,nosuid - proc proc rw
602 600 0:64 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755
603 602 0:66 / /dev/shm rw,nosuid - tmpfs shm rw,size=65536k
604 600 254:0 /var/lib/kubelet/pods/u/volumes/kubernetes.io~empty-dir/data /data rw,relatime shared:3 master:1 - ext4 /dev/vda rw
605 600 0:58 / /etc/with\040blank ro,relatime - tmpfs tmpfs rw,size=1k
606 602 254:0 /x /dev/termination-log rw,relatime - ext4 /dev/vda rw
607 604 0:70 / /data/sub rw - tmpfs first rw
608 607 0:71 / /data/sub rw - tmpfs second rw
609 600 0:72 / /opt/deep/er rw - tmpfs covered rw
610 609 0:73 / /opt/deep/er/most rw - tmpfs covered rw
611 600 0:74 / /opt rw - tmpfs cover rw
612 607 0:75 / /data/sub/old rw - tmpfs covered rw
no line
`

func TestMountsKnowWhatIsCovered(t *testing.T) {
	all := Mounts(mountinfoText)
	var seen []string
	for _, m := range all {
		if !m.Hidden {
			seen = append(seen, m.Source+" "+m.Point)
		}
	}
	want := []string{
		"overlay /", "proc /proc", "tmpfs /dev", "shm /dev/shm", "/dev/vda /data", "tmpfs /etc/with blank",
		"/dev/vda /dev/termination-log", "second /data/sub", "cover /opt",
	}
	if !slices.Equal(seen, want) {
		t.Errorf("seen are\n%s\nand not\n%s", strings.Join(seen, "\n"), strings.Join(want, "\n"))
	}
	if m := all[0]; !m.ReadOnly || m.Type != "overlay" || m.Device != "0:60" || m.Kernel() || !all[1].Kernel() {
		t.Errorf("%+v", m)
	}
	if m := all[4]; m.ReadOnly || !strings.HasSuffix(m.Root, "/data") {
		t.Errorf("%+v", m)
	}
}

func TestMountOfIsTheOneThatAPathIsOn(t *testing.T) {
	all := Mounts(mountinfoText)
	for path, want := range map[string]string{
		"/": "overlay", "/data": "/dev/vda", "/datax": "overlay", "/data/sub/x": "second", "/opt/deep/er/most/x": "cover", "/dev/shm/x": "shm",
	} {
		if m, ok := MountOf(all, path); !ok || m.Source != want {
			t.Errorf("%s is on %+v, want %s", path, m, want)
		}
	}
	if m, ok := MountOf(nil, "/"); ok {
		t.Errorf("of no mounts: %+v", m)
	}
}

func FuzzMounts(f *testing.F) {
	f.Add(mountinfoText)
	f.Add("1 1 0:1 / / rw - tmpfs x rw\n1 1 0:1 / . rw - tmpfs x rw\n")
	f.Add("1 2 0:1 / /a rw - tmpfs x rw\n2 1 0:1 / /b rw - tmpfs x rw\n3 2 0 relative x\\08 ro - a b\n")
	f.Fuzz(func(t *testing.T, text string) {
		all := Mounts(text)
		for _, m := range all {
			if found, ok := MountOf(all, m.Point); ok && found.Hidden {
				t.Errorf("%q is on a mount that is hidden", m.Point)
			}
		}
	})
}
