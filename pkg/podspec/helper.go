// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// waitScript is the helper's own process. It stands in the environment, so that a list of processes
// shows a short command. Kubernetes expands $$ and $(NAME) in both; the script has neither.
//
//go:embed wait.sh
var waitScript string

// ScriptVariable is the environment variable that holds a helper's waiting script. Commands run in the
// helper are better off without it.
const ScriptVariable = "SHAREPROC_WAIT"

// Helper is a container that waits, in which every command is an exec.
type Helper struct {
	Name       string
	Image      string
	PullPolicy corev1.PullPolicy
	// Target is the container whose process namespace the helper joins; "" where the pod shares its own.
	Target string
	// Keep is how long the helper waits without a command before it ends, in whole seconds.
	Keep     time.Duration
	Security *corev1.SecurityContext
}

// Ephemeral is the helper as an ephemeral container (KEP-277): it can't be changed or removed once
// added, so it ends by itself.
func (h Helper) Ephemeral() corev1.EphemeralContainer {
	keep := strconv.Itoa(int(h.Keep / time.Second))
	return corev1.EphemeralContainer{
		TargetContainerName: h.Target,
		EphemeralContainerCommon: corev1.EphemeralContainerCommon{
			Name:                     h.Name,
			Image:                    h.Image,
			ImagePullPolicy:          h.PullPolicy,
			Command:                  []string{"sh", "-c", `eval "$` + ScriptVariable + `"`, "shareproc", keep},
			Env:                      []corev1.EnvVar{{Name: ScriptVariable, Value: waitScript}},
			SecurityContext:          h.Security,
			TerminationMessagePolicy: corev1.TerminationMessageReadFile,
		},
	}
}

// IsHelper tells whether an ephemeral container was added by this tool, by any version of it.
func IsHelper(c *corev1.EphemeralContainer) bool {
	return strings.HasPrefix(c.Name, NamePrefix) && slices.Contains(c.Command, "shareproc")
}
