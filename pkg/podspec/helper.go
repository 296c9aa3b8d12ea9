// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"cmp"
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// waitScript is the helper's own process. The kubelet expands $$ and $(NAME) in a command; the scripts have neither.
//
//go:embed wait.sh
var waitScript string

// Variable is the one environment variable of a helper: how long it waits, in seconds, what it was made for and beside which
// container ("-" where that is nothing), and on whose request. An ephemeral container has no annotations to say it in.
// Commands run in it are better off without.
const Variable = "SHAREPROC"

// Notes is the file in which a helper's own process notes how long it has been idle, and to which a command adds a line: the
// kubelet mounts it into each container, writable for every user, read-only root or not.
const Notes = corev1.TerminationMessagePathDefault

// WaitWord is in the command line of a helper's own process, and in no other.
const WaitWord = "SHAREPROC_WAIT"

// command is the command of a helper that runs a script, which finds waitScript in the environment. A process of a container
// shows its command to everybody; this one becomes another, whose words are few.
func command(script string) []string {
	return []string{"sh", "-c", "export " + WaitWord + "=" + quote(OneLine(waitScript)) + "; " + OneLine(script)}
}

// become is the script of a helper that only waits.
const become = `exec sh -c 'eval "$SHAREPROC_WAIT"' shareproc "${SHAREPROC%% *}"`

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
	// Access and Container say what it was made for: where the cluster admitted less than the need, it is still the best
	// there is for it.
	Access    Access
	Container string
	// By is who asked for it; "" where that is not known.
	By string
	// Persistent makes its own process a shell, to attach to, and Keep the time without a key.
	Persistent bool
}

// Ephemeral is the helper as an ephemeral container (KEP-277): it can't be changed or removed once
// added, so it ends by itself.
func (h Helper) Ephemeral() corev1.EphemeralContainer {
	c := corev1.EphemeralContainer{
		TargetContainerName: h.Target,
		EphemeralContainerCommon: corev1.EphemeralContainerCommon{
			Name:                     h.Name,
			Image:                    h.Image,
			ImagePullPolicy:          h.PullPolicy,
			Command:                  command(become),
			Env:                      []corev1.EnvVar{{Name: Variable, Value: h.words()}},
			SecurityContext:          h.Security,
			TerminationMessagePolicy: corev1.TerminationMessageReadFile,
		},
	}
	if h.Persistent {
		persistent(&c)
	}
	return c
}

// words is the value of Variable. The kubelet expands $(NAME); $$ keeps a name that has one as it is.
func (h Helper) words() string {
	words := []string{strconv.Itoa(int(h.Keep / time.Second)), cmp.Or(string(h.Access), "-"), cmp.Or(h.Container, "-")}
	if h.By != "" {
		words = append(words, strings.ReplaceAll(h.By, "$", "$$"))
	}
	return strings.Join(words, " ")
}

// IsHelper tells whether an ephemeral container was added by this tool.
func IsHelper(c *corev1.EphemeralContainer) bool {
	return strings.HasPrefix(c.Name, NamePrefix) && words(c)[0] != ""
}

// MadeFor tells whether a helper of ours was made for that need beside that container: whatever the cluster admitted then
// is the best there is.
func MadeFor(c *corev1.EphemeralContainer, container string, access Access) bool {
	made := words(c)
	return made[2] == container && Access(made[1]).covers(access)
}

// MadeForFiles tells whether a helper of ours was made for the files of that container and for nothing else. One that does
// not match the target was then the least that opened them, or that the cluster admitted.
func MadeForFiles(c *corev1.EphemeralContainer, container string) bool {
	made := words(c)
	return made[2] == container && Access(made[1]) == ReadRoot
}

// MadeBy tells who asked for a helper of ours; "" where that is not known.
func MadeBy(c *corev1.EphemeralContainer) string {
	return strings.ReplaceAll(words(c)[3], "$$", "$")
}

// KeepOf tells how long a helper of ours waits without a command.
func KeepOf(c *corev1.EphemeralContainer) (time.Duration, bool) {
	seconds, err := strconv.Atoi(words(c)[0])
	return time.Duration(seconds) * time.Second, err == nil
}

// words takes the value of Variable apart. A name may hold spaces.
func words(c *corev1.EphemeralContainer) (found [4]string) {
	i := slices.IndexFunc(c.Env, func(v corev1.EnvVar) bool { return v.Name == Variable })
	if i >= 0 {
		copy(found[:], strings.SplitN(c.Env[i].Value, " ", len(found)))
	}
	return found
}
