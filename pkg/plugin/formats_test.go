// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"bytes"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/creack/pty"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
)

type thing struct {
	output.TypeMeta
	Items []thingItem `json:"items"`
}

type thingItem struct {
	Name string   `json:"name"`
	Size int64    `json:"size"`
	Tags []string `json:"tags,omitempty"`
}

func things() thing {
	return thing{output.NewTypeMeta("ThingList"), []thingItem{{"a\x1b[31m", 1 << 40, []string{"x", "y"}}, {"b", 2, nil}}}
}

func TestDocumentFormats(t *testing.T) {
	for format, want := range map[string]string{
		"jsonpath={.items[*].size}":                               "1099511627776 2",
		"jsonpath={range .items[*]}{.size}{'\\n'}{end}":           "1099511627776\n2\n",
		"jsonpath={.nothing}":                                     "",
		"jsonpath-as-json={.items[1].name}":                       "[\n    \"b\"\n]\n",
		"custom-columns=NAME:.name,SIZE:{.size},T:tags[*],NO:.no": "NAME        SIZE            T        NO\na\\x1b[31m   1099511627776   x,y      <none>\nb           2               <none>   <none>\n",
		"custom-columns=BIG:.items[?(@.size>5)].size,KIND:.kind":  "",
	} {
		var out bytes.Buffer
		var document any = things()
		if want == "" && strings.HasPrefix(format, "custom") {
			// What is no list is one row.
			document, want = struct {
				output.TypeMeta
				Inner thing `json:"inner"`
			}{output.NewTypeMeta("Thing"), things()}, "BIG             KIND\n1099511627776   Thing\n"
			format = strings.Replace(format, ".items", ".inner.items", 1)
		}
		if err := output.PrintObject(&out, format, document); err != nil || out.String() != want {
			t.Errorf("%s: %q, %v", format, out.String(), err)
		}
	}
}

func TestFormatsThatCannotBeReadAreUsageErrors(t *testing.T) {
	d := newHarness(t)
	for format, want := range map[string]string{
		"table":               "not one of wide, name, json, yaml, jsonpath=, custom-columns=",
		"jsonpath={.items":    "unclosed action",
		"jsonpath=":           "no template given",
		"jsonpath-file=/none": "/none",
		"custom-columns=":     "custom-columns names no column",
		"custom-columns=A":    `column "A" is not NAME:PATH`,
		"custom-columns=A:[":  "column A: ",
	} {
		if code := d.run(t.Context(), "ps", "web", "-o", format); code != cli.ExitUsage || !strings.Contains(d.errOut.String(), want) || d.out.Len() > 0 {
			t.Errorf("-o %s: exit code %d, stderr %q", format, code, d.errOut.String())
		}
	}
	if len(d.client.Actions()) > 0 {
		t.Error("the cluster was asked for what can't be printed")
	}
}

var sgr = regexp.MustCompile("\x1b\\[[0-9;]*m")

// Colors are added and change nothing else; without a terminal there are none unless they are asked for.
func TestColourOnlyWhereItIsWanted(t *testing.T) {
	d := newHarness(t)
	directory := t.TempDir()
	if err := os.Mkdir(directory+"/directory", 0o700); err != nil {
		t.Fatal(err)
	}
	startSleep(t)
	for _, args := range [][]string{{"fs", "web", directory}, {"fs", "web", directory, "-R"}, {"fs", "tree", "web", directory}, {"fs", "web", "/none"}} {
		plain := d.both(t, args...)
		if sgr.MatchString(plain) {
			t.Errorf("%q in a pipe: %q", args, plain)
		}
		colored := d.both(t, append(args, "--color=always")...)
		if !sgr.MatchString(colored) || sgr.ReplaceAllString(colored, "") != plain {
			t.Errorf("%q: %q with color, %q without", args, colored, plain)
		}
		d.Report.Color = output.ColorAuto
	}
	if code := d.run(t.Context(), "version", "--color", "blue"); code != cli.ExitUsage || !strings.Contains(d.errOut.String(), "not one of auto, always, never") {
		t.Errorf("exit code %d, stderr %q", code, d.errOut.String())
	}
}

func (d *harness) both(t *testing.T, args ...string) string {
	t.Helper()
	d.run(t.Context(), args...)
	return d.out.String() + d.errOut.String()
}

// Words in the middle of a row keep their columns, also where a cell is the beginning of another.
func TestPaintedTable(t *testing.T) {
	d := newHarness(t)
	rows := [][]string{{"A", "RESULT", "C"}, {"  no", "no", "no more"}, {"", "yes", "no"}}
	var want, got bytes.Buffer
	if err := output.Table(&want, rows); err != nil {
		t.Fatal(err)
	}
	d.Report.Color = output.ColorAlways
	if err := d.Report.Table(&got, rows, output.ByWord(rows, 1, map[string]output.Style{"no": output.Red})); err != nil {
		t.Fatal(err)
	}
	if sgr.ReplaceAllString(got.String(), "") != want.String() || strings.Count(got.String(), output.Red.On("no")) != 1 || !strings.Contains(got.String(), "  no  ") {
		t.Errorf("got\n%q, want\n%q", got.String(), want.String())
	}
}

// A terminal has one line that is written over and taken away; elsewhere every state is a line.
func TestWaitingIsOneLiveLine(t *testing.T) {
	d := newHarness(t)
	say := func() {
		d.Report.Waiting("waiting for x: a")
		d.Report.Waiting("waiting for x: a")
		d.Report.Waiting("waiting for x: \x1bb")
		d.Report.Say("done")
		d.Report.Waiting("")
	}
	say()
	if want := "waiting for x: a\nwaiting for x: \\x1bb\ndone\n"; d.errOut.String() != want {
		t.Errorf("in a pipe %q", d.errOut.String())
	}
	master, slave, err := pty.Open()
	if err != nil {
		t.Skip("no terminals here: ", err)
	}
	defer master.Close()
	d.Streams.ErrOut = slave
	say()
	slave.Close()
	shown, _ := io.ReadAll(master) // ends with an error once nobody has the terminal open
	if want := "waiting for x: a (0s)\r\x1b[Kwaiting for x: a (0s)\r\x1b[Kwaiting for x: \\x1bb (0s)\r\x1b[Kdone\r\n"; string(shown) != want {
		t.Errorf("on a terminal %q", shown)
	}
}
