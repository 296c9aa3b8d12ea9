// SPDX-License-Identifier: Apache-2.0

package localfs

import (
	"path/filepath"
	"strings"
)

// possible reports whether a system can have a file of that name. Linux takes all of them.
func possible(system, name string) bool {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return false
	}
	if system != "windows" || name == "." {
		return true
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.ContainsAny(part, `<>:"|?*\`) || strings.TrimRight(part, ". ") != part || reserved(part) {
			return false
		}
		if strings.ContainsFunc(part, func(r rune) bool { return r < ' ' }) {
			return false
		}
	}
	return true
}

// reserved names stand for devices of Windows, with any ending.
func reserved(part string) bool {
	stem, _, _ := strings.Cut(strings.ToUpper(part), ".")
	switch stem = strings.TrimRight(stem, " "); stem {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	rest, com := strings.CutPrefix(stem, "COM")
	if !com {
		rest, com = strings.CutPrefix(stem, "LPT")
	}
	return com && (len(rest) == 1 && rest[0] >= '1' && rest[0] <= '9' || rest == "¹" || rest == "²" || rest == "³")
}
