// SPDX-License-Identifier: Apache-2.0

package session

import "testing"

// A pool lends the one connection of a helper to everybody or, for much data, to one at a time; each helper has its own.
func TestAPoolLendsOneConnection(t *testing.T) {
	a, b := &Session{Namespace: "shop", Pod: "web", Container: "shareproc-a"}, &Session{Namespace: "shop", Pod: "web", Container: "shareproc-b"}
	for _, alone := range []bool{false, true} {
		p := NewPool(t.Context(), alone)
		first, second := p.lend(a), p.lend(a)
		if first == nil || (second == nil) != alone {
			t.Errorf("alone %v: %v, %v", alone, first, second)
		}
		if p.lend(b) == nil {
			t.Errorf("alone %v: nothing for another helper", alone)
		}
		// Whoever gives back twice has had it once.
		_, _ = first.Close(), first.Close()
		again := p.lend(a)
		if again == nil || alone && p.lend(a) != nil {
			t.Errorf("alone %v: not lent again, or twice", alone)
		}
		if len(p.lines) != 2 {
			t.Errorf("alone %v: %d connections", alone, len(p.lines))
		}
		if p.Close(); len(p.lines) != 0 {
			t.Errorf("alone %v: %d connections stay", alone, len(p.lines))
		}
	}
}
