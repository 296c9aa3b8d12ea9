// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/completion"
)

// offers are the words that TAB offers behind args, descriptions left out.
func (d *harness) offers(t *testing.T, args ...string) []string {
	t.Helper()
	if code := d.run(t.Context(), append([]string{cobra.ShellCompNoDescRequestCmd}, args...)...); code != 0 {
		t.Fatalf("%q: exit code %d: %s", args, code, d.errOut.String())
	}
	lines := strings.Split(strings.TrimSuffix(d.out.String(), "\n"), "\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, ":") {
		t.Fatalf("%q: no directive: %q", args, lines)
	}
	return lines[:len(lines)-1]
}

func TestCompletion(t *testing.T) {
	d := newHarness(t)
	for _, object := range []runtime.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}},
		&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "front", Namespace: "shop"}},
		&appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: "db", Namespace: "shop"}},
		&appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "agent", Namespace: "shop"}},
	} {
		if err := d.client.Tracker().Add(object); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		args string
		want string
	}{
		{"debug |", "web"},
		{"debug w|", "web"},
		{"debug x|", ""},
		{"debug pod/w|", "pod/web"},
		{"debug nonsense/w|", ""},
		{"debug --patch |", "deploy/front ds/agent sts/db"},
		{"debug --patch d|", "deploy/front ds/agent"},
		{"debug --patch pod/|", "pod/web"},
		{"doctor --patch s|", "sts/db"},
		{"debug statefulset/|", "statefulset/db"},
		{"ps deploy/f|", "deploy/front"},
		{"ps deploy/x|", ""},
		{"ps -l app=web |", ""},
		{"debug web -c |", "web"},
		{"debug gone -c |", ""},
		{"ps -o |", "wide name json yaml jsonpath= custom-columns="},
		{"version -o |", "json yaml jsonpath= custom-columns="},
		{"config view -o |", "json yaml jsonpath= custom-columns="},
		{"debug --profile |", "restricted baseline general netadmin"},
		{"debug --dry-run=|", "client server none"},
		{"ps --image-pull-policy |", "IfNotPresent Always Never"},
		{"signal web 1 U|", "URG USR1 USR2"},
		{"ps --namespace |", "shop"},
		{"fs tail --namespace |", "shop"},
		{"version |", ""},
	} {
		args := strings.Fields(strings.TrimSuffix(c.args, "|"))
		if strings.HasSuffix(c.args, " |") {
			args = append(args, "")
		}
		got := d.offers(t, args...)
		if c.want == "URG USR1 USR2" {
			got = slices.DeleteFunc(got, func(s string) bool { return !strings.HasPrefix(s, "U") })
			slices.Sort(got)
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s: %q, want %q", c.args, text, c.want)
		}
	}
	for _, a := range d.client.Actions() {
		if verb := a.GetVerb(); verb != "get" && verb != "list" {
			t.Errorf("completion led to %s %s", verb, a.GetResource().Resource)
		}
	}
}

// The helper that runs already answers; here it sees this test's own processes.
func TestCompletionInTheHelper(t *testing.T) {
	if goruntime.GOOS != "linux" {
		t.Skip("this machine has no /proc")
	}
	d := newHarness(t)
	d.LookTime = time.Minute // a busy machine proves nothing
	web, err := d.client.CoreV1().Pods("shop").Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	web.Spec.RuntimeClassName = new("nvidia")
	if err := d.client.Tracker().Update(corev1.SchemeGroupVersion.WithResource("pods"), web, "shop"); err != nil {
		t.Fatal(err)
	}
	self := strconv.Itoa(os.Getpid())
	directory := t.TempDir()
	for _, name := range append(commandNames(), "plain", "with\nnewline", ".hidden", "sub/file") {
		file := filepath.Join(directory, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for word, want := range map[string][]string{
		directory + "/":   {directory + "/plain", directory + "/sub/"},
		directory + "/$":  {},
		directory + "/a":  {},
		directory + "/p":  {directory + "/plain"},
		directory + "/.h": {directory + "/.hidden"},
		directory + "/x":  {},
	} {
		got := d.offers(t, "fs", "web", self, word)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
	for _, a := range d.client.Actions() {
		if a.GetVerb() != "get" {
			t.Errorf("completion led to %s %s", a.GetVerb(), a.GetResource().Resource)
		}
	}
}

// commandNames are names of files that a shell takes for more than a name: bash expands what it is offered, with the completion of older kubectls.
func commandNames() []string {
	return []string{
		"$(x)", "`x`", "a;b", "a'b", `a"b`, "{a,b}", "~", "a b", "*", "a|b", "a&b", "a>b", "a<b", "(a)", "[a]", "a?", "!a", "#a", "a^b", "a\\b", "$HOME", "a\tb", "a\xffb", "a\u202eb",
	}
}

// What is said of a process or a link beside what is offered comes from the container too.
func TestDescriptionsAreHarmless(t *testing.T) {
	d := newHarness(t)
	d.LookTime = time.Minute
	directory := t.TempDir()
	if err := os.Symlink("$(x)", directory+"/link"); err != nil {
		t.Fatal(err)
	}
	code := d.run(t.Context(), cobra.ShellCompRequestCmd, "fs", "web", strconv.Itoa(startSleep(t)), directory+"/")
	if want := directory + "/link\t-> ??x?\n"; code != 0 || !strings.HasPrefix(d.out.String(), want) {
		t.Errorf("exit code %d, %q, want %q", code, d.out.String(), want)
	}
}

// Every flag that takes one of a few words offers them, and no command offers this machine's files.
func TestEveryCommandCompletes(t *testing.T) {
	root := Root(newHarness(t).Deps)
	for _, cmd := range completion.Commands(root) {
		if cmd.ValidArgsFunction == nil {
			t.Errorf("%s completes file names", cmd.CommandPath())
		}
		if flag := cmd.Flags().Lookup("output"); flag != nil {
			complete, ok := cmd.GetFlagCompletionFunc("output")
			if !ok {
				t.Errorf("%s -o completes nothing", cmd.CommandPath())
				continue
			}
			words, _ := complete(cmd, nil, "")
			for _, word := range words {
				if !strings.Contains(flag.Usage, word) {
					t.Errorf("%s -o offers %s, which its help does not name: %q", cmd.CommandPath(), word, flag.Usage)
				}
			}
			if len(words) == 0 {
				t.Errorf("%s -o offers nothing", cmd.CommandPath())
			}
		}
	}
}

func TestArguments(t *testing.T) {
	for _, c := range []struct{ argv, want []string }{
		{[]string{"/bin/kubectl-shareproc", "ps", "web"}, []string{"ps", "web"}},
		{[]string{"/x/kubectl_complete-shareproc", "ps", ""}, []string{"__complete", "ps", ""}},
		{nil, nil},
	} {
		if got := Arguments(c.argv); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.argv, got, c.want)
		}
	}
}
