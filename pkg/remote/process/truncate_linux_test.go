// SPDX-License-Identifier: Apache-2.0

package process

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

func TestOnlyADeletedFileThatIsTheSameIsTruncated(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			file, err := os.Create(filepath.Join(t.TempDir(), "log"))
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			if _, err := file.Write(make([]byte, 100_000)); err != nil {
				t.Fatal(err)
			}
			h, fd := hostIn(t, r, "/proc"), int(file.Fd())
			processes, err := h.Processes(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			me := processes[slices.IndexFunc(processes, func(p Process) bool { return p.PID == os.Getpid() })]
			look := func() *remote.Stat {
				readings, err := h.Inspect(t.Context(), []int{me.PID}, Descriptors)
				if err != nil {
					t.Fatal(err)
				}
				list, _ := readings.Descriptors(me.PID)
				return list[slices.IndexFunc(list, func(d Descriptor) bool { return d.FD == fd })].Stat
			}
			size := func() int64 {
				info, err := file.Stat()
				if err != nil {
					t.Fatal(err)
				}
				return info.Size()
			}
			if _, _, err := h.Truncate(t.Context(), me, fd, look()); !errors.Is(err, remote.ErrChanged) || size() != 100_000 {
				t.Errorf("a file that has a name: %v, %d bytes", err, size())
			}
			if err := os.Remove(file.Name()); err != nil {
				t.Fatal(err)
			}
			other := *look()
			other.Ino++
			if _, _, err := h.Truncate(t.Context(), me, fd, &other); !errors.Is(err, remote.ErrChanged) || size() != 100_000 {
				t.Errorf("another file than was seen: %v, %d bytes", err, size())
			}
			later := me
			later.StartTicks++
			if _, _, err := h.Truncate(t.Context(), later, fd, look()); !errors.Is(err, remote.ErrNoProcess) || size() != 100_000 {
				t.Errorf("another process of that number: %v, %d bytes", err, size())
			}
			before, after, err := h.Truncate(t.Context(), me, fd, look())
			if err != nil || size() != 0 || before.Size != 100_000 || after.Size != 0 || before.Blocks <= after.Blocks {
				t.Errorf("a deleted file: %v, %d bytes, %+v, %+v", err, size(), before, after)
			}
		})
	}
}
