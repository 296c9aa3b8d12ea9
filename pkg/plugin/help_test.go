// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
)

// listed are all commands that a person may find: those of the help, not hidden ones, nor cobra's own.
func listed(cmd *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{cmd}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" && sub.Name() != "completion" {
			all = append(all, listed(sub)...)
		}
	}
	return all
}

func TestEveryCommandSaysWhatItIsForAndWhenToUseIt(t *testing.T) {
	for _, cmd := range listed(Root(newHarness(t).Deps)) {
		t.Run(cmd.CommandPath(), func(t *testing.T) {
			if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") || len(cmd.Short) > 90 {
				t.Errorf("one line without a full stop is wanted: %q", cmd.Short)
			}
			if !regexp.MustCompile(`(?m)\bUse it (when|where|to|for|before|after|instead)\b`).MatchString(cmd.Long) {
				t.Errorf("it does not say when to use it:\n%s", cmd.Long)
			}
			if !strings.Contains(cmd.Example, "  "+cmd.CommandPath()) {
				t.Errorf("no example runs it:\n%s", cmd.Example)
			}
			for line := range strings.SplitSeq(cmd.Example, "\n") {
				if line != "" && !strings.HasPrefix(line, "  ") {
					t.Errorf("the example's line is not indented: %q", line)
				}
			}
		})
	}
}

func TestTheHelpOfEveryCommandIsOneScreen(t *testing.T) {
	for _, of := range listed(Root(newHarness(t).Deps)) {
		t.Run(of.CommandPath(), func(t *testing.T) {
			d := newHarness(t)
			root := Root(d.Deps)
			words := strings.Fields(strings.TrimPrefix(of.CommandPath(), root.CommandPath()))
			if code := Main(t.Context(), d.Deps, append(words, "--help")); code != 0 || d.errOut.Len() > 0 {
				t.Fatalf("exit code %d, stderr %q", code, d.errOut.String())
			}
			short := d.out.String()
			d.out.Reset()
			if code := Main(t.Context(), d.Deps, append([]string{"help"}, words...)); code != 0 || d.errOut.Len() > 0 {
				t.Fatalf("help: exit code %d, stderr %q", code, d.errOut.String())
			}
			if n := screenRows(short); n > 60 {
				t.Errorf("it takes %d lines:\n%s", n, short)
			}
			for line := range strings.SplitSeq(short+d.out.String(), "\n") {
				if command := strings.HasPrefix(line, "  ") && strings.Contains(line, "kubectl shareproc "); len(line) > 80 && !command {
					t.Errorf("more than 80 columns: %q", line)
				}
			}
			example := strings.Index(short, "\nExamples:\n")
			for _, heading := range []string{"\nFlags:\n", "\nTarget flags:\n", "\nHelper flags:\n"} {
				if at := strings.Index(short, heading); example < 0 || at >= 0 && at < example {
					t.Errorf("the examples are not before %q in\n%s", heading, short)
				}
			}
			of.LocalNonPersistentFlags().VisitAll(func(flag *pflag.Flag) {
				if flag.Name != "help" && !flag.Hidden && (!strings.Contains(short, "--"+flag.Name) || !strings.Contains(unwrapped(d.out.String()), unwrapped(flag.Usage))) {
					t.Errorf("--%s is not named in --help, or not described in help:\n%s\n%s", flag.Name, short, d.out.String())
				}
			})
			if strings.Contains(short, "--kubeconfig ") || !strings.Contains(short, "kubectl shareproc options") {
				t.Errorf("it does not leave kubectl's flags to options:\n%s", short)
			}
		})
	}
}

// unwrapped is a text in one line.
func unwrapped(text string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(text, "`", "")), " ")
}

func TestOptionsListsTheFlagsOfEveryCommand(t *testing.T) {
	d := newHarness(t)
	if code := Main(t.Context(), d.Deps, []string{"options"}); code != 0 {
		t.Fatalf("exit code %d, stderr %q", code, d.errOut.String())
	}
	for _, want := range []string{"--kubeconfig string", "  -n, --namespace string", "  -q, --quiet"} {
		if !strings.Contains(d.out.String(), want) {
			t.Errorf("%q is not in\n%s", want, d.out.String())
		}
	}
	if code := d.run(t.Context(), "options", "more"); code != cli.ExitUsage {
		t.Errorf("exit code %d", code)
	}
}

func TestTheBareCommandListsAllCommandsByGroup(t *testing.T) {
	d := newHarness(t)
	if code := Main(t.Context(), d.Deps, nil); code != 0 || d.errOut.Len() > 0 {
		t.Fatalf("exit code %d, stderr %q", code, d.errOut.String())
	}
	root := Root(d.Deps)
	text := d.out.String()
	for _, cmd := range root.Commands() {
		if cmd.Hidden {
			continue
		}
		_, group, found := strings.Cut(text, "\n"+cmd.GroupID+":\n")
		group, _, _ = strings.Cut(group, "\n\n")
		if !found || !strings.Contains("\n"+group, "\n  "+cmd.Name()+" ") {
			t.Errorf("%s is not listed below %q in\n%s", cmd.Name(), cmd.GroupID, text)
		}
	}
	for line := range strings.SplitSeq(text, "\n") {
		words := strings.Fields(line)
		if len(line) > 80 {
			t.Errorf("more than 80 columns: %q", line)
		}
		if !strings.HasPrefix(line, "  kubectl shareproc ") {
			continue
		}
		if cmd, _, err := root.Find(words[2:]); err != nil || cmd == root {
			t.Errorf("%q is no command: %v", line, err)
		}
	}
	if code := Main(t.Context(), d.Deps, []string{"help"}); code != 0 {
		t.Errorf("help: exit code %d", code)
	}
	for _, cmd := range root.Commands() {
		if !cmd.Hidden && !strings.Contains(d.out.String(), "\n  "+cmd.Name()+" ") {
			t.Errorf("help does not list %s", cmd.Name())
		}
	}
}

func TestAMistypedWordGetsASuggestion(t *testing.T) {
	d := newHarness(t)
	for _, c := range []struct{ line, errors, try string }{
		{"debgu web", `unknown command "debgu"`, "kubectl shareproc debug"},
		{"debgu web --root", `unknown command "debgu"`, "kubectl shareproc debug"},
		{"sesions -A", `unknown command "sesions"`, "kubectl shareproc sessions"},
		{"config veiw --raw", `unknown command "veiw"`, "kubectl shareproc config view"},
		{"gnarl", `unknown command "gnarl"`, "kubectl shareproc debug gnarl   # if it is a pod\n     kubectl shareproc --help"},
		{"debug web --roto", "unknown flag: --roto", "--root"},
		{"debug web --keep-live", "unknown flag: --keep-live", "--keep-liveness"},
		{"debug web --imgae=x", "unknown flag: --imgae", "--image"},
		{"debug web --persit", "unknown flag: --persit", "--persist"},
		{"debug web -root", "unknown shorthand flag: 'r' in -root", "--root"},
		{"ps web --namspace x", "unknown flag: --namspace", "--namespace"},
		{"fs find web --maxdeph 2", "unknown flag: --maxdeph", "--maxdepth"},
		{"ps web --nonsense", "unknown flag: --nonsense", "kubectl shareproc ps --help"},
		{"ps web -z", "unknown shorthand flag: 'z' in -z", "kubectl shareproc ps --help"},
		{"ps web --idle-timeout", "flag needs an argument: --idle-timeout", "kubectl shareproc ps --help"},
	} {
		if code := d.run(t.Context(), strings.Fields(c.line)...); code != cli.ExitUsage {
			t.Errorf("%s: exit code %d", c.line, code)
		}
		if want := "error: " + c.errors + "\ntry: " + c.try + "\n"; d.errOut.String() != want {
			t.Errorf("%s: %q, want %q", c.line, d.errOut.String(), want)
		}
	}
}

func TestAHelpIsMeasuredAsATerminalShowsIt(t *testing.T) {
	for text, want := range map[string]int{"": 0, "a\n": 1, "\n\n": 2, strings.Repeat("x", 80) + "\n": 1, strings.Repeat("x", 81) + "\nb\n": 3} {
		if got := screenRows(text); got != want {
			t.Errorf("%q takes %d rows, want %d", text, got, want)
		}
	}
	long := strings.Repeat("x", 65)
	if got, want := wrap("  --flag  ", "one two "+long, 10), "  --flag  one two\n          "+long+"\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := wrap("  --flag  ", "one two", 10); got != "  --flag  one two\n" {
		t.Errorf("%q", got)
	}
}
