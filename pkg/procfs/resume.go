// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"bufio"
	"context"
	"crypto/sha1" //nolint:gosec // see content.go
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"strings"
)

// A settled stands for a file of a tree as it was when it was copied: its name and facts, summed up, since a tree may have
// very many of them.
type settled [sha1.Size]byte

func settledOf(name, line string) settled {
	return sha1.Sum([]byte(name + "\x00" + line)) //nolint:gosec // see content.go
}

// A partial is the beginning of a file that came before the stream broke.
type partial struct {
	content Resumable
	line    string // the facts that it had
	at      int64
	sum     string // of these bytes; "" where the parts' own sums have shown that they are right
}

// keep lays down a file whose stream broke, and reports whether there is anything to lay down.
func (s *single) keep() bool {
	content, ok := s.content.(Resumable)
	if !ok || s.lost || s.local != nil {
		return false
	}
	kept := partial{content: content, line: s.line, at: s.verified}
	if s.whole != nil && s.at > 0 {
		kept.at, kept.sum = s.at, hex.EncodeToString(s.whole.Sum(nil))
	}
	s.sums[s.name] = s.whole
	content.Suspend()
	s.partial[s.name] = kept
	return true
}

// drop ends what is laid down, where nobody takes it up any more.
func (p *puller) drop() {
	for name, kept := range p.partial {
		delete(p.partial, name)
		if !p.Resume {
			kept.content.Abort()
		}
	}
}

// settle notes that a file needs not come any more.
func (p *puller) settle(name, line string) {
	p.done[settledOf(name, line)] = struct{}{}
	delete(p.missing, name)
}

// A plan is what to do about each file of a tree, in the order of find.
type plan struct {
	small, large []string // lines for again.sh and one.sh
	missing      map[string]bool
}

func (w *plan) text() string {
	return strings.Join(append(append([]string{}, w.small...), append(w.large, "")...), "\n")
}

// plan asks which files there are, and decides about each.
func (p *puller) plan(ctx context.Context) (*plan, error) {
	w := &plan{missing: map[string]bool{}}
	var total int64
	err := p.run(ctx, []string{"list"}, "", func(b *bufio.Reader, _ string) error {
		if !p.begun {
			if err := p.own(p.sink.Begin(p.found)); err != nil {
				return err
			}
			p.begun = true
		}
		for _, add := range []func([]string, []described) error{
			func(names []string, stats []described) error { return p.planSmall(w, names, stats) },
			func(names []string, stats []described) error { return p.planLarge(w, names, stats) },
		} {
			for {
				names, stats, _, err := readMetaBatch(b)
				if err != nil {
					return err
				}
				if len(names) == 0 {
					break
				}
				for i, s := range stats {
					if w.missing[names[i]] = true; s.Stat != nil {
						total += s.Size
					}
				}
				if err := add(names, stats); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err == nil && p.Total != nil {
		p.Total(total)
	}
	return w, err
}

// finished tells whether a file needs nothing any more.
func (p *puller) finished(name, line string) bool {
	_, done := p.done[settledOf(name, line)]
	return done || p.failed[name]
}

// have opens what the sink has of a file from an earlier run.
func (p *puller) have(name string, s *Stat) (io.ReadCloser, bool, error) {
	keeper, ok := p.sink.(Keeper)
	if !ok || !p.Resume || s == nil {
		return nil, false, nil
	}
	r, whole, err := keeper.Have(name, s)
	return r, whole, p.own(err)
}

// planSmall decides about the files of one call of again.sh.
func (p *puller) planSmall(w *plan, names []string, stats []described) error {
	letters := make([]byte, len(names))
	sum := newSum()
	for i, name := range names {
		letters[i] = 's'
		if stats[i].Stat == nil {
			continue
		}
		if p.finished(name, stats[i].line) {
			letters[i] = 'k'
			continue
		}
		r, whole, err := p.have(name, stats[i].Stat)
		if err != nil {
			return err
		}
		if r == nil {
			continue
		}
		// It is small: what another process makes of it meanwhile must not get into the sum of the others.
		data, err := io.ReadAll(io.LimitReader(r, smallSize))
		_ = r.Close()
		if err == nil && whole && int64(len(data)) == stats[i].Size {
			letters[i] = 'c'
			sum.Write(data)
		}
	}
	w.small = append(w.small, string(letters)+" "+hex.EncodeToString(sum.Sum(nil)))
	return nil
}

// smallSize is from where on a file has a frame of its own: see pull.sh.
const smallSize = 131072

// planLarge decides about files that come by themselves.
func (p *puller) planLarge(w *plan, names []string, stats []described) error {
	for i, name := range names {
		line, err := p.planOne(name, stats[i])
		if err != nil {
			return err
		}
		w.large = append(w.large, line)
	}
	return nil
}

func (p *puller) planOne(name string, d described) (string, error) {
	if p.finished(name, d.line) {
		return "k", nil
	}
	if kept, ok := p.partial[name]; ok {
		if kept.line == d.line && kept.at > 0 {
			sum := kept.sum
			if sum == "" {
				sum = "-"
			}
			return fmt.Sprintf("%d %s %s", kept.at, sum, kept.line), nil
		}
		return "0 - -", nil
	}
	r, _, err := p.have(name, d.Stat)
	if r == nil || err != nil {
		return "0 - -", err
	}
	defer func() { _ = r.Close() }()
	sum := newSum()
	n, err := io.Copy(sum, r)
	if err != nil || n > d.Size {
		return "0 - -", nil
	}
	p.sums[name] = sum
	return fmt.Sprintf("%d %s -", n, hex.EncodeToString(sum.Sum(nil))), nil
}

// sumFrom is the running sum of what is there of a file, nil where nobody knows it.
func sumFrom(h hash.Hash) hash.Hash {
	if c, ok := h.(hash.Cloner); ok {
		if clone, err := c.Clone(); err == nil {
			return clone
		}
	}
	return nil
}

// readKept reads which files stay as they are.
func (p *puller) readKept(b *bufio.Reader) error {
	names, err := readNames(b)
	if err != nil {
		return err
	}
	stats, err := readStats(b, len(names))
	if err != nil {
		return err
	}
	for i, name := range names {
		if stats[i].Stat == nil || !p.missing[name] {
			return answerError("%q is kept", name)
		}
		if p.finished(name, stats[i].line) {
			delete(p.missing, name)
			continue
		}
		keeper, ok := p.sink.(Keeper)
		if !ok {
			return answerError("%q is kept", name)
		}
		if err := p.own(keeper.Kept(name, stats[i].Stat)); err != nil {
			return err
		}
		p.settle(name, stats[i].line)
	}
	return nil
}

// A followed is a directory that a link led to.
type followed struct{ name, path string }

// readLink reads what follow.sh says of a link that leads to no file.
func (p *puller) readLink(b *bufio.Reader) error {
	var path, status, physical string
	if err := readFields(b, &path, &status, &physical); err != nil {
		return err
	}
	name, err := relative(path)
	if err != nil {
		return err
	}
	var code int
	if _, err := fmt.Sscan(status, &code); err != nil {
		return answerError("status %q", status)
	}
	if code != codeOK {
		p.fail(name, &fs.PathError{Op: "follow", Path: name, Err: codeError(code)})
		return nil
	}
	p.links = append(p.links, followed{name, physical})
	return nil
}
