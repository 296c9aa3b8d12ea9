// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"fmt"
	"slices"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
)

// openFiles are the readings of a process whose descriptors have these facts: BLOCKS DEV:INO MODE SIZE NLINK.
func openFiles(r process.Readings, pid int, facts ...[5]any) {
	links, stats := "", ""
	for fd, f := range facts {
		links += fmt.Sprintf("%d/fd/%d//%[1]d/fd/%[2]d -> /x (deleted)\n", pid, fd)
		stats += fmt.Sprintf("%d/fd/%d//%v %v %v %v 0 0 %v 0:0 1 2023-11-14 22:13:20 +0000 2023-11-14 22:13:20 +0000\n", pid, fd, f[0], f[1], f[2], f[3], f[4])
	}
	r[fmt.Sprintf("%d/fd", pid)] = process.Reading{Text: links}
	r[fmt.Sprintf("%d/fdstat", pid)] = process.Reading{Text: stats}
}

func TestDeletedFilesCountOnceAndOnTheirDevice(t *testing.T) {
	r := process.Readings{"x/fd": {}, "9/fd": {Denied: true}}
	openFiles(r, 7, [5]any{8, "1:10", "81a4", 99, 0}, [5]any{16, "1:11", "81a4", 99, 1}, [5]any{32, "2:12", "81a4", 99, 0}, [5]any{64, "1:13", "1180", 0, 0})
	openFiles(r, 8, [5]any{8, "1:10", "81a4", 99, 0}, [5]any{0, "1:14", "81a4", 0, 0}, [5]any{128, "1:15", "81a4", 99, 0})
	got := DeletedFiles(r, map[uint64]bool{1: true})
	if got.Bytes != (8+128)*512 || got.Files != 2 || !slices.Equal(got.PIDs, []int{7, 8}) {
		t.Errorf("%+v", got)
	}
	if got := DeletedFiles(r, nil); got.Bytes != 0 || len(got.PIDs) != 0 {
		t.Errorf("on no device: %+v", got)
	}
}

func FuzzDeletedFiles(f *testing.F) {
	f.Add("7/fd/1//7/fd/1 -> /x (deleted)\n", "7/fd/1//8 1:10 81a4 99 0 0 0 0:0 1 2023-11-14 22:13:20 +0000 2023-11-14 22:13:20 +0000\n")
	f.Fuzz(func(t *testing.T, links, stats string) {
		got := DeletedFiles(process.Readings{"7/fd": {Text: links}, "7/fdstat": {Text: stats}}, map[uint64]bool{1: true})
		if got.Files < 0 || len(got.PIDs) > 1 || got.Files > 0 && len(got.PIDs) == 0 {
			t.Errorf("%+v", got)
		}
	})
}
