// SPDX-License-Identifier: Apache-2.0

package browse

import tea "charm.land/bubbletea/v2"

// wheelStep is how many rows a turn of the wheel goes.
const wheelStep = 3

// click selects a row, and opens the one that is selected.
func (m keyboard) click(at tea.Mouse) tea.Cmd {
	if at.Button != tea.MouseLeft || m.ask != nil || m.prompt != nil || m.help || m.viewer != nil || m.table != nil {
		return nil
	}
	if at.X < sided(m.model) {
		return mover(m).click(at.Y)
	}
	m.side.Focused = false
	at.X -= sided(m.model)
	pane := 0
	if at.X >= m.left() {
		if !m.both {
			return nil
		}
		pane = 1
	}
	focused := m.focus == pane
	if m.focus = pane; at.Y < 1 || at.Y > m.rows() {
		return nil
	}
	if again, there := m.panes[pane].Click(at.Y - 1); !there || !again || !focused {
		return nil
	}
	return m.enter(true)
}

// click selects a row of the switcher, and goes to the one that is selected.
func (m mover) click(y int) tea.Cmd {
	if y < 1 || y > m.rows() || !m.side.Click(y-1) {
		return nil
	}
	return m.choose(m.side.Rows[m.side.At].Spot)
}

// wheel scrolls.
func (m keyboard) wheel(at tea.Mouse) {
	by := map[tea.MouseButton]int{tea.MouseWheelUp: -wheelStep, tea.MouseWheelDown: wheelStep}[at.Button]
	switch {
	case m.viewer != nil:
		m.viewer.Scroll(by, m.rows())
	case m.table != nil:
		m.table.move(by)
	case at.X < sided(m.model):
		m.side.Move(by)
	case m.both && at.X >= sided(m.model)+m.left():
		m.panes[1].Move(by)
	default:
		m.panes[0].Move(by)
	}
}
