// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"context"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
)

// streamPart is how many bytes of a large file one stream brings at a time. They wait in memory for those in front of them.
const streamPart = 8 << 20

// Streams is a tree whose large files come over several connections at once, for lines on which one alone is held back: first,
// and others that are the same tree over connections of their own. It is the source of a copy only.
func Streams(first Tree, others []Tree) Tree { return &parallelTree{first, others} }

type parallelTree struct {
	Tree
	others []Tree
}

// Stream is the first tree's.
func (t *parallelTree) Stream(ctx context.Context, path string, write bool) (Tree, error) {
	if s, ok := t.Tree.(Streamer); ok {
		return s.Stream(ctx, path, write)
	}
	return nil, nil
}

// Open begins a Reader on each connection.
func (t *parallelTree) Open(ctx context.Context, path string) (Reader, error) {
	first, err := t.Tree.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	all := []Reader{first}
	for _, other := range t.others {
		r, err := other.Open(ctx, path)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return &parallelReader{first, all}, nil
}

type parallelReader struct {
	Reader
	all []Reader
}

// Read is the first Reader's but for one large file.
func (r *parallelReader) Read(ctx context.Context, parts []Part, to Receiver) error {
	if len(parts) != 1 || parts[0].Grows || parts[0].End()-parts[0].From < 2*streamPart || parts[0].HasHoles() {
		return r.Reader.Read(ctx, parts, to)
	}
	ctx, cancel := context.WithCancel(ctx)
	group := crash.NewGroup(ctx)
	defer group.Wait()
	defer cancel()
	part := parts[0]
	ready, used := make([]chan *piece, len(r.all)), make(chan []byte, 2*len(r.all))
	for i, reader := range r.all {
		ready[i] = make(chan *piece)
		group.Go(func() {
			for at := part.From + int64(i)*streamPart; at < part.End(); at += int64(len(r.all)) * streamPart {
				p := readPiece(ctx, reader, part, at, used)
				select {
				case ready[i] <- p:
				case <-ctx.Done():
					return
				}
			}
		})
	}
	for i, at := 0, part.From; at < part.End(); i, at = (i+1)%len(ready), at+streamPart {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case p := <-ready[i]:
			if p.err != nil {
				return p.err
			}
			if p.own == nil {
				if err := to.Data(0, at, p.data); err != nil {
					return err
				}
				used <- p.data // there are never more of them than fit
				continue
			}
			return to.Done(0, part.Size, p.own)
		}
	}
	return to.Done(0, part.Size, nil)
}

// A piece is what one stream read of a file, as the Receiver of that.
type piece struct {
	at   int64
	size int64
	data []byte
	own  error // what is about the file
	err  error // what ended the reading
}

// readPiece reads into a buffer that is not used any more, where there is one.
func readPiece(ctx context.Context, r Reader, part Part, at int64, used <-chan []byte) *piece {
	p := &piece{at: at, size: min(streamPart, part.End()-at), own: ErrDamaged}
	select {
	case p.data = <-used:
		p.data = p.data[:0]
	default:
		p.data = make([]byte, 0, streamPart)
	}
	part.From, part.To = at, at+p.size
	if p.err = r.Read(ctx, []Part{part}, p); p.own == nil && int64(len(p.data)) != p.size {
		p.own = ErrDamaged
	}
	return p
}

// Data takes no gap: a file with holes comes over one stream.
func (p *piece) Data(_ int, offset int64, data []byte) error {
	if offset != p.at+int64(len(p.data)) || int64(len(p.data)+len(data)) > p.size {
		return ErrDamaged
	}
	p.data = append(p.data, data...)
	return nil
}

func (p *piece) Done(_ int, _ int64, err error) error {
	p.own = err
	return nil
}
