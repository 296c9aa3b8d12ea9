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
	"k8s.io/apimachinery/pkg/api/equality"
)

// waitScript is the main process of a helper. The kubelet expands $$ and $(NAME) in a command; the scripts contain
// neither.
//
//go:embed wait.sh
var waitScript string

// Variable holds the idle timeout of a helper in seconds, the Unix time at which it was added, its purpose, the container
// that it was made for ("-" for none) and its creator: an ephemeral container has no annotations.
const Variable = "SHAREPROC"

// ReasonVariable is the one that says why a helper was added; it is there where somebody gave a reason.
const ReasonVariable = "SHAREPROC_REASON"

// Notes is the file in which a helper records how long it has been idle, and to which a command adds a line: the
// kubelet mounts it into each container, writable for every user.
const Notes = corev1.TerminationMessagePathDefault

// WaitWord is in the command line of the main process of a helper, and in no other.
const WaitWord = "SHAREPROC_WAIT"

// command returns the command of a helper, which defines waitScript in the environment and runs a script. The process
// then executes another one with a short command line, since everyone can see it.
func command(script string) []string {
	return []string{"sh", "-c", "export " + WaitWord + "=" + quote(OneLine(waitScript)) + "; " + OneLine(script)}
}

// waitCommand is the script of a helper that only waits.
const waitCommand = `exec sh -c 'eval "$SHAREPROC_WAIT"' shareproc "${SHAREPROC%% *}"`

// Helper is a container that waits for commands, each of them an exec.
type Helper struct {
	Name       string
	Image      string
	PullPolicy corev1.PullPolicy
	// Target is the container whose process namespace the helper joins; "" if the pod shares its namespace.
	Target string
	// Keep is the idle timeout of the helper, in whole seconds.
	Keep time.Duration
	// Added is when; zero in a pod template. One that begins much later does not stay (wait.sh).
	Added    time.Time
	Security *corev1.SecurityContext
	// Access and Container are what it was made for: if the cluster admitted less, it is still the best available.
	Access    Access
	Container string
	// By is the user who asked for it; "" if unknown.
	By string
	// Reason is why, in the user's words; "" for none.
	Reason string
	// Persistent makes its main process a shell to attach to, and Keep the time without a key. Its prompt begins with Prompt.
	Persistent bool
	Prompt     string
}

// Ephemeral returns the helper as an ephemeral container (KEP-277), which cannot be changed or removed: it must exit on
// its own.
func (h Helper) Ephemeral() corev1.EphemeralContainer {
	c := corev1.EphemeralContainer{
		TargetContainerName: h.Target,
		EphemeralContainerCommon: corev1.EphemeralContainerCommon{
			Name:            h.Name,
			Image:           h.Image,
			ImagePullPolicy: h.PullPolicy,
			Command:         command(waitCommand),
			Env:             []corev1.EnvVar{{Name: Variable, Value: h.words()}},
			SecurityContext: h.Security,
			// Why it could not be started is in its log only.
			TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
		},
	}
	if h.Reason != "" {
		c.Env = append(c.Env, corev1.EnvVar{Name: ReasonVariable, Value: strings.ReplaceAll(h.Reason, "$", "$$")})
	}
	if h.Persistent {
		persistent(&c, h.Prompt)
	}
	return c
}

// words encodes the value of Variable. The kubelet expands $(NAME), which $$ prevents.
func (h Helper) words() string {
	added := "-"
	if !h.Added.IsZero() {
		added = strconv.FormatInt(h.Added.Unix(), 10)
	}
	words := []string{strconv.Itoa(int(h.Keep / time.Second)), added, cmp.Or(string(h.Access), "-"), cmp.Or(h.Container, "-")}
	if h.By != "" {
		words = append(words, strings.ReplaceAll(h.By, "$", "$$"))
	}
	return strings.Join(words, " ")
}

// IsHelper reports whether this plugin added an ephemeral container.
func IsHelper(c *corev1.EphemeralContainer) bool {
	return strings.HasPrefix(c.Name, NamePrefix) && originOf(c).keep != ""
}

// Unchanged reports whether a helper runs what this version would run in it: anyone who may add ephemeral containers can
// give one a helper's name and another command, or another directory in place of its tools. The image is not compared.
func Unchanged(c *corev1.EphemeralContainer) bool {
	keep, _ := KeepOf(c)
	from := originOf(c)
	h := Helper{
		Keep: keep, Added: addedAt(c), Access: Access(from.access), Container: from.container, By: MadeBy(c), Reason: ReasonOf(c),
		Persistent: IsPersistent(c), Prompt: promptOf(c),
	}
	want, got := h.Ephemeral(), c.EphemeralContainerCommon
	return equality.Semantic.DeepEqual(
		[]any{want.Command, want.Args, want.WorkingDir, want.Env, want.EnvFrom, want.VolumeMounts, want.VolumeDevices},
		[]any{got.Command, got.Args, got.WorkingDir, got.Env, got.EnvFrom, got.VolumeMounts, got.VolumeDevices})
}

// MadeFor reports whether a helper was made for that access to that container: what the cluster admitted then is the
// best available.
func MadeFor(c *corev1.EphemeralContainer, container string, access Access) bool {
	from := originOf(c)
	return from.container == container && Access(from.access).covers(access)
}

// MadeForFiles reports whether a helper was made only for the files of that container. If it has more privileges than
// the target, no matching one was sufficient.
func MadeForFiles(c *corev1.EphemeralContainer, container string) bool {
	from := originOf(c)
	return from.container == container && Access(from.access) == ReadRoot
}

// MadeBy tells who asked for a helper of ours; "" where that is not known.
func MadeBy(c *corev1.EphemeralContainer) string {
	return strings.ReplaceAll(originOf(c).by, "$$", "$")
}

// ReasonOf is why a helper was added; "" if nobody gave a reason.
func ReasonOf(c *corev1.EphemeralContainer) string {
	i := slices.IndexFunc(c.Env, func(v corev1.EnvVar) bool { return v.Name == ReasonVariable })
	if i < 0 {
		return ""
	}
	return strings.ReplaceAll(c.Env[i].Value, "$$", "$")
}

// KeepOf returns the idle timeout of a helper.
func KeepOf(c *corev1.EphemeralContainer) (time.Duration, bool) {
	seconds, err := strconv.Atoi(originOf(c).keep)
	return time.Duration(seconds) * time.Second, err == nil
}

// addedAt is zero where it is not known.
func addedAt(c *corev1.EphemeralContainer) time.Time {
	seconds, err := strconv.ParseInt(originOf(c).added, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}

// origin is the value of Variable.
type origin struct{ keep, added, access, container, by string }

// originOf decodes the value of Variable. A username may contain spaces.
func originOf(c *corev1.EphemeralContainer) origin {
	var found [5]string
	i := slices.IndexFunc(c.Env, func(v corev1.EnvVar) bool { return v.Name == Variable })
	if i >= 0 {
		copy(found[:], strings.SplitN(c.Env[i].Value, " ", len(found)))
	}
	return origin{found[0], found[1], found[2], found[3], found[4]}
}
