// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	_ "embed"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// persistScript is the main process of a persistent helper. It runs waitScript in the background.
//
//go:embed persist.sh
var persistScript string

// persistent makes a shell with a terminal the main process. It outlives its clients (StdinOnce stays false), and its
// output is in the log of the container.
func persistent(c *corev1.EphemeralContainer, prompt string) {
	c.Stdin, c.TTY = true, true
	// What is typed there belongs into no status.
	c.TerminationMessagePolicy = corev1.TerminationMessageReadFile
	c.Command = command(persistScript)
	c.Env = append(c.Env, noHistory())
	if prompt != "" {
		c.Env = append(c.Env, corev1.EnvVar{Name: promptVariable, Value: prompt + promptEnd})
	}
}

const (
	promptVariable = "PS1"
	// promptEnd is the directory, and a $ or # by the user; the shell expands both. The kubelet expands $$ and $( only.
	promptEnd = ` $PWD \$ `
)

// promptOf is what the prompt of a persistent helper begins with; "" for none, and for one with more than names in it: a
// shell runs commands that are in a prompt.
func promptOf(c *corev1.EphemeralContainer) string {
	i := slices.IndexFunc(c.Env, func(v corev1.EnvVar) bool { return v.Name == promptVariable })
	if i < 0 {
		return ""
	}
	prompt := strings.TrimSuffix(c.Env[i].Value, promptEnd)
	if strings.Trim(prompt, "abcdefghijklmnopqrstuvwxyz0123456789-.()") != "" {
		return ""
	}
	return prompt
}

// longestName is how much of a pod's and of a container's name a prompt shows.
const longestName = 30

// Prompt is what a shell's prompt begins with: "nginx(web)". Both are names that the API server has checked, of letters,
// digits, dots and dashes.
func Prompt(pod, container string) string { return shortened(pod) + "(" + shortened(container) + ")" }

// shortened keeps both ends of a name: pods of a workload differ in the last letters.
func shortened(name string) string {
	if len(name) <= longestName {
		return name
	}
	const half = longestName/2 - 1
	return name[:half] + ".." + name[len(name)-half:]
}

// noHistory prevents a history file: busybox writes $HOME/.ash_history unless the name is empty.
func noHistory() corev1.EnvVar { return corev1.EnvVar{Name: "HISTFILE"} }

// IsPersistent reports whether an ephemeral container is a helper with a shell to attach to. No command runs in it.
func IsPersistent(c *corev1.EphemeralContainer) bool {
	return IsHelper(c) && c.Stdin && c.TTY
}

// Waits reports whether an ephemeral container is a helper that waits for commands.
func Waits(c *corev1.EphemeralContainer) bool { return IsHelper(c) && !IsPersistent(c) }
