// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// oneLined are the scripts that are written on one line; each is a file here or in a package beside.
var oneLined = []string{"wait.sh", "persist.sh", "../session/launch/watchdog.sh"}

// waitShells are the machine's sh and, where there is one, busybox under the name of its shell.
func waitShells(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{"sh": "sh"}
	if busybox := os.Getenv("SHAREPROC_TEST_BUSYBOX"); busybox != "" {
		all["busybox"] = filepath.Join(t.TempDir(), "sh")
		if err := os.Symlink(busybox, all["busybox"]); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// The scripts keep to what OneLine knows, and each shell finds one line of them well-formed.
func TestOneLine(t *testing.T) {
	for _, file := range oneLined {
		text, err := os.ReadFile(filepath.FromSlash(file))
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			code := strings.TrimSpace(line)
			if strings.HasPrefix(code, "#") {
				continue
			}
			quotes := strings.NewReplacer(`\"`, "").Replace(code)
			if strings.HasSuffix(code, `\`) || strings.Contains(code, "<<") || strings.Contains(code, " #") ||
				strings.Count(quotes, `"`)%2 != 0 || strings.Count(quotes, "'")%2 != 0 {
				t.Errorf("%s:%d: %q goes on in the next line, has a comment behind it or a here-document", file, i+1, code)
			}
		}
		one := OneLine(string(text))
		if strings.Contains(one, "\n") {
			t.Errorf("%s: %q", file, one)
		}
		for _, shell := range waitShells(t) {
			if out, err := exec.CommandContext(t.Context(), shell, "-n", "-c", one).CombinedOutput(); err != nil {
				t.Errorf("%s: %v: %s", file, err, out)
			}
		}
	}
}

func TestOneLineMeansTheSame(t *testing.T) {
	const script = `# a comment
f() {
	for x in a b; do
		case $x in
		a) echo "1 $x" ;;
		*)
			if [ "$x" = b ]; then
				echo "2 $x"
			else
				echo never
			fi
			;;
		esac
	done
}

true &&
	f |
	cat
sleep 0 &
wait
echo 'it'\''s'
`
	const want = "1 a\n2 b\nit's\n"
	for name, shell := range waitShells(t) {
		for form, text := range map[string]string{"as written": script, "one line": OneLine(script), "quoted": "eval " + quote(OneLine(script))} {
			if out, err := exec.CommandContext(t.Context(), shell, "-c", text).CombinedOutput(); err != nil || string(out) != want {
				t.Errorf("%s, %s: %q, %v", name, form, out, err)
			}
		}
	}
}
