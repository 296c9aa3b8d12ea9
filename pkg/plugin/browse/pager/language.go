// SPDX-License-Identifier: Apache-2.0

package pager

import (
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
)

// A language is what has to be known of a kind of text to tell its words apart, a line at a time. A library for all languages would
// make the binary larger and every command slower to start; these are what containers hold.
type language struct {
	comments []string // begin one, at the beginning of a line or behind a blank
	inline   bool     // and at the end of a line too
	key      string   // the letters behind a key
	words    []string // that mean something
	sections bool     // [section]
	first    bool     // the first word of a line is a key
	tags     bool     // XML
}

const (
	commentStyle output.Style = "90"
	stringStyle  output.Style = "32"
	keyStyle     output.Style = "36"
	wordStyle    output.Style = "35"
)

// languageOf goes by a file's name and, for scripts, by its first line; nil for a text that stays plain.
func languageOf(name, first string) *language {
	base, ext := path.Base(name), strings.ToLower(path.Ext(name))
	constants := []string{"true", "false", "null", "yes", "no", "on", "off"}
	hash := []string{"#"}
	shell := &language{comments: hash, inline: true, key: "=", words: []string{
		"if", "then", "else", "elif", "fi", "for", "in", "do", "done", "while", "until", "case", "esac", "function", "return", "exit", "export", "local", "set", "exec",
	}}
	switch {
	case strings.HasPrefix(first, "#!") && strings.Contains(first, "sh"), slices.Contains([]string{".sh", ".bash", ".env", ".profile"}, ext), base == "profile":
		return shell
	case ext == ".yaml", ext == ".yml":
		return &language{comments: hash, inline: true, key: ":", words: constants}
	case ext == ".json", strings.HasPrefix(first, "{\""):
		return &language{key: ":", words: constants}
	case ext == ".toml", ext == ".ini", ext == ".cnf", ext == ".service":
		return &language{comments: []string{"#", ";"}, inline: ext == ".toml", key: "=", words: constants, sections: true}
	case ext == ".properties":
		return &language{comments: []string{"#", "!"}, key: "=:"}
	case ext == ".xml", ext == ".html", ext == ".htm", ext == ".svg", strings.HasPrefix(first, "<?xml"):
		return &language{tags: true}
	case ext == ".conf", ext == ".cfg", ext == ".config", ext == ".types", strings.HasSuffix(base, "rc"), strings.HasSuffix(base, "_params"):
		return &language{comments: []string{"#", ";"}, inline: true, key: "=", words: constants, sections: true, first: true}
	}
	return nil
}

// longestColored is how many bytes a line may have that is colored, each time that it is drawn.
const longestColored = 4096

// color gives the words of a line their styles. A string or tag ends where its line does.
func (l *language) color(line string) string {
	if l == nil || len(line) > longestColored {
		return line
	}
	var b strings.Builder
	begun := false // something was before
	for rest := line; rest != ""; {
		n, style := l.token(rest, line[:len(line)-len(rest)], begun)
		begun = begun || strings.TrimSpace(rest[:n]) != "" && rest[:n] != "-"
		if style == output.Plain {
			b.WriteString(rest[:n])
		} else {
			b.WriteString(style.On(rest[:n]))
		}
		rest = rest[n:]
	}
	return b.String()
}

// token is how many bytes belong together at the beginning of what is left of a line, and how they are shown.
func (l *language) token(rest, before string, begun bool) (int, output.Style) {
	switch c := rest[0]; {
	case l.tags:
		return tag(rest)
	case c == '"', c == '\'' && !inWord(before):
		n := quoted(rest)
		if c == '"' && l.isKey(rest[n:]) {
			return n, keyStyle
		}
		return n, stringStyle
	case l.comment(rest, before):
		return len(rest), commentStyle
	case c == '[' && l.sections && !begun:
		return len(rest), wordStyle
	case strings.HasPrefix(rest, "${"):
		return 2 + wordLength(rest[2:]), keyStyle
	case c == '$':
		return 1 + wordLength(rest[1:]), keyStyle
	}
	if n := wordLength(rest); n > 0 {
		return n, l.word(rest[:n], rest[n:], begun)
	}
	_, n := utf8.DecodeRuneInString(rest)
	return n, output.Plain
}

// comment reports whether a comment begins.
func (l *language) comment(rest, before string) bool {
	alone := strings.TrimSpace(before) == ""
	if !alone && (!l.inline || !strings.HasSuffix(before, " ")) {
		return false
	}
	return slices.ContainsFunc(l.comments, func(mark string) bool { return strings.HasPrefix(rest, mark) && (alone || mark == "#") })
}

// isKey reports whether what follows makes what came before a key.
func (l *language) isKey(rest string) bool {
	rest = strings.TrimLeft(rest, " ")
	return rest != "" && strings.ContainsRune(l.key, rune(rest[0])) && (l.key != ":" || len(rest) == 1 || rest[1] == ' ')
}

func (l *language) word(word, rest string, begun bool) output.Style {
	switch {
	case !begun && (l.first || l.isKey(rest)):
		return keyStyle
	case slices.Contains(l.words, strings.ToLower(word)), strings.Trim(word, "0123456789.") == "" && word != ".":
		return wordStyle
	}
	return output.Plain
}

// wordLength is how long a word is that a text begins with.
func wordLength(text string) int {
	for i, r := range text {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-./@", r) {
			return i
		}
	}
	return len(text)
}

// inWord reports whether what follows goes on with a word: an apostrophe there begins no string.
func inWord(before string) bool {
	r, _ := utf8.DecodeLastRuneInString(before)
	return unicode.IsLetter(r)
}

// quoted is how long a string is, with both its quotes.
func quoted(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case text[0]:
			return i + 1
		}
	}
	return len(text)
}

// tag is a comment, a tag or a text of XML.
func tag(text string) (int, output.Style) {
	until := func(mark string, from int) int {
		if i := strings.Index(text[from:], mark); i >= 0 {
			return from + i
		}
		return len(text)
	}
	switch {
	case strings.HasPrefix(text, "<!--"):
		return min(until("-->", 4)+3, len(text)), commentStyle
	case text[0] == '<':
		return min(until(" ", 1), until(">", 1)+1, len(text)), keyStyle
	case text[0] == '"':
		return quoted(text), stringStyle
	case text[0] == '>', strings.HasPrefix(text, "/>"), strings.HasPrefix(text, "?>"):
		return min(until(">", 0)+1, len(text)), keyStyle
	}
	return max(1, min(until("<", 0), until("\"", 0), until("/>", 0), until("?>", 0), until(">", 0))), output.Plain
}
