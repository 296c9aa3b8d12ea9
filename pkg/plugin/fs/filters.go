// SPDX-License-Identifier: Apache-2.0

package fs

import (
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
)

// findTests are what a file has to pass. They are find's own, evaluated here: the helper's find may lack some.
type findTests struct {
	name, iname, size, newer, mtime, perm, user string
	types                                       []string

	names []func(name string) bool
	facts []func(s *remote.Stat) bool
}

func (t *findTests) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&t.name, "name", "", "Pattern (* ? [abc]) of the name")
	flags.StringVar(&t.iname, "iname", "", "Like --name, ignoring case")
	flags.StringSliceVar(&t.types, "type", nil, "f (file), d (directory), l (link), p (named pipe), s (socket), b or c (block, character device)")
	flags.StringVar(&t.size, "size", "", "Size: N bytes, or Nk, NM, NG rounded up; +N larger, -N smaller")
	flags.StringVar(&t.newer, "newer", "", "Modified after a time (2006-01-02, 2006-01-02T15:04:05Z) or within a duration (90m, 24h)")
	flags.StringVar(&t.mtime, "mtime", "", "Modified N days of 24 hours ago; +N earlier, -N later")
	flags.StringVar(&t.perm, "perm", "", "Permissions in octal: MODE exactly, -MODE all of them, /MODE any of them")
	flags.StringVar(&t.user, "user", "", "Owner: a name known to the target, or a UID")
	cli.CompleteFlag(cmd, "type", "f", "d", "l", "p", "s", "b", "c")
}

// compile makes tests of the flags.
func (t *findTests) compile(cmd *cobra.Command) error {
	now := time.Now()
	for _, flag := range []struct {
		name, value string
		use         func(string) bool
		form        string
	}{
		{"name", t.name, t.useName, "a pattern"},
		{"iname", t.iname, t.useFoldedName, "a pattern"},
		{"type", strings.Join(t.types, ","), t.useTypes, "one of f, d, l, p, s, b, c"},
		{"size", t.size, t.useSize, "[+-]N[kMG]"},
		{"newer", t.newer, func(v string) bool { return t.useNewer(v, now) }, "a date, a time or a duration"},
		{"mtime", t.mtime, func(v string) bool { return t.useMtime(v, now) }, "[+-]DAYS"},
		{"perm", t.perm, t.usePerm, "[-/]MODE in octal"},
		{"user", t.user, t.useUser, "a name or a UID"},
	} {
		if cmd.Flags().Changed(flag.name) && !flag.use(flag.value) {
			return cli.Usage(cmd.CommandPath()+" --help", "--%s %q: not %s", flag.name, flag.value, flag.form)
		}
	}
	return nil
}

// pass applies every test. What nothing is known of passes tests of its name only.
func (t *findTests) pass(e rootfs.Entry) bool {
	for _, test := range t.names {
		if !test(e.Name()) {
			return false
		}
	}
	s := e.Stat()
	for _, test := range t.facts {
		if s == nil || !test(s) {
			return false
		}
	}
	return true
}

func (t *findTests) useName(pattern string) bool {
	_, err := path.Match(pattern, "")
	t.names = append(t.names, func(name string) bool {
		ok, _ := path.Match(pattern, name)
		return ok
	})
	return err == nil
}

func (t *findTests) useFoldedName(pattern string) bool {
	pattern = strings.ToLower(pattern)
	_, err := path.Match(pattern, "")
	t.names = append(t.names, func(name string) bool {
		ok, _ := path.Match(pattern, strings.ToLower(name))
		return ok
	})
	return err == nil
}

func (t *findTests) useTypes(text string) bool {
	letters := map[string]string{
		"f": "file", "d": "directory", "l": "link", "p": "named pipe", "s": "socket", "b": "block device", "c": "character device",
	}
	wanted := map[string]bool{}
	for letter := range strings.SplitSeq(text, ",") {
		if letters[letter] == "" {
			return false
		}
		wanted[letters[letter]] = true
	}
	t.facts = append(t.facts, func(s *remote.Stat) bool { return wanted[files.KindOf(s.FileMode())] })
	return true
}

// compared reads [+-]N: how a number has to stand to N.
func compared(text string) (holds func(int64) bool, ok bool) {
	sign, digits := byte(0), text
	if text != "" && (text[0] == '+' || text[0] == '-') {
		sign, digits = text[0], text[1:]
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	want := int64(n)
	return func(have int64) bool {
		switch sign {
		case '+':
			return have > want
		case '-':
			return have < want
		default:
			return have == want
		}
	}, err == nil
}

func (t *findTests) useSize(text string) bool {
	unit := int64(1)
	for letter, bytes := range map[string]int64{"c": 1, "k": 1 << 10, "M": 1 << 20, "G": 1 << 30} {
		if number, found := strings.CutSuffix(text, letter); found {
			text, unit = number, bytes
			break
		}
	}
	holds, ok := compared(text)
	t.facts = append(t.facts, func(s *remote.Stat) bool {
		units := s.Size / unit
		if s.Size%unit != 0 {
			units++
		}
		return holds(units)
	})
	return ok
}

func (t *findTests) useNewer(text string, now time.Time) bool {
	var after time.Time
	if ago, err := time.ParseDuration(text); err == nil {
		after = now.Add(-ago)
	} else {
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly} {
			if after, err = time.ParseInLocation(layout, text, time.Local); err == nil {
				break
			}
		}
		if err != nil {
			return false
		}
	}
	t.facts = append(t.facts, func(s *remote.Stat) bool { return s.Mtime.After(after) })
	return true
}

func (t *findTests) useMtime(text string, now time.Time) bool {
	holds, ok := compared(text)
	t.facts = append(t.facts, func(s *remote.Stat) bool { return holds(int64(now.Sub(s.Mtime) / (24 * time.Hour))) })
	return ok
}

func (t *findTests) usePerm(text string) bool {
	digits := strings.TrimLeft(text, "-/")
	want64, err := strconv.ParseUint(digits, 8, 12)
	want := uint32(want64)
	t.facts = append(t.facts, func(s *remote.Stat) bool {
		have := s.Mode & 0o7777
		switch text[0] {
		case '-':
			return have&want == want
		case '/':
			return have&want != 0 || want == 0
		default:
			return have == want
		}
	})
	return err == nil && len(text)-len(digits) <= 1
}

func (t *findTests) useUser(text string) bool {
	uid, err := strconv.ParseUint(text, 10, 32)
	t.facts = append(t.facts, func(s *remote.Stat) bool { return s.User == text || err == nil && s.UID == uint32(uid) })
	return text != ""
}
