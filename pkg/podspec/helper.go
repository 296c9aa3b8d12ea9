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

// waitScript is the helper's own process; tetherScript ends what is left of a command whose client is
// gone. They stand in the helper's environment, so that a list of processes shows short commands.
// Kubernetes expands $$ and $(NAME) there; the scripts have neither.
var (
	//go:embed wait.sh
	waitScript string
	//go:embed tether.sh
	tetherScript string
)

// The environment variables that hold the helper's scripts. Commands run in it are better off without.
const (
	WaitVariable   = "SHAREPROC_WAIT"
	TetherVariable = "SHAREPROC_TETHER"
	// forVariable says what the helper was made for and beside which container, byVariable on whose request. An ephemeral
	// container has no annotations to say it in.
	forVariable = "SHAREPROC_FOR"
	byVariable  = "SHAREPROC_BY"
)

// script is the command that runs the script in a variable.
func script(variable string, args ...string) []string {
	return append([]string{"sh", "-c", `eval "$` + variable + `"`, "shareproc"}, args...)
}

// Tether is what to run in a helper beside the command with this id, with a stdin that stays open as long
// as the client lives. When that ends without the line TetherDone, the processes are ended that have the
// id in their environment as SHAREPROC_SESSION: nothing else tells a remote process that its client is
// gone, least of all one with a terminal.
func Tether(id string) []string { return script(TetherVariable, id) }

// TetherDone is what a tether's stdin says when there is nothing to end.
const TetherDone = "done\n"

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
	// Need and Container say what it was made for: where the cluster admitted less than the need, it is still the best
	// there is for it.
	Need      Need
	Container string
	// By is who asked for it; "" where that is not known.
	By string
	// Persistent makes its own process a shell, to attach to, and Keep the time without a key.
	Persistent bool
}

// Ephemeral is the helper as an ephemeral container (KEP-277): it can't be changed or removed once
// added, so it ends by itself.
func (h Helper) Ephemeral() corev1.EphemeralContainer {
	keep := strconv.Itoa(int(h.Keep / time.Second))
	env := []corev1.EnvVar{
		{Name: WaitVariable, Value: waitScript},
		{Name: TetherVariable, Value: tetherScript},
		{Name: forVariable, Value: string(h.Need) + " " + h.Container},
	}
	if h.By != "" {
		// The kubelet expands $(NAME); $$ keeps a name that has one as it is.
		env = append(env, corev1.EnvVar{Name: byVariable, Value: strings.ReplaceAll(h.By, "$", "$$")})
	}
	c := corev1.EphemeralContainer{
		TargetContainerName: h.Target,
		EphemeralContainerCommon: corev1.EphemeralContainerCommon{
			Name:                     h.Name,
			Image:                    h.Image,
			ImagePullPolicy:          h.PullPolicy,
			Command:                  script(WaitVariable, keep),
			Env:                      env,
			SecurityContext:          h.Security,
			TerminationMessagePolicy: corev1.TerminationMessageReadFile,
		},
	}
	if h.Persistent {
		persistent(&c)
	}
	return c
}

// IsHelper tells whether an ephemeral container was added by this tool, by any version of it.
func IsHelper(c *corev1.EphemeralContainer) bool {
	return strings.HasPrefix(c.Name, NamePrefix) && slices.Contains(c.Command, "shareproc")
}

// MadeFor tells whether a helper of ours was made for that need beside that container: whatever the cluster admitted then
// is the best there is.
func MadeFor(c *corev1.EphemeralContainer, container string, need Need) bool {
	made, beside, _ := strings.Cut(variable(c, forVariable), " ")
	return beside == container && Need(made).covers(need)
}

// MadeForFiles tells whether a helper of ours was made for the files of that container and for nothing else. One that does
// not match the target was then the least that opened them, or that the cluster admitted.
func MadeForFiles(c *corev1.EphemeralContainer, container string) bool {
	return variable(c, forVariable) == string(OpenRoot)+" "+container
}

// MadeBy tells who asked for a helper of ours; "" where that is not known.
func MadeBy(c *corev1.EphemeralContainer) string {
	return strings.ReplaceAll(variable(c, byVariable), "$$", "$")
}

// KeepOf tells how long a helper of ours waits without a command.
func KeepOf(c *corev1.EphemeralContainer) (time.Duration, bool) {
	seconds, err := strconv.Atoi(c.Command[len(c.Command)-1])
	return time.Duration(seconds) * time.Second, err == nil
}

func variable(c *corev1.EphemeralContainer, name string) string {
	i := slices.IndexFunc(c.Env, func(v corev1.EnvVar) bool { return v.Name == name })
	if i < 0 {
		return ""
	}
	return c.Env[i].Value
}
