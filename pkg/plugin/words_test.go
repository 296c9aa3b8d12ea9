// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
)

// Whoever knows a tool types its letters: they mean what they mean to that tool, or are refused by name with the line to type.
func TestLettersOfTheTools(t *testing.T) {
	d := newHarness(t)
	pid := strconv.Itoa(startSleep(t))
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("log", strings.Repeat("a line\n", 7)+"The Last\n")
	write(".hidden", strings.Repeat("x", 3<<10))
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	const refused = cli.ExitUsage
	for _, c := range []struct {
		line string // POD and DIR stand for the target and the directory
		code int
		out  string // what stdout has, where the code is 0 or 1
		says string // what stderr has
	}{
		{"-la POD DIR", 0, ".hidden", ""},
		{"POD DIR -l", 0, "log", ""},
		{"-a POD DIR", 0, ".hidden", ""},
		{"POD DIR -h", 0, "3.0K", ""},
		{"-lah POD DIR", 0, "3.0K", ""},
		{"POD DIR -lR", 0, "DIR/log", ""},
		{"POD DIR -lt", refused, "", "try: --sort=time"},
		{"POD DIR -S", refused, "", "try: --sort=size"},
		{"POD DIR -ls", refused, "", "try: use --server URL for the API server"},
		{"-l app=web DIR", refused, "", "try: use --selector app=web"},
		{"-h", 0, "Usage:", ""},

		{"du -sh POD DIR", 0, "DIR\n", ""},
		{"du POD DIR -hs", 0, "DIR\n", ""},
		{"du -s POD DIR", 0, "DIR\n", ""},
		{"du -h POD DIR", 0, "DIR/sub\n", ""},
		{"du -sch POD DIR", refused, "", `-sch: -c is --container here`},
		{"du -d 1 POD DIR", refused, "", "try: --maxdepth N"},
		{"du -x POD DIR", refused, "", "try: --xdev"},
		{"du -h", 0, "Usage:", ""},

		{"tail -n 1 POD DIR/log", 0, "The Last\n", ""},
		{"tail -n1 POD DIR/log", 0, "The Last\n", ""},
		{"tail POD DIR/log -n=1", 0, "The Last\n", ""},
		{"tail -n 5 POD DIR/log", 0, "a line\na line\na line\na line\nThe Last\n", ""},
		{"tail -n shop POD DIR/log", refused, "", "try: use --namespace shop if it is a namespace"},
		{"tail -n +5 POD DIR/log", refused, "", "not a number of lines"},
		{"tail -5 POD DIR/log", refused, "", "try: use -n N for the last N lines"},
		{"tail -c 100 POD DIR/log", refused, "", "try: use --container 100 if it is a container"},

		{"grep -rnil last POD DIR", 0, "DIR/log\n", ""},
		{"grep -rni last POD DIR", 0, "DIR/log:8:The Last\n", ""},
		{"grep -n Last POD DIR/log", 0, "8:The Last\n", ""},
		{"grep -rh Last POD DIR", 0, "The Last\n", ""},
		{"grep -q Last POD DIR/log", 0, "", ""},
		{"grep -q none POD DIR/log", 1, "", ""},
		{"grep -v Last POD DIR/log", refused, "", "inverted matches are not supported"},
		{"grep -c Last POD DIR/log", refused, "", `-c "Last": not the name of a container`},
		{"grep -nc last web DIR/log", refused, "", `--container is "last"`},
		{"grep -cn last web DIR/log", refused, "", "-cn: -c is --container here"},
		{"grep -rs Last POD DIR", refused, "", "try: use --server URL"},
		{"grep --help", 0, "Usage:", ""},

		{"find POD DIR -name log -type f", 0, "DIR/log\n", ""},
		{"find -name log -type f POD DIR", 0, "DIR/log\n", ""},
		{"find POD DIR --name=log --type f", 0, "DIR/log\n", ""},
		{"find POD DIR -type=d -maxdepth 1", 0, "DIR/sub\n", ""},
		{"find POD DIR -size +2k -print", 0, "DIR/.hidden\n", ""},
		{"find POD DIR -name log -print0", 0, "DIR/log\x00", ""},
		{"find POD DIR -size +2", refused, "", "try: use -size +2c for bytes"},
		{"find POD DIR -name a -o -name b", refused, "", `-o is not supported: tests are combined with "and"`},
		{"find POD DIR ! -name a", refused, "", "! is not supported"},
		{"find POD DIR -path x", refused, "", "-path is not supported\ntry: use one of -name, "},
		{"find POD DIR -delete", refused, "", "-delete is not supported"},
		{"find POD DIR -newer DIR/log", refused, "", "not a date, a time or a duration"},
		{"find DIR -name log", refused, "", "is a path: the pod comes first"},

		{"tree -L 1 POD DIR", refused, "", "try: --maxdepth N"},
		{"tree -a POD DIR", refused, "", "names that begin with a dot are shown"},
		{"cat -n shop POD DIR/log", 0, "The Last\n", ""},
		{"cat -n web DIR/log", refused, "", `the pod comes first; --namespace is "web"`},
		{"stat -c %s POD DIR/log", refused, "", `-c "%s": not the name of a container`},
		{"tar -czf POD DIR", refused, "", "-czf: -c is --container here"},
		{"diff -ru POD:DIR DIR", refused, "", "directories are always compared recursively"},
		{"-n shop POD DIR", 0, "log", ""},
		{"find -n shop POD DIR -name log", 0, "DIR/log\n", ""},
	} {
		var args []string
		for word := range strings.FieldsSeq(c.line) {
			if word == "POD" {
				args = append(args, "web", pid)
				continue
			}
			args = append(args, strings.ReplaceAll(word, "DIR", dir))
		}
		code := d.run(t.Context(), append([]string{"fs"}, args...)...)
		if code != c.code || !strings.Contains(d.errOut.String(), c.says) || (c.says == "") != (d.errOut.Len() == 0 || strings.HasPrefix(d.errOut.String(), "note: ")) {
			t.Errorf("%s: exit code %d, want %d; stderr %q", c.line, code, c.code, d.errOut.String())
		}
		want := strings.ReplaceAll(c.out, "DIR", dir)
		if !strings.Contains(d.out.String(), want) || c.out == "" && d.out.Len() > 0 {
			t.Errorf("%s: stdout %q, want %q in it", c.line, d.out.String(), want)
		}
		if c.code == refused && !strings.Contains(d.errOut.String(), "\ntry: ") {
			t.Errorf("%s: no advice: %q", c.line, d.errOut.String())
		}
	}
}
