// SPDX-License-Identifier: Apache-2.0

package inspect

import "testing"

func TestTheOddPodIsTheOneThatDiffersFromAllOthers(t *testing.T) {
	pods := func(values ...string) map[string]map[string]string {
		all := map[string]map[string]string{}
		for i, value := range values {
			name := "web-" + string(rune('0'+i))
			all[name] = map[string]string{"same": "x"}
			if value != "" {
				all[name]["key"] = value
			}
		}
		return all
	}
	for _, c := range []struct {
		values map[string]map[string]string
		items  int
		odd    string
	}{
		{pods("a", "a", "b"), 1, "web-2"},
		{pods("a", "", "a"), 1, "web-1"},
		{pods("a", "b", "c"), 1, ""},
		{pods("a", "b"), 1, ""},
		{pods("a", "a", "b", "b"), 1, ""},
		{pods("a", "a", "a"), 0, ""},
	} {
		d := Differences(c.values)
		if odd, keys := d.Odd(); len(d.Items) != c.items || odd != c.odd || (keys > 0) != (odd != "") {
			t.Errorf("%v: %d differences, odd is %q in %d", c.values, len(d.Items), odd, keys)
		}
	}
}
