// SPDX-License-Identifier: Apache-2.0

//go:build linux

package node

import (
	"slices"
	"testing"
)

func TestParseMountinfo(t *testing.T) {
	const hybrid = `22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 25 0:26 / /sys/fs/cgroup ro,nosuid shared:9 - tmpfs tmpfs ro,mode=755
31 30 0:27 / /sys/fs/cgroup/unified rw shared:10 master:2 - cgroup2 cgroup2 rw,nsdelegate
32 30 0:28 / /sys/fs/cgroup/systemd rw shared:11 - cgroup cgroup rw,xattr,release_agent=/x,name=systemd
33 30 0:30 / /sys/fs/cgroup/cpu,cpuacct rw shared:12 - cgroup cgroup rw,cpu,cpuacct
34 40 0:30 / /elsewhere rw shared:12 - cgroup cgroup rw,cpu,cpuacct
`
	want := []hierarchy{
		{mountPoint: "/sys/fs/cgroup/unified", unified: true},
		{mountPoint: "/sys/fs/cgroup/systemd", options: "name=systemd"},
		{mountPoint: "/sys/fs/cgroup/cpu,cpuacct", options: "cpu,cpuacct"},
	}
	if got := parseMountinfo(hybrid); !slices.Equal(got, want) {
		t.Errorf("hybrid: %+v, want %+v", got, want)
	}
	const unified = "29 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n"
	if got := parseMountinfo(unified); !slices.Equal(got, []hierarchy{{mountPoint: "/sys/fs/cgroup", unified: true}}) {
		t.Errorf("unified: %+v", got)
	}
	if got := parseMountinfo("garbage\n1 2 3\n"); len(got) != 0 {
		t.Errorf("garbage: %+v", got)
	}
}
