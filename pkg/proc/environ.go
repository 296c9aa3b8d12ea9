// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"encoding/hex"
	"strings"
)

// A Variable is one of a process's environment.
type Variable struct{ Name, Value string }

// An Environment is what a process was started with, as far as it still shows.
type Environment struct {
	Variables []Variable
	// Overwritten says that the process has put something else there, such as its title: what is left of the environment is
	// not all of it.
	Overwritten bool
}

// Environ reads /proc/PID/environ, in hexadecimal digits. The kernel shows the memory that the environment was in when the
// process began, whatever that holds now.
func Environ(digits string) (Environment, error) {
	raw, err := hex.DecodeString(digits)
	if err != nil {
		return Environment{}, err
	}
	var e Environment
	for i, entry := range strings.Split(strings.TrimSuffix(string(raw), "\x00"), "\x00") {
		name, value, ok := strings.Cut(entry, "=")
		switch {
		case ok && name != "" && !strings.Contains(name, " "):
			e.Variables = append(e.Variables, Variable{name, value})
		case i == 0 && len(raw) > 0:
			// A title begins where the first variable was, and pads what it does not need with NULs or blanks.
			e.Overwritten = true
		}
	}
	e.Overwritten = e.Overwritten || len(raw) > 0 && len(e.Variables) == 0
	return e, nil
}
