// SPDX-License-Identifier: Apache-2.0

//go:build linux

package conform

import (
	"crypto/sha256"
	"hash"
	"io"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/procfs"
)

// A collector is a procfs.Sink that keeps nothing but facts and checksums.
type collector struct {
	stats  map[string]*procfs.Stat
	sums   map[string][sha256.Size]byte
	failed map[string]error
}

func newCollector() *collector {
	return &collector{stats: map[string]*procfs.Stat{}, sums: map[string][sha256.Size]byte{}, failed: map[string]error{}}
}

// Begin does nothing: the tree's own entry comes too.
func (c *collector) Begin(procfs.Found) error { return nil }

// Entry keeps the facts.
func (c *collector) Entry(name string, s *procfs.Stat) error {
	c.stats[name] = s
	return nil
}

// Create sums up what comes.
func (c *collector) Create(name string, s *procfs.Stat) (procfs.Content, error) {
	c.stats[name] = s
	return &content{collector: c, name: name, hash: sha256.New()}, nil
}

// Failed keeps why.
func (c *collector) Failed(name string, err error) { c.failed[name] = err }

type content struct {
	*collector
	name string
	hash hash.Hash
}

func (c *content) Write(p []byte) (int, error) { return c.hash.Write(p) }

func (c *content) Skip(n int64) error {
	_, err := io.CopyN(c.hash, zeros{}, n)
	return err
}

func (c *content) Commit() error {
	c.sums[c.name] = [sha256.Size]byte(c.hash.Sum(nil))
	return nil
}

func (c *content) Abort() {}

// zeros is a reader without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
