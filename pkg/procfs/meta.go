// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"bufio"
	"strconv"
	"strings"
)

// relative is a path as find says it, without its "./".
func relative(path string) (string, error) {
	if path == "." {
		return "", nil
	}
	name, ok := strings.CutPrefix(path, "./")
	for part := range strings.SplitSeq(name, "/") {
		ok = ok && validName(part)
	}
	if !ok {
		return "", answerError("path %q", path)
	}
	return name, nil
}

// readNames reads paths up to an empty one.
func readNames(b *bufio.Reader) ([]string, error) {
	var names []string
	for {
		path, err := readField(b)
		if err != nil || path == "" {
			return names, err
		}
		name, err := relative(path)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
}

// A described is what stat says of a file, as text and understood.
type described struct {
	*Stat
	line string
}

// readStats reads a line of facts for each of so many names, nothing for "-".
func readStats(b *bufio.Reader, names int) ([]described, error) {
	text, err := readField(b)
	if err != nil {
		return nil, err
	}
	return splitStats(text, names)
}

func splitStats(text string, names int) ([]described, error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) != names {
		return nil, answerError("%d names, facts about %d", names, len(lines))
	}
	stats := make([]described, names)
	for i, line := range lines {
		if line == "-" {
			continue
		}
		stat, err := parseStat(line)
		if err != nil {
			return nil, answerError("%v", err)
		}
		stats[i] = described{stat, line}
	}
	return stats, nil
}

// readMetaBatch reads a batch of meta.sh. There is none more where it has no names. closed are directories that cannot be read.
func readMetaBatch(b *bufio.Reader) (names []string, stats []described, closed []int, err error) {
	if names, err = readNames(b); err != nil || len(names) == 0 {
		return nil, nil, nil, err
	}
	if stats, err = readStats(b, len(names)); err != nil {
		return nil, nil, nil, err
	}
	entries := make([]Entry, len(names))
	for i := range names {
		entries[i] = Entry{name: names[i], stat: stats[i].Stat}
	}
	if err := readLinks(b, entries); err != nil {
		return nil, nil, nil, err
	}
	text, err := readField(b)
	for _, word := range strings.Fields(text) {
		i, err := strconv.Atoi(word)
		if err != nil || i < 0 || i >= len(names) {
			return nil, nil, nil, answerError("directory %q of %d", word, len(names))
		}
		closed = append(closed, i)
	}
	return names, stats, closed, err
}
