// SPDX-License-Identifier: Apache-2.0

package process

import (
	"strconv"
	"strings"
)

// ParseNames reads /etc/passwd or /etc/group: NAME:PASSWORD:NUMBER[:…]. The first name of a number counts, as in
// getpwuid(3); lines that are not of this form are none.
func ParseNames(text string) map[uint32]string {
	names := map[uint32]string{}
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimRight(line, "\r\n"), ":")
		if len(fields) < 3 || fields[0] == "" || strings.HasPrefix(fields[0], "#") {
			continue
		}
		number, err := strconv.ParseUint(fields[2], 10, 32)
		if err != nil {
			continue
		}
		if _, taken := names[uint32(number)]; !taken {
			names[uint32(number)] = fields[0]
		}
	}
	return names
}
