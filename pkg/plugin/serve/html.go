// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"fmt"
	"html"
	"strings"
)

// A page is written by hand: html/template calls methods by name, so that the linker keeps all of Kubernetes' and the binary doubles.

const (
	directory  = "directory"
	folderIcon = `<svg class="directory" viewBox="0 0 16 16" aria-hidden="true"><path d="M1.5 3.5h4.2l1.4 1.7h7.4v7.8h-13z"/></svg>`
	fileIcon   = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M3.5 1.5h5.6l3.4 3.4v9.6h-9zM9 1.7V5h3.3"/></svg>`
)

// html is the page. All text that is not here goes through a writer that escapes it.
func (l *listing) html() string {
	w := &writer{}
	w.raw(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
`)
	w.markup("<title>%s in %s</title>\n", l.path, l.title)
	w.raw("<style>" + style + "</style>\n</head>\n<body>\n<main>\n<header>\n")
	w.markup("<p>%s</p>\n<h1>", l.title)
	for i, c := range l.above {
		if i > 0 && l.above[i-1].name != "/" {
			w.raw("<i>/</i>")
		}
		w.markup(`<a href="%s">%s</a>`, c.link, c.name)
	}
	w.raw("</h1>\n</header>\n<div class=\"frame\">\n<table>\n<thead>\n<tr>\n")
	for _, c := range []struct{ class, by, name string }{{"", "", "Name"}, {"number", "size", "Size"}, {"", "time", "Modified"}} {
		current := ""
		if c.by == l.sort {
			current = "true"
		}
		w.markup(`<th class="%s"><a href="?sort=%s" aria-current="%s">%s</a></th>`+"\n", c.class, c.by, current, c.name)
	}
	w.raw("<th class=\"wide\">Mode</th>\n<th class=\"wide\">Owner</th>\n</tr>\n</thead>\n<tbody>\n")
	if l.up {
		w.raw(`<tr><td>` + folderIcon + `<a href="../">../</a></td><td></td><td></td><td class="wide"></td><td class="wide"></td></tr>` + "\n")
	}
	for _, r := range l.rows {
		r.write(w)
	}
	w.markup("</tbody>\n</table>\n</div>\n<footer>%s, read-only</footer>\n</main>\n</body>\n</html>\n", l.count)
	return w.String()
}

// write writes a line of the table.
func (r row) write(w *writer) {
	icon, end := fileIcon, ""
	if r.kind == directory {
		icon, end = folderIcon, "/"
	}
	w.raw("<tr><td>" + icon)
	if r.link != "" {
		w.markup(`<a href="%s">%s%s</a>`, r.link, r.name, end)
	} else {
		w.markup("%s%s", r.name, end)
	}
	if r.target != "" {
		w.markup(` <span class="quiet">&rarr; %s</span>`, r.target)
	}
	if r.note != "" {
		w.markup(` <span class="quiet">(%s)</span>`, r.note)
	}
	w.markup(`</td><td class="number" title="%s">%s</td><td class="quiet" title="%s">%s</td>`, r.bytes, r.size, r.second, r.time)
	w.markup(`<td class="wide quiet"><code>%s</code></td><td class="wide quiet">%s</td></tr>`+"\n", r.mode, r.owner)
}

// A writer writes markup.
type writer struct{ strings.Builder }

// raw writes what is markup itself.
func (w *writer) raw(text string) { w.WriteString(text) }

// markup writes texts into markup, in which they are nothing but text, also between quotes.
func (w *writer) markup(format string, texts ...string) {
	args := make([]any, len(texts))
	for i, t := range texts {
		args[i] = html.EscapeString(t)
	}
	fmt.Fprintf(w, format, args...)
}
