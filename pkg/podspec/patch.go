// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Marks of a patched workload, written in the same request as the patch and removed with it.
const (
	// LabelPatched selects patched workloads.
	LabelPatched = "kubectl-shareproc/patched"
	// AnnotationPatch holds a PatchMark.
	AnnotationPatch = "kubectl-shareproc/patch"
	// FieldManager is the name that the API server records for the changed fields.
	FieldManager = "kubectl-shareproc"
)

// Patch adds one process namespace to a template, and a container that waits for commands.
type Patch struct {
	// Container is the name of the sidecar. Each patch has a new one, so that a pod shows which patch made it.
	Container  string
	Image      string
	PullPolicy corev1.PullPolicy
	Security   *corev1.SecurityContext
	Resources  corev1.ResourceRequirements
	By, Reason string
	At         time.Time
	TTL        time.Duration
}

// PatchMark is what is needed to remove a patch.
type PatchMark struct {
	Container string    `json:"container"`
	By        string    `json:"by,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	At        time.Time `json:"at"`
	// Expires is when the next Sweep restores the template.
	Expires time.Time `json:"expires"`
	// Before is the previous shareProcessNamespace; BeforeKept if it was not changed.
	Before Before `json:"shareProcessNamespaceBefore"`
	// Sum identifies the template before the patch.
	Sum string `json:"templateBefore"`
}

// Before is a value of shareProcessNamespace.
type Before string

// The previous values.
const (
	BeforeUnset Before = "unset"
	BeforeFalse Before = "false"
	BeforeKept  Before = "kept"
)

// Op is an operation of a JSON patch (RFC 6902): only the named fields change.
type Op struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

const (
	annotationsPath = "/metadata/annotations"
	labelsPath      = "/metadata/labels"
	containersPath  = "/spec/template/spec/containers"
	sharePath       = "/spec/template/spec/shareProcessNamespace"
	volumesPath     = "/spec/template/spec/volumes"
)

// Mark is what an undo of p needs to know.
func (p Patch) Mark(template *corev1.PodTemplateSpec) PatchMark {
	mark := PatchMark{
		Container: p.Container, By: p.By, Reason: p.Reason, At: p.At.UTC().Truncate(time.Second), Expires: p.At.Add(p.TTL).UTC().Truncate(time.Second),
		Before: BeforeKept, Sum: SumOf(template),
	}
	switch share := template.Spec.ShareProcessNamespace; {
	case template.Spec.HostPID:
		// The API server refuses both together.
	case share == nil:
		mark.Before = BeforeUnset
	case !*share:
		mark.Before = BeforeFalse
	}
	return mark
}

// Of is the change of a workload, which the server refuses where the workload is not this one any more.
func (p Patch) Of(meta metav1.Object, template *corev1.PodTemplateSpec) ([]Op, error) {
	mark := p.Mark(template)
	ops := []Op{{"test", "/metadata/resourceVersion", meta.GetResourceVersion()}}
	switch mark.Before {
	case BeforeUnset:
		ops = append(ops, Op{"add", sharePath, true})
	case BeforeFalse:
		ops = append(ops, Op{"replace", sharePath, true})
	}
	text, err := json.Marshal(mark)
	if err != nil {
		return nil, fmt.Errorf("encode the patch mark: %w", err)
	}
	volume := emptyVolume(p.Container)
	if template.Spec.Volumes == nil {
		ops = append(ops, Op{"add", volumesPath, []corev1.Volume{volume}})
	} else {
		ops = append(ops, Op{"add", volumesPath + "/-", volume})
	}
	ops = append(ops, Op{"add", containersPath + "/-", p.sidecar(mark.Before)})
	ops = append(ops, addKey(annotationsPath, meta.GetAnnotations(), AnnotationPatch, string(text)))
	return append(ops, addKey(labelsPath, meta.GetLabels(), LabelPatched, "true")), nil
}

// sidecar is a helper without an idle timeout: the kubelet would restart it. It records the earlier value of
// shareProcessNamespace, which stays in the template if somebody removes the annotation.
func (p Patch) sidecar(before Before) corev1.Container {
	const forever = math.MaxInt32 * time.Second
	h := Helper{
		Name: p.Container, Image: p.Image, PullPolicy: p.PullPolicy, Keep: forever, Security: p.Security, Access: Access(before),
		By: p.By, Reason: p.Reason,
	}
	c := corev1.Container(h.Ephemeral().EphemeralContainerCommon)
	c.Resources = p.Resources
	c.VolumeMounts = []corev1.VolumeMount{overToken(p.Container)}
	return c
}

// Unpatch returns the patch that removes what a Patch added and nothing else; none if there is no mark. The server
// refuses it if a container has moved, and it must be built again. Known is what the caller knows of its own patch, which
// decides whatever the marks say; zero for the patch that is there.
func Unpatch(meta metav1.Object, template *corev1.PodTemplateSpec, known PatchMark) []Op {
	text, marked := meta.GetAnnotations()[AnnotationPatch]
	_, labeled := meta.GetLabels()[LabelPatched]
	mark, ok := MarkOf(meta, template)
	if known.Container != "" {
		if ok && mark.Container != known.Container && indexOf(&template.Spec, known.Container) < 0 {
			return nil // the patch of another session, which came after this one's was taken back
		}
		mark, ok = known, true
	}
	var ops []Op
	if ok {
		ops = append(ops, mark.undo(&template.Spec)...)
	}
	if marked {
		at := annotationsPath + "/" + pointer(AnnotationPatch)
		ops = append(ops, Op{"test", at, text}, Op{Op: "remove", Path: at})
	}
	if labeled {
		ops = append(ops, Op{Op: "remove", Path: labelsPath + "/" + pointer(LabelPatched)})
	}
	return ops
}

func indexOf(spec *corev1.PodSpec, container string) int {
	return slices.IndexFunc(spec.Containers, func(c corev1.Container) bool { return c.Name == container })
}

func (m PatchMark) undo(spec *corev1.PodSpec) []Op {
	var ops []Op
	removed := func(list string, i int) {
		if i >= 0 {
			at := fmt.Sprintf("%s/%d", list, i)
			ops = append(ops, Op{"test", at + "/name", m.Container}, Op{Op: "remove", Path: at})
		}
	}
	removed(containersPath, indexOf(spec, m.Container))
	// The volume has the container's name.
	removed(volumesPath, slices.IndexFunc(spec.Volumes, func(v corev1.Volume) bool { return v.Name == m.Container }))
	if spec.ShareProcessNamespace == nil || !*spec.ShareProcessNamespace {
		return ops // someone changed it since
	}
	switch m.Before {
	case BeforeUnset:
		ops = append(ops, Op{"test", sharePath, true}, Op{Op: "remove", Path: sharePath})
	case BeforeFalse:
		ops = append(ops, Op{"test", sharePath, true}, Op{"replace", sharePath, false})
	}
	return ops
}

// MarkOf reads the mark of a patched workload. The container of a patch counts for more than the annotation, which anybody
// who manages the workload may remove or replace.
func MarkOf(meta metav1.Object, template *corev1.PodTemplateSpec) (PatchMark, bool) {
	mark, ok := annotatedMark(meta)
	for i := range template.Spec.Containers {
		c := corev1.EphemeralContainer{EphemeralContainerCommon: corev1.EphemeralContainerCommon(template.Spec.Containers[i])}
		before := Before(originOf(&c).access)
		if !IsHelper(&c) || !slices.Contains([]Before{BeforeUnset, BeforeFalse, BeforeKept}, before) {
			continue
		}
		if mark.Container != c.Name {
			mark = PatchMark{Container: c.Name, By: MadeBy(&c)}
		}
		mark.Before = before
		return mark, true
	}
	return mark, ok
}

func annotatedMark(meta metav1.Object) (PatchMark, bool) {
	var mark PatchMark
	err := json.Unmarshal([]byte(meta.GetAnnotations()[AnnotationPatch]), &mark)
	return mark, err == nil && strings.HasPrefix(mark.Container, NamePrefix)
}

// Marked reports whether the annotation of a patched workload is as the patch wrote it.
func (m PatchMark) Marked(meta metav1.Object) bool {
	found, ok := annotatedMark(meta)
	return ok && found.Container == m.Container && found.Before == m.Before
}

// Renew returns the patch that postpones the expiry of a patch; none if the container's mark is missing.
func Renew(meta metav1.Object, container string, expires time.Time) []Op {
	mark, ok := annotatedMark(meta)
	if !ok || mark.Container != container {
		return nil
	}
	mark.Expires = expires.UTC().Truncate(time.Second)
	text, err := json.Marshal(mark)
	if err != nil {
		return nil
	}
	at := annotationsPath + "/" + pointer(AnnotationPatch)
	return []Op{{"test", at, meta.GetAnnotations()[AnnotationPatch]}, {"replace", at, string(text)}}
}

// SumOf returns a checksum of a template.
func SumOf(template *corev1.PodTemplateSpec) string {
	text, err := json.Marshal(template)
	if err != nil {
		return "" // equal to no checksum
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256(text))
}

// addKey adds a key to a map of the object, which may not exist yet.
func addKey(path string, all map[string]string, key, value string) Op {
	if all == nil {
		return Op{"add", path, map[string]string{key: value}}
	}
	return Op{"add", path + "/" + pointer(key), value}
}

// pointer escapes a key for a path (RFC 6901).
func pointer(key string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(key) }
