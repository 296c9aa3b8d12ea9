// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	_ "embed"

	corev1 "k8s.io/api/core/v1"
)

// persistScript is the own process of a helper that keeps a shell. It stands where waitScript stands in other helpers.
//
//go:embed persist.sh
var persistScript string

// persistent makes a helper one whose own process is a shell at its own terminal. It outlives whoever is attached
// (StdinOnce stays false), and what it shows is in the container's log.
func persistent(c *corev1.EphemeralContainer) {
	c.Stdin, c.TTY = true, true
	env := c.Env[:0]
	for _, v := range c.Env {
		switch v.Name {
		case WaitVariable:
			v.Value = persistScript
		case TetherVariable:
			continue // nothing is run beside the shell
		}
		env = append(env, v)
	}
	env = append(env, noHistory())
	c.Env = env
}

// noHistory keeps a shell from writing down what is typed: busybox does, in $HOME/.ash_history, unless the file's name is
// empty.
func noHistory() corev1.EnvVar { return corev1.EnvVar{Name: "HISTFILE"} }

// IsPersistent tells whether an ephemeral container is a helper of ours that keeps a shell, to attach to. No command is run
// in such a one.
func IsPersistent(c *corev1.EphemeralContainer) bool {
	return IsHelper(c) && c.Stdin && c.TTY
}

// Waits tells whether an ephemeral container is a helper of ours that waits for commands.
func Waits(c *corev1.EphemeralContainer) bool { return IsHelper(c) && !IsPersistent(c) }
