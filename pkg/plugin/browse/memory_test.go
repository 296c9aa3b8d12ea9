// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/place"
)

// A crowd is a place of directories with 10,000 entries each, and of files of one kind of line. Each answer takes memory of its own.
type crowd struct {
	items []place.Item
	line  string
}

func (c crowd) List(_ context.Context, dir string) (place.Listing, error) {
	return place.Listing{Path: dir, Items: slices.Clone(c.items)}, nil
}

func (crowd) Stamp(context.Context, string) (time.Time, error) { return time.Time{}, nil }

func (c crowd) Look(_ context.Context, name string, limit int64, _ bool) (place.Head, error) {
	it := file(path.Base(name), 1<<40)
	return place.Head{Path: name, Item: it, Opened: true, Begin: bytes.Repeat([]byte(c.line), int(limit)/len(c.line))}, nil
}

// However many large directories were seen, and whatever a file is made of, a screen leaves most of 100 MB to the rest of the program.
func TestMemoryHasAnEnd(t *testing.T) {
	const most = 60 << 20
	items := many()
	for name, line := range map[string]string{"text": "worker_processes auto;\n", "empty lines": "\n", "tabs": "\t"} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, 200, 60)
			s.panes[0].place = crowd{items, line}
			before := heap()
			for i := range 60 {
				s.do(finder{s.model}.open(s.panes[0], fmt.Sprint("/many/", i), ""))
			}
			s.typed("/ '99 enter esc s s s s end v")
			if s.viewer == nil || !strings.Contains(s.screen(), "c copies the file out") {
				t.Fatalf("no view:\n%s", s.screen())
			}
			used := heap() - before
			if t.Logf("%.1f MB", float64(used)/(1<<20)); used > most {
				t.Errorf("%d bytes, at most %d", used, most)
			}
			runtime.KeepAlive(s)
			runtime.KeepAlive(items)
		})
	}
}

// heap is how many bytes are in use.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
