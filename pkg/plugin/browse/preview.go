// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"bytes"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
)

const (
	// previewBytes is how much of a file a preview reads, and viewBytes a view.
	previewBytes = 16 << 10
	viewBytes    = 4 << 20
	// viewLines is how many lines a view has at most: each takes memory, what is in it or not.
	viewLines = viewBytes / 16
	// previewNames is how many entries of a directory it names.
	previewNames = 200
)

// A preview is what the item under the cursor is.
type preview struct {
	key, asked string // asked is the one that is on its way; "" for none
	fileHead
	text  []string
	lang  *language
	names []item
	err   error
}

// peek asks for the preview of the item under the cursor. One is asked for at a time, so that keys that repeat do not queue up.
func (m finder) peek() tea.Cmd {
	p := m.pane()
	it, ok := p.item()
	key := fmt.Sprint(previewKey(p), it.time.UnixNano(), it.size)
	if !ok || it.name == parent || m.preview.asked != "" || m.preview.key == key || m.lost == p || !previews(m.model) || p.coming != "" {
		return nil
	}
	m.preview.asked = key
	name := p.path()
	return func() tea.Msg {
		l := looked{pane: p, key: key}
		l.fileHead, l.err = p.place.look(m.ctx, name, previewBytes, false)
		if l.err == nil && l.item.directory() && !l.item.kernel {
			var in listing
			if in, l.err = p.place.list(m.ctx, l.path); l.err == nil {
				arrange(in.items, "name")
				l.names = in.items[:min(len(in.items), previewNames)]
				l.note = output.Plural(len(in.items), "entry", "entries")
			}
		}
		return l
	}
}

// previewKey is what a preview is of.
func previewKey(p *pane) string { return fmt.Sprintf("%v:%s:", p.spot, p.path()) }

// take shows what has come.
func (p *preview) take(l looked) {
	*p = preview{key: l.key, fileHead: l.fileHead, names: l.names, err: l.err}
	if l.opened {
		p.text = textOf(l.begin, binary(l.begin))
		if !binary(l.begin) {
			p.lang = languageOf(l.path, p.text[0])
		}
	}
}

// binary reports whether bytes are no text.
func binary(begin []byte) bool {
	if bytes.IndexByte(begin, 0) >= 0 {
		return true
	}
	// The end may be in the middle of a rune.
	for cut := 0; cut < utf8.UTFMax && cut < len(begin); cut++ {
		if utf8.Valid(begin[:len(begin)-cut]) {
			return false
		}
	}
	return len(begin) > 0
}

// firstLines is how a text begins, as far as a view shows it.
func firstLines(text []byte) []byte {
	end := 0
	for range viewLines {
		n := bytes.IndexByte(text[end:], '\n')
		if n < 0 {
			return text
		}
		end += n + 1
	}
	return text[:end]
}

// textOf makes bytes fit for a terminal: lines with their tabs as blanks, or what hexdump -C prints.
func textOf(data []byte, hex bool) []string {
	if hex {
		return hexOf(data)
	}
	lines := strings.Split(strings.TrimSuffix(string(firstLines(data)), "\n"), "\n")
	for i, line := range lines {
		line = strings.TrimSuffix(line, "\r")
		var b strings.Builder
		column := 0
		for part, rest, tab := strings.Cut(line, "\t"); ; part, rest, tab = strings.Cut(rest, "\t") {
			part = output.EscapeLine(part)
			b.WriteString(part)
			if !tab {
				break
			}
			column += output.Width(part)
			blanks := tabWidth - column%tabWidth
			b.WriteString(strings.Repeat(" ", blanks))
			column += blanks
		}
		lines[i] = b.String()
	}
	return lines
}

const tabWidth = 8

func hexOf(data []byte) []string {
	const row = 16
	lines := make([]string, 0, len(data)/row+1)
	for at := 0; at < len(data); at += row {
		part := data[at:min(at+row, len(data))]
		var digits, letters strings.Builder
		for i, c := range part {
			if i == row/2 {
				digits.WriteByte(' ')
			}
			fmt.Fprintf(&digits, "%02x ", c)
			if c < ' ' || c > '~' {
				c = '.'
			}
			letters.WriteByte(c)
		}
		lines = append(lines, fmt.Sprintf("%08x  %-49s |%s|", at, &digits, &letters))
	}
	return lines
}

// above is the directory of a path.
func above(name string) string { return path.Dir(name) }

// topmost reports whether a directory is in no other one: the root, or a drive of Windows.
func topmost(dir string) bool { return above(dir) == dir || above(dir) == "." }
