// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"context"
	"path"
	"strconv"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
)

// A Place is where requests about files begin: a path of a root, or what is in a stage there. Files are named as find calls them
// from there, which Sent does.
type Place struct {
	Root  *Root
	Start string
	// Within is the name of the stage in Start, Physical where Start is no link or is itself what is selected, or "".
	Within string
}

// Physical stands in Place.Within for a path whose last name is not followed.
const Physical = "-"

func (p *Place) staged() bool { return p.Within != "" && p.Within != Physical }

// Request is one about a start, and a stage in it.
func (p *Place) Request(verb string, names []string, args ...string) remote.Request {
	return remote.Request{Verb: verb, Args: args, Names: names, Late: func() []string { return []string{p.Start, p.Within} }}
}

// reading marks a request as one that reads files.
func reading(q remote.Request) remote.Request {
	q.Reads = true
	return q
}

// Sent is a path as the program takes it.
func Sent(name string) string {
	if name == "." {
		return "."
	}
	return "./" + name
}

// About is a request about a batch, whose names come behind the arguments.
func (p *Place) About(verb string, batch []string, args ...string) remote.Request {
	if len(batch) == 1 && strings.Contains(batch[0], "\n") {
		return p.Request(verb, nil, append(args, batch[0])...)
	}
	return p.Request(verb, batch, append(args, "")...)
}

// MaxBatch is how many names go with one request, and batchBytes how long they are together.
const (
	MaxBatch   = 4000
	batchBytes = 400_000
)

// Batches splits names into what fits into a request. One with a newline comes alone.
func Batches(names []string) (batches [][]string) {
	size, open := 0, false
	for _, name := range names {
		odd, last := strings.Contains(name, "\n"), len(batches)-1
		if !open || odd || len(batches[last]) == MaxBatch || size+len(name) > batchBytes {
			batches, size, open, last = append(batches, nil), 0, !odd, last+1
		}
		batches[last] = append(batches[last], name)
		size += len(name) + 1
	}
	return batches
}

// one is a request about one file: by its path from the root, or by its name in a stage.
func (p *Place) one(verb, file string, args ...string) (name string, q remote.Request) {
	name = path.Join(p.Start, file)
	if p.staged() {
		return name, reading(p.Request(verb, nil, append([]string{file}, args...)...))
	}
	return name, remote.Request{Verb: verb, Args: append([]string{name, p.Within, ""}, args...), Reads: true}
}

// Sums asks for checksums of files: of several at once, with the facts before and after, or of one by its path.
func (p *Place) Sums(ctx context.Context, tool string, files []string, states map[string]string) ([]string, error) {
	if len(files) == 1 {
		_, sum, err := p.SumOne(ctx, tool, files[0], -1, states[files[0]])
		return []string{sum}, err
	}
	q := reading(p.Request("sum", files, append([]string{"", tool, "-"}, directoriesOf(files)...)...))
	sums := make([]string, 0, len(files))
	err := p.Root.Ask(ctx, "sum", p.Start, q, func(b *remote.Answer) error {
		return steady(b, files, states, false, func() error {
			text, err := b.Field()
			if err != nil {
				return err
			}
			lines := strings.Split(text, "\n")
			if len(lines) != len(files)+1 || lines[len(files)] != "0" {
				return remote.ErrRead
			}
			for _, line := range lines[:len(files)] {
				sum, _, _ := strings.Cut(strings.TrimPrefix(line, `\`), " ") // GNU marks names with a backslash so
				sums = append(sums, sum)
			}
			return nil
		})
	})
	return sums, err
}

// SumOne asks for the checksum of the first n bytes of a file, of all of it where n is negative. A state that is not "" has to be the
// file's.
func (p *Place) SumOne(ctx context.Context, tool, file string, n int64, state string) (size int64, sum string, err error) {
	count := "-"
	if n >= 0 {
		count = strconv.FormatInt(n, 10)
	}
	name, q := p.one("sum", file, tool, count)
	err = p.Root.Ask(ctx, "sum", name, q, func(b *remote.Answer) error {
		info, err := p.Root.readBegin(b)
		if err != nil {
			return err
		}
		var text, after string
		if err := b.Fields(&text, &after); err != nil {
			return err
		}
		size, sum = info.Size, strings.TrimLeft(text, ",")
		if p.Root.Kernel(info.Path) && !p.staged() {
			return nil
		}
		now, err := remote.ParseStat(after)
		switch {
		case err != nil:
			return err
		// What is behind the first n bytes does not matter.
		case n >= 0 && state == "" && now.GrewFrom(info.State, n):
			return nil
		case now.State != info.State, state != "" && state != info.State:
			return remote.ErrChanged
		}
		return nil
	})
	return size, sum, err
}

// A Fact is what verb_facts says of a file.
type Fact struct {
	Line  string // gone, denied, or its facts
	Opens bool   // it is a directory, and opens
}

const (
	gone   = "g"
	denied = "d"
)

// Facts asks for the facts of files.
func (p *Place) Facts(ctx context.Context, names []string) (map[string]Fact, error) {
	found := make(map[string]Fact, len(names))
	for _, batch := range Batches(names) {
		err := p.Root.Ask(ctx, "stat", p.Start, reading(p.About("facts", batch)), func(b *remote.Answer) error {
			for _, name := range batch {
				var line, opened string
				if err := b.Fields(&line, &opened); err != nil {
					return err
				}
				found[name] = Fact{line, opened != ""}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// unlisted asks for the names in directories that find cannot go into.
func (p *Place) unlisted(ctx context.Context, directories []string) ([][]string, error) {
	var found [][]string
	for _, batch := range Batches(directories) {
		err := p.Root.Ask(ctx, "open", p.Start, reading(p.About("names", batch)), func(b *remote.Answer) error {
			for range batch {
				names, err := readNames(b)
				if err != nil {
					return err
				}
				found = append(found, names)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}
