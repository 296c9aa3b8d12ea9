// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"path/filepath"
	"runtime"
	"strings"
)

// possible reports whether this system can have a file of that name. Linux takes all of them.
func possible(name string) bool {
	return possibleOn(runtime.GOOS, name) && filepath.IsLocal(filepath.FromSlash(name))
}

func possibleOn(system, name string) bool {
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
