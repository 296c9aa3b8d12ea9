// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"context"
	"io"
	"path"
	"slices"
	"strings"
)

// followAll copies the directories that links led to, each as a tree of its own.
func (p *puller) followAll(ctx context.Context) error {
	for _, l := range p.links {
		through := append(slices.Clone(p.through), path.Join(p.found.Path, path.Dir(l.name)))
		if slices.ContainsFunc(through, func(dir string) bool { return isWithin(dir, l.path) }) {
			p.fail(l.name, ErrLinkLoop)
			continue
		}
		where, how := p.where, p.Copying
		where.Path, how.Total = l.path, nil
		sub := newPuller(how, p.runner, p.proc, where, under{p.sink, l.name})
		sub.through = through
		err := sub.all(ctx)
		if err == nil {
			err = sub.followAll(ctx)
		}
		sub.drop()
		switch {
		case sub.local != nil:
			return p.own(sub.local)
		case err != nil && (ctx.Err() != nil || Broken(err)):
			return err
		case err != nil:
			p.fail(l.name, err)
		}
	}
	return nil
}

// isWithin tells whether a physical path is dir or in it.
func isWithin(name, dir string) bool {
	return name == dir || strings.HasPrefix(name, strings.TrimSuffix(dir, "/")+"/")
}

// An under is a Sink for what is to be in a directory of another one.
type under struct {
	sink Sink
	dir  string
}

func (u under) Begin(Found) error { return nil }

func (u under) Entry(name string, s *Stat) error { return u.sink.Entry(path.Join(u.dir, name), s) }

func (u under) Create(name string, s *Stat) (Content, error) {
	return u.sink.Create(path.Join(u.dir, name), s)
}

func (u under) Failed(name string, err error) { u.sink.Failed(path.Join(u.dir, name), err) }

func (u under) Have(name string, s *Stat) (io.ReadCloser, bool, error) {
	if keeper, ok := u.sink.(Keeper); ok {
		return keeper.Have(path.Join(u.dir, name), s)
	}
	return nil, false, nil
}

func (u under) Kept(name string, s *Stat) error {
	if keeper, ok := u.sink.(Keeper); ok {
		return keeper.Kept(path.Join(u.dir, name), s)
	}
	return nil
}
