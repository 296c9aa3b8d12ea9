// SPDX-License-Identifier: Apache-2.0

// Package prompt answers "what does a person type?": one line below the screen, which may be heard letter by letter, and completed.
// It does not know what is asked, or what the answer leads to.
package prompt

import (
	"strings"
	"unicode"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
)

// Longest is how many bytes a line has at most.
const Longest = 4096

// A Prompt takes a line. Of its functions none has to be there.
type Prompt struct {
	Label, Typed string
	// Each hears of every letter, Done of the line, and Back that there is none.
	Each func(string)
	Done func(string) tea.Cmd
	Back func()
	// Complete finds out what may follow, which Offer or Say then takes.
	Complete func() tea.Cmd

	said []string // behind the line
}

// Key does what a key means. It reports whether the prompt is closed.
func (p *Prompt) Key(msg tea.KeyPressMsg) (cmd tea.Cmd, closed bool) {
	p.said = nil
	switch key := msg.String(); {
	case key == "esc":
		if p.Back != nil {
			p.Back()
		}
		return nil, true
	case key == "enter":
		if p.Done != nil {
			cmd = p.Done(p.Typed)
		}
		return cmd, true
	case key == "backspace" || key == "ctrl+h":
		if r := []rune(p.Typed); len(r) > 0 {
			p.Typed = string(r[:len(r)-1])
		}
	case key == "ctrl+u":
		p.Typed = ""
	case key == "tab" && p.Complete != nil:
		return p.Complete(), false
	}
	p.add(msg.Text)
	return nil, false
}

// add adds to what is typed, and has it heard.
func (p *Prompt) add(text string) {
	if len(p.Typed)+len(text) <= Longest {
		p.Typed += text
	}
	if p.Each != nil {
		p.Each(p.Typed)
	}
}

// Paste adds what can be typed.
func (p *Prompt) Paste(text string) {
	p.add(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, text))
}

// Offer goes on with what is typed, whose end is begun, as far as all words do that begin so, and shows those.
func (p *Prompt) Offer(begun string, words []string) {
	p.Typed += common(words, len(begun))[len(begun):]
	if len(words) > 1 {
		p.said = words
	}
}

// Say says why nothing follows.
func (p *Prompt) Say(text string) { p.said = []string{text} }

// Line is what is typed, or its end where it is too long: the user looks there.
func (p *Prompt) Line(columns int) string {
	typed := p.Label + output.EscapeLine(p.Typed) + "▏"
	if over := output.Width(typed) - columns; over > 0 {
		return output.Fit(ansi.TruncateLeft(typed, over+2, "…"), columns)
	}
	return output.Fit(typed+"  "+output.EscapeLine(strings.Join(p.said, "  ")), columns)
}

// common is how all words begin, which they do with what is typed at least. It ends where a letter does.
func common(words []string, typed int) string {
	first := words[0]
	for _, w := range words[1:] {
		for !strings.HasPrefix(w, first) {
			first = first[:len(first)-1]
		}
	}
	for len(first) > typed && !utf8.ValidString(first) {
		first = first[:len(first)-1]
	}
	return first
}
