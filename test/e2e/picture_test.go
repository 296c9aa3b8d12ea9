// SPDX-License-Identifier: Apache-2.0

//go:build unix

package e2e

import (
	"encoding/xml"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var updatePicture = flag.Bool("update-picture", false, "update docs/demo.svg")

const (
	pictureFile = "../../docs/demo.svg"
	pictureCols = 80
)

// pictureSession is what the README's picture shows: exec fails; its files all the same; a crash on startup held.
const pictureSession = "```console\n" + `$ kubectl exec nginx -c nginx -- sh
$ kubectl shareproc fs nginx /etc/nginx -q
$ kubectl shareproc fs grep -rn listen nginx /etc/nginx
$ kubectl shareproc debug crasher --copy --hold -q
/ # nginx -t -q -c /config/crash.conf
/ # exit
` + "```\n"

// TestPicture types the session of the README's picture, and compares what shows with the picture. "make picture" draws it.
func TestPicture(t *testing.T) {
	t.Parallel()
	w := testEnvironment(t)
	dir := t.TempDir()
	w.setTable(t, dir)
	w.setPods(t, pictureSession)
	s := screen{cols: pictureCols}
	last := 0
	for _, c := range consoleCommands(pictureSession) {
		c.cols = pictureCols
		s.write("\x1b[1;32m$\x1b[0m \x1b[1m" + c.line + "\x1b[0m\r\n")
		code, shown := w.typed(t, dir, last, c)
		s.write(strings.TrimRight(shown, "\r\n") + "\r\n")
		last = code
	}
	if *updatePicture {
		if err := os.WriteFile(pictureFile, []byte(s.svg("A session of kubectl shareproc with an nginx that has no shell")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	drawn, err := os.ReadFile(pictureFile)
	if err != nil {
		t.Fatal(err)
	}
	if line := missing(svgLines(t, drawn), s.lines()); line != "" {
		t.Errorf("the picture shows %q, and the session\n%s\n(make picture updates it)", line, strings.Join(s.lines(), "\n"))
	}
}

// cell is one letter of a terminal, with the parameters of SGR (ECMA-48) that were in force.
type cell struct {
	r     rune
	style string
}

// screen is what a terminal shows, of which nothing ever scrolls away.
type screen struct {
	cols int
	rows [][]cell
	x, y int
	sgr  string
}

var sequence = regexp.MustCompile(`^\x1b\[([0-9;?]*)([A-Za-z])`)

// write takes what a program prints: letters, the ends of lines, SGR, and the erasing of lines. Other control sequences change nothing here.
func (s *screen) write(text string) {
	for text != "" {
		if found := sequence.FindStringSubmatch(text); found != nil {
			s.control(found[1], found[2])
			text = text[len(found[0]):]
			continue
		}
		r := []rune(text[:min(len(text), 4)])[0]
		text = text[len(string(r)):]
		switch {
		case r == '\n':
			s.y++
		case r == '\r':
			s.x = 0
		case r == '\b':
			s.x = max(s.x-1, 0)
		case r >= ' ':
			if s.x == s.cols {
				s.x, s.y = 0, s.y+1
			}
			s.put(cell{r, s.sgr})
		}
	}
}

func (s *screen) control(parameters, final string) {
	switch final {
	case "m":
		s.sgr = strings.TrimPrefix(parameters, "0")
	case "H":
		y, x, _ := strings.Cut(parameters, ";")
		s.y, s.x = max(0, parameter(y)-1), max(0, parameter(x)-1)
	case "X":
		x := s.x
		for range max(1, parameter(parameters)) {
			s.put(cell{' ', s.sgr})
		}
		s.x = x
	case "K", "J":
		if s.y < len(s.rows) && s.x < len(s.rows[s.y]) {
			s.rows[s.y] = s.rows[s.y][:s.x]
		}
	}
}

func parameter(text string) int {
	n, _ := strconv.Atoi(text) // "" is what a terminal takes for its default
	return n
}

func (s *screen) put(c cell) {
	for len(s.rows) <= s.y {
		s.rows = append(s.rows, nil)
	}
	row := s.rows[s.y]
	for len(row) <= s.x {
		row = append(row, cell{r: ' '})
	}
	row[s.x] = c
	s.rows[s.y] = row
	s.x++
}

func (s *screen) lines() []string {
	var list []string
	for _, row := range s.rows {
		var b strings.Builder
		for _, c := range row {
			b.WriteRune(c.r)
		}
		list = append(list, strings.TrimRight(b.String(), " "))
	}
	return list
}

// The measures of the picture, in its own units.
const (
	cellWidth, cellHeight = 8.0, 18.0
	margin, bar           = 16.0, 30.0
)

// palette are colors on a dark ground with a contrast of 4.5 at least, by SGR parameter.
var palette = map[string]string{
	"": "#d8dee9", "31": "#ff8f8f", "32": "#9ce5a3", "33": "#f0d58a", "34": "#8fb8ff", "35": "#e0a8f5", "36": "#86e1e8",
}

// svg draws the screen. Every run of letters of one style has its place and its width, so that the picture is the same with
// every font of equal widths.
func (s *screen) svg(title string) string {
	width, height := 2*margin+pictureCols*cellWidth, bar+2*margin+float64(len(s.rows))*cellHeight
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%g" height="%g" viewBox="0 0 %g %g" role="img">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, "<title>%s</title>\n", title)
	b.WriteString("<!-- Drawn from a real session: make picture -->\n")
	fmt.Fprintf(&b, `<rect width="%g" height="%g" rx="8" fill="#1d2129"/>`+"\n", width, height)
	for i, fill := range []string{"#ff6159", "#ffbd2e", "#28c941"} {
		fmt.Fprintf(&b, `<circle cx="%g" cy="%g" r="6" fill="%s"/>`+"\n", margin+6+float64(i)*20, bar/2+2, fill)
	}
	b.WriteString(`<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="13.29">` + "\n")
	for y, row := range s.rows {
		for x := 0; x < len(row); {
			end := x
			for end < len(row) && row[end].style == row[x].style {
				end++
			}
			s.run(&b, x, y, row[x:end])
			x = end
		}
		if len(row) == 0 {
			b.WriteString("<text/>\n")
		}
	}
	b.WriteString("</g>\n</svg>\n")
	return b.String()
}

func (s *screen) run(b *strings.Builder, x, y int, cells []cell) {
	var text strings.Builder
	for _, c := range cells {
		text.WriteRune(c.r)
	}
	fill, weight, reverse := palette[""], "", false
	for parameter := range strings.SplitSeq(cells[0].style, ";") {
		if parameter == "1" || parameter == "01" {
			weight = ` font-weight="bold"`
		} else if parameter == "7" {
			reverse = true
		} else if parameter == "2" {
			weight = ` opacity="0.5"`
		} else if color, ok := palette[parameter]; ok && parameter != "" {
			fill = color
		}
	}
	if reverse {
		fmt.Fprintf(b, `<rect x="%g" y="%g" width="%g" height="%g" fill="%s"/>`+"\n",
			margin+float64(x)*cellWidth, bar+margin+float64(y)*cellHeight-2, float64(len(cells))*cellWidth, cellHeight, fill)
		fill = "#1d2129"
	}
	var escaped strings.Builder
	// A space of its own width: browsers take several for one.
	_ = xml.EscapeText(&escaped, []byte(strings.ReplaceAll(text.String(), " ", "\u00a0"))) // a strings.Builder takes everything
	fmt.Fprintf(b, `<text x="%g" y="%g" textLength="%g" lengthAdjust="spacingAndGlyphs" fill="%s"%s>%s</text>`+"\n",
		margin+float64(x)*cellWidth, bar+margin+float64(y)*cellHeight+12, float64(len(cells))*cellWidth, fill, weight, escaped.String())
}

// svgLines reads the lines of text out of a picture.
func svgLines(t *testing.T, picture []byte) []string {
	t.Helper()
	var parsed struct {
		Texts []struct {
			X    string `xml:"x,attr"`
			Y    string `xml:"y,attr"`
			Text string `xml:",chardata"`
		} `xml:"g>text"`
	}
	if err := xml.Unmarshal(picture, &parsed); err != nil {
		t.Fatal(err)
	}
	var s screen
	for _, text := range parsed.Texts {
		x, errX := strconv.ParseFloat(text.X, 64)
		y, errY := strconv.ParseFloat(text.Y, 64)
		if errX != nil || errY != nil {
			continue // an empty line
		}
		s.x, s.y = int((x-margin)/cellWidth), int((y-bar-margin-12)/cellHeight)
		for _, r := range strings.ReplaceAll(text.Text, "\u00a0", " ") {
			s.put(cell{r: r})
		}
	}
	return s.lines()
}
