// SPDX-License-Identifier: Apache-2.0

package browse

const helpText = `
  arrows, hjkl    go; page up, home, end too; enter opens, backspace goes up
  tab             the other side: this machine's files, or a second pod
  P, F2           pods, containers, processes: enter goes there, h namespaces
  /               show only names that have what is typed; esc shows all
  s  .            sort by name, size, time, kind; hide names with a dot
  g  :  r         go to a path, which tab completes; read the directory again
  space           mark
  mouse           a click selects, the next one opens, the wheel goes

  v, F3           view: text, or x hexadecimal; / searches
  e, F4           edit in your editor, and write back (asks)
  c, F5           copy to the other side, verified (asks); esc cancels
  D               deleted files that are open
  d  =            diff; mark what differs from the other side, or a replica
  y               copy the path to the clipboard
  p               processes: enter lsof, s ss, e env, t threads, k signal

  + ~ ±           created or changed, attributes changed, entries changed
                  since the container started

  q, F10, ctrl-c  quit                        ctrl-z  stop, until fg
`
