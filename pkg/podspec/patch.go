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

// Marks of a patched workload, written in the same request as the change and removed in the same as its undoing.
const (
	// LabelPatched finds the workload among others.
	LabelPatched = "kubectl-shareproc/patched"
	// AnnotationPatch holds a PatchMark.
	AnnotationPatch = "kubectl-shareproc/patch"
	// FieldManager is who the API server says changed the fields.
	FieldManager = "kubectl-shareproc"
)

// Patch is what a workload's template is given: one process namespace and a container that waits, in which every command is
// an exec.
type Patch struct {
	// Container is the sidecar's name. It is new with every patch, so that a pod tells which one made it.
	Container  string
	Image      string
	PullPolicy corev1.PullPolicy
	Security   *corev1.SecurityContext
	Resources  corev1.ResourceRequirements
	By         string
	At         time.Time
	TTL        time.Duration
}

// PatchMark is what an undo needs to know, wherever it runs.
type PatchMark struct {
	Container string    `json:"container"`
	By        string    `json:"by,omitempty"`
	At        time.Time `json:"at"`
	// Expires is when whatever of ours runs next puts the template back.
	Expires time.Time `json:"expires"`
	// Before is what shareProcessNamespace was; BeforeKept where it was not changed.
	Before Before `json:"shareProcessNamespaceBefore"`
	// Sum tells whether the template is as it was.
	Sum string `json:"templateBefore"`
}

// Before is a value of shareProcessNamespace.
type Before string

// What shareProcessNamespace may have been.
const (
	BeforeUnset Before = "unset"
	BeforeFalse Before = "false"
	BeforeKept  Before = "kept"
)

// Op is one operation of a JSON patch (RFC 6902). Only what is named in it changes, whatever fields newer servers know.
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
)

// Of is the change of a workload, which the server refuses where the workload is not this one any more.
func (p Patch) Of(meta metav1.Object, template *corev1.PodTemplateSpec) ([]Op, error) {
	mark := PatchMark{
		Container: p.Container, By: p.By, At: p.At.UTC().Truncate(time.Second), Expires: p.At.Add(p.TTL).UTC().Truncate(time.Second),
		Before: BeforeKept, Sum: SumOf(template),
	}
	ops := []Op{{"test", "/metadata/resourceVersion", meta.GetResourceVersion()}}
	spec := &template.Spec
	switch share := spec.ShareProcessNamespace; {
	case spec.HostPID:
		// The API server refuses both together.
	case share == nil:
		mark.Before = BeforeUnset
		ops = append(ops, Op{"add", sharePath, true})
	case !*share:
		mark.Before = BeforeFalse
		ops = append(ops, Op{"replace", sharePath, true})
	}
	text, err := json.Marshal(mark)
	if err != nil {
		return nil, fmt.Errorf("write down what stood before: %w", err)
	}
	ops = append(ops, Op{"add", containersPath + "/-", p.sidecar()})
	ops = append(ops, addKey(annotationsPath, meta.GetAnnotations(), AnnotationPatch, string(text)))
	return append(ops, addKey(labelsPath, meta.GetLabels(), LabelPatched, "true")), nil
}

// sidecar is a helper that does not end for want of commands: it would be started again.
func (p Patch) sidecar() corev1.Container {
	const forever = math.MaxInt32 * time.Second
	h := Helper{Name: p.Container, Image: p.Image, PullPolicy: p.PullPolicy, Keep: forever, Security: p.Security, By: p.By}
	c := corev1.Container(h.Ephemeral().EphemeralContainerCommon)
	c.Resources = p.Resources
	return c
}

// Unpatch is the change that takes away what a Patch added and nothing else, whatever others changed meanwhile; none where
// there is no patch. It is refused where a container has moved in the meantime, and then to be asked for anew.
func Unpatch(meta metav1.Object, template *corev1.PodTemplateSpec) []Op {
	text, marked := meta.GetAnnotations()[AnnotationPatch]
	_, labelled := meta.GetLabels()[LabelPatched]
	var ops []Op
	if mark, ok := MarkOf(meta); ok {
		ops = append(ops, mark.undo(&template.Spec)...)
	}
	if marked {
		at := annotationsPath + "/" + pointer(AnnotationPatch)
		ops = append(ops, Op{"test", at, text}, Op{Op: "remove", Path: at})
	}
	if labelled {
		ops = append(ops, Op{Op: "remove", Path: labelsPath + "/" + pointer(LabelPatched)})
	}
	return ops
}

func (m PatchMark) undo(spec *corev1.PodSpec) []Op {
	var ops []Op
	if i := slices.IndexFunc(spec.Containers, func(c corev1.Container) bool { return c.Name == m.Container }); i >= 0 {
		at := fmt.Sprintf("%s/%d", containersPath, i)
		ops = append(ops, Op{"test", at + "/name", m.Container}, Op{Op: "remove", Path: at})
	}
	if spec.ShareProcessNamespace == nil || !*spec.ShareProcessNamespace {
		return ops // somebody decided otherwise
	}
	switch m.Before {
	case BeforeUnset:
		ops = append(ops, Op{"test", sharePath, true}, Op{Op: "remove", Path: sharePath})
	case BeforeFalse:
		ops = append(ops, Op{"test", sharePath, true}, Op{"replace", sharePath, false})
	}
	return ops
}

// MarkOf reads the mark of a patched workload.
func MarkOf(meta metav1.Object) (PatchMark, bool) {
	var mark PatchMark
	err := json.Unmarshal([]byte(meta.GetAnnotations()[AnnotationPatch]), &mark)
	return mark, err == nil && strings.HasPrefix(mark.Container, NamePrefix)
}

// SumOf tells one template from another.
func SumOf(template *corev1.PodTemplateSpec) string {
	text, err := json.Marshal(template)
	if err != nil {
		return "" // no sum is like no other
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256(text))
}

// addKey adds to a map of the object, which may not be there yet.
func addKey(path string, all map[string]string, key, value string) Op {
	if all == nil {
		return Op{"add", path, map[string]string{key: value}}
	}
	return Op{"add", path + "/" + pointer(key), value}
}

// pointer writes a key as a part of a path (RFC 6901).
func pointer(key string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(key) }
