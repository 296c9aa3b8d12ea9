// SPDX-License-Identifier: Apache-2.0

// Package pager answers "how does a text look on the screen, and how is it gone through?": lines, colors of the languages that
// containers hold, hexadecimal, a search. It reads no file, and does not know where a text is from.
package pager

import (
	"fmt"
	"strings"
)

// A Pager shows a text on the whole screen.
type Pager struct {
	// Title says what it is, and Note what is left out; "" for nothing.
	Title, Note string

	text      Text
	name      string
	data      []byte // of a file, which x shows in hexadecimal
	hex       bool
	top, left int
	search    string
}

// Printed shows what a command has printed.
func Printed(title, printed string) *Pager {
	return &Pager{Title: title, text: Text{lines: linesOf([]byte(printed))}}
}

// File shows how a file of a name begins: Limit bytes of it at most.
func File(title, name string, begin []byte) *Pager {
	p := &Pager{Title: title, name: name, data: begin, hex: binary(begin)}
	if !p.hex {
		p.data = firstLines(p.data)
	}
	p.text = newText(name, p.data, p.hex)
	return p
}

// Shown is how many bytes of a file it has.
func (p *Pager) Shown() int64 { return int64(len(p.data)) }

// Empty reports whether there is nothing to read.
func (p *Pager) Empty() bool { return len(p.text.lines) == 0 || p.text.lines[0] == "" }

// Position says how much of it is above the end of the screen.
func (p *Pager) Position(height int) string {
	return fmt.Sprintf("%d of %d", min(len(p.text.lines), p.top+height), len(p.text.lines))
}

// Key does what a key means. It reports whether the pager is closed.
func (p *Pager) Key(key string, height int) (closed bool) {
	switch key {
	case "q", "esc", "f3", "v", "backspace":
		return true
	case "left", "h":
		p.left = max(0, p.left-tabWidth)
	case "right", "l":
		p.left += tabWidth
	case "up", "k":
		p.top--
	case "down", "j", "enter":
		p.top++
	case "pgup", "ctrl+b", "b":
		p.top -= height
	case "pgdown", "ctrl+f", "space", "f":
		p.top += height
	case "home", "g":
		p.top = 0
	case "end", "G":
		p.top = len(p.text.lines)
	case "x":
		if p.data != nil {
			p.hex = !p.hex
			p.text, p.top = newText(p.name, p.data, p.hex), 0
		}
	case "n":
		p.find(p.top+1, 1)
	case "N":
		p.find(p.top-1, -1)
	}
	p.Scroll(0, height)
	return false
}

// Scroll goes so many lines down.
func (p *Pager) Scroll(by, height int) { p.top = max(0, min(p.top+by, len(p.text.lines)-height)) }

// Search goes to the next line that has a text or, where there is none, to the last one before.
func (p *Pager) Search(text string) (found bool) {
	p.search = text
	return p.find(p.top, 1) || p.find(p.top-1, -1)
}

// find goes to the first line from one on that has what is searched for, whatever its case where no letter of it is a capital.
func (p *Pager) find(from, step int) bool {
	if p.search == "" {
		return false
	}
	has := func(line string) bool {
		if p.search == strings.ToLower(p.search) {
			line = strings.ToLower(line)
		}
		return strings.Contains(line, p.search)
	}
	for i := from; i >= 0 && i < len(p.text.lines); i += step {
		if has(p.text.lines[i]) {
			p.top = i
			return true
		}
	}
	return false
}

// Lines are those that fit.
func (p *Pager) Lines(columns, height int, colored bool) []string {
	return p.text.view(p.top, p.left, columns, height, colored)
}
