// SPDX-License-Identifier: Apache-2.0

package slips

import (
	"slices"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// habits are words of other tools, and what does the same here. POD, PID, SIGNAL and PATH stand for what was typed.
func habits() []struct{ words, try string } {
	return []struct{ words, try string }{
		{"bash ash zsh run enter attach-shell ssh", "kubectl shareproc debug POD"},
		{"kill pkill killall", "kubectl shareproc signal POD PID SIGNAL"},
		{"logs log", "kubectl logs TYPE/POD"},
		{"describe", "kubectl describe TYPE/POD"},
		{"events", "kubectl events --for TYPE/POD"},
		{"get", "kubectl get pods"},
		{"port-forward", "kubectl port-forward TYPE/POD 8080"},
		{"node", "kubectl debug node/NAME -it --image=busybox"},
		{"head less more", "kubectl shareproc fs cat POD PATH | WORD"},
		{"vi vim nano", "kubectl shareproc fs edit POD PATH"},
		{"scp rsync copy", "kubectl shareproc cp POD:PATH ."},
		{"netstat sockets", "kubectl shareproc ss POD"},
		{"pid pids pgrep pstree", "kubectl shareproc ps POD"},
		{"htop", "kubectl shareproc top POD"},
		{"jstack jcmd", "kubectl shareproc dump POD threads"},
		{"printenv", "kubectl shareproc env POD"},
		{"mount lsblk", "kubectl shareproc fs df POD"},
		{"inspect diagnose", "kubectl shareproc report POD"},
		{"check", "kubectl shareproc doctor POD"},
		{"delete stop rm cleanup", "kubectl shareproc clean POD"},
		{"list", "kubectl shareproc sessions"},
		{"strace", "kubectl shareproc threads POD"},
		{"tcpdump dig nslookup curl wget", "kubectl shareproc debug POD -- WORD"},
	}
}

// instead is what to type for a word of another tool, with what follows it; "" for other words.
func instead(word string, l line) string {
	table := habits()
	i := slices.IndexFunc(table, func(h struct{ words, try string }) bool { return slices.Contains(strings.Fields(h.words), word) })
	if i < 0 {
		return ""
	}
	try := table[i].try
	for _, given := range joinTypes(l.words) {
		w := target.ParseWord(given)
		switch {
		case !cli.Pastable(given):
		case strings.HasPrefix(given, "/"):
			try = strings.Replace(try, "PATH", given, 1)
		case isNumber(given):
			try = strings.Replace(try, "PID", given, 1)
		case isPod(given) && strings.Contains(try, "TYPE/POD"):
			try = strings.Replace(try, "TYPE/POD", forKubectl(w), 1)
		case isPod(given) && w.HasPath:
			try = strings.Replace(strings.Replace(try, "POD PATH", given, 1), "POD:PATH", given, 1)
			try = strings.Replace(try, "POD", strings.TrimSuffix(given, ":"+w.Path), 1)
		case isPod(given):
			try = strings.Replace(try, "POD", given, 1)
		}
	}
	for _, flag := range l.flags {
		if name := strings.TrimLeft(flag, "-"); isSignal(name) {
			try = strings.Replace(try, "SIGNAL", name, 1)
		}
	}
	return strings.NewReplacer("WORD", word, "TYPE/POD", "POD", "SIGNAL", "TERM").Replace(try)
}

// forKubectl is a word as kubectl's own commands take it.
func forKubectl(w target.Word) string {
	name := w.Arg
	if !strings.Contains(name, "/") {
		name = "pod/" + name
	}
	if w.Namespace != "" {
		name += " -n " + w.Namespace
	}
	return name
}

// otherTool is a word behind fs that is no tool of its own: "fs head POD PATH".
func (l line) otherTool() string {
	if l.cmd.Name() != "fs" || len(l.words) < 2 {
		return ""
	}
	word := l.words[0]
	if word == "cp" || word == "ps" {
		return ""
	}
	l.words = l.words[1:]
	return instead(word, l)
}

// foreignFlags are flags of "kubectl debug": the line with what they are here.
func (l line) foreignFlags() string {
	if l.cmd.Name() != "debug" {
		return ""
	}
	same := true
	var flags []string
	for i := 0; i < len(l.raw) && l.raw[i] != "--"; i++ {
		name, value, given := strings.Cut(l.raw[i], "=")
		next := !given && i+1 < len(l.raw) && !strings.HasPrefix(l.raw[i+1], "-")
		if next {
			value = l.raw[i+1]
		}
		instead, takes := ownFlag(name, value)
		if instead == nil || l.cmd.Flags().Lookup(strings.TrimLeft(name, "-")) != nil && name != "--profile" {
			flags = append(flags, l.raw[i])
			continue
		}
		same = false
		flags = append(flags, instead...)
		if takes && next {
			i++
		}
	}
	if same {
		return ""
	}
	return cli.CommandLine(slices.Concat(strings.Fields(l.cmd.CommandPath()), flags, l.tail)...)
}

// ownFlag is what stands for a flag of "kubectl debug" here, which may be nothing, and whether that takes a value; nil for
// other flags.
func ownFlag(name, value string) (instead []string, takes bool) {
	switch name {
	case "--target":
		return []string{"-c", value}, true
	case "--copy-to":
		return []string{"--copy"}, true
	case "--profile":
		if value == "sysadmin" {
			return []string{"--profile", "general"}, true
		}
	case "--share-processes", "--same-node", "--attach", "--rm", "--replace", "--arguments-only":
		return []string{}, false
	}
	return nil, false
}

// commandBehindDashes puts the dashes before a command of debug.
func (l line) commandBehindDashes() string {
	if l.cmd.Name() != "debug" || slices.Contains(l.raw, "--") || len(l.words) < 2 || target.IsType(l.words[0]) {
		return ""
	}
	at := slices.Index(l.raw, l.words[1])
	if l.words[1] == l.words[0] {
		at = 1 + slices.Index(l.raw[slices.Index(l.raw, l.words[0])+1:], l.words[1])
	}
	return cli.CommandLine(slices.Concat(strings.Fields(l.cmd.CommandPath()), l.raw[:at], []string{"--"}, l.raw[at:])...)
}

// twoEnds joins the pods and paths of cp and fs diff.
func (l line) twoEnds() string {
	if len(l.words) != 3 {
		return ""
	}
	a, b, c := l.words[0], l.words[1], l.words[2]
	bare := func(word string) bool { return isPod(word) && !target.ParseWord(word).HasPath }
	switch {
	case l.cmd.Name() == "diff" && bare(a) && bare(b) && strings.HasPrefix(c, "/"):
		l.words = []string{a + ":" + c, b + ":" + c}
	case l.cmd.Name() == "cp" && bare(a) && strings.HasPrefix(b, "/"):
		l.words = []string{a + ":" + b, c}
	case l.cmd.Name() == "cp" && bare(b) && strings.HasPrefix(c, "/"):
		l.words = []string{a, b + ":" + c}
	default:
		return ""
	}
	return l.String()
}
