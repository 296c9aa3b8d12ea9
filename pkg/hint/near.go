// SPDX-License-Identifier: Apache-2.0

package hint

// Near reports whether a word may be another one mistyped: in one letter, or two of a long word.
func Near(typed, name string) bool {
	shorter := min(len(typed), len(name))
	return shorter > 1 && Distance(typed, name) <= min(2, max(1, shorter/3))
}

// Distance is how many letters must be changed, added, taken away or swapped with the next to make one word the other.
func Distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, before
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := last[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
