// SPDX-License-Identifier: Apache-2.0

package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// mountPatience is how long one mount point may take to answer.
const mountPatience = 5 * time.Second

// A Capacity is what statfs(2) says of the file system at a path: bytes, and inodes, 0 of those where it does not count them.
type Capacity struct {
	// Size is Used, Available, and what is kept for the superuser.
	Size, Used, Available uint64
	Inodes, UsedInodes    uint64
	// Err says why nothing is known; ErrStuck where the mount did not answer in time.
	Err error
}

// Capacities asks about the file systems at mount points, from the root of a process, as mountinfo names them. It is one request,
// and one more for each mount that does not answer, since nothing else ends the wait for it. The error is fs.ErrPermission where
// the root of the process is denied.
func (h *Host) Capacities(ctx context.Context, pid int, points []string) ([]Capacity, error) {
	all := make([]Capacity, len(points))
	var asked []int
	for i, point := range points {
		if strings.Contains(point, "\n") || remote.CheckPath("statfs", point) != nil {
			all[i].Err = fs.ErrInvalid
		} else {
			asked = append(asked, i)
		}
	}
	for len(asked) > 0 {
		q := remote.Request{Verb: "df", Args: []string{h.conn.Proc, strconv.Itoa(pid)}, Patience: mountPatience}
		for _, i := range asked {
			q.Names = append(q.Names, points[i])
		}
		n := 0
		err := h.conn.Ask(ctx, q, func(b *remote.Answer) error {
			for n = 0; n < len(asked); n++ {
				if err := all[asked[n]].read(b); err != nil {
					return err
				}
			}
			return nil
		})
		switch {
		case err == nil:
			return all, nil
		case !errors.Is(err, remote.ErrStuck) || n == len(asked):
			return nil, fmt.Errorf("read the file systems of process %d: %w", pid, err)
		}
		asked = giveUp(all, points, asked[n:])
	}
	return all, nil
}

// giveUp leaves out the first of the points that are asked about, which does not answer, and all that are mounted below it.
func giveUp(all []Capacity, points []string, asked []int) (rest []int) {
	for _, i := range asked {
		if under(points[i], points[asked[0]]) {
			all[i].Err = remote.ErrStuck
		} else {
			rest = append(rest, i)
		}
	}
	return rest
}

// read reads the line about one point.
func (c *Capacity) read(b *remote.Answer) error {
	line, err := b.ReadSlice('\n')
	if err != nil {
		return remote.Unexpected(err)
	}
	code, text, _ := strings.Cut(strings.TrimSuffix(string(line), "\n"), " ")
	n, err := remote.Number(code)
	if err != nil {
		return err
	}
	if c.Err = remote.CodeError(n); errors.Is(c.Err, fs.ErrNotExist) {
		c.Err = remote.ErrClosedMount // it is there, since the kernel lists it
	}
	if c.Err != nil {
		return nil
	}
	f := strings.Fields(text)
	if len(f) != 6 {
		return fmt.Errorf("read file system %.200q", text)
	}
	var p remote.Numbers
	unit, blocks, free, usable := p.Unsigned(f[0], 10, 64), p.Unsigned(f[1], 10, 64), p.Unsigned(f[2], 10, 64), p.Unsigned(f[3], 10, 64)
	inodes, unused := p.Unsigned(f[4], 10, 64), p.Unsigned(f[5], 10, 64)
	if p.Err != nil {
		return fmt.Errorf("read file system %.200q: %w", text, p.Err)
	}
	// A server in user space says what it likes.
	c.Size, c.Used, c.Available = product(unit, blocks), product(unit, blocks-min(free, blocks)), product(unit, min(usable, blocks))
	c.Inodes, c.UsedInodes = inodes, inodes-min(unused, inodes)
	return nil
}

// product is the largest number there is instead of one that is larger.
func product(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	if high > 0 {
		return math.MaxUint64
	}
	return low
}
