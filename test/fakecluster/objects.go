// SPDX-License-Identifier: Apache-2.0

package fakecluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// Apply makes the objects of a manifest in a namespace. A pod is started; one whose manifest has a status keeps that
// and is not.
func (c *Cluster) Apply(namespace, manifest string) error {
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(manifest), 4096)
	for {
		var o object
		if err := decoder.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		kind, _ := o["kind"].(string)
		k := key{resource: strings.ToLower(kind) + "s", namespace: namespace, name: field(o, "metadata", "name")}
		if kind == "Node" || kind == "Namespace" {
			k.namespace = ""
		}
		c.mu.Lock()
		err := c.add(k, o)
		c.mu.Unlock()
		if err != nil {
			return err
		}
	}
}

func (c *Cluster) add(k key, o object) error {
	c.made++
	meta, _ := o["metadata"].(object)
	meta["uid"], meta["resourceVersion"] = fmt.Sprintf("00000000-0000-0000-0000-%012d", c.made), fmt.Sprint(c.made)
	meta["creationTimestamp"] = time.Now().UTC().Format(time.RFC3339)
	if k.namespace != "" {
		meta["namespace"] = k.namespace
	}
	if _, ok := o["status"]; !ok && k.resource == "pods" {
		return c.changePod(k, o, func(pod *corev1.Pod) error { return c.kubelet.start(pod) })
	}
	c.objects[k] = o
	return nil
}

// changePod stores a pod as the kubelet leaves it.
func (c *Cluster) changePod(k key, o object, change func(*corev1.Pod) error) error {
	var pod corev1.Pod
	if err := convert(o, &pod); err != nil {
		return err
	}
	if err := change(&pod); err != nil {
		return err
	}
	var changed object
	if err := convert(pod, &changed); err != nil {
		return err
	}
	changed["kind"], changed["apiVersion"] = "Pod", "v1"
	c.objects[k] = changed
	return nil
}

func (c *Cluster) list(q request) (any, error) {
	selector, err := labels.Parse(q.URL.Query().Get("labelSelector"))
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	items := []object{}
	names := slices.SortedFunc(maps.Keys(c.objects), func(a, b key) int {
		return strings.Compare(a.namespace+"/"+a.name, b.namespace+"/"+b.name)
	})
	for _, k := range names {
		var o struct {
			Metadata struct{ Labels labels.Set }
		}
		if err := convert(c.objects[k], &o); err != nil {
			return nil, err
		}
		if k.resource == q.resource && (q.namespace == "" || q.namespace == k.namespace) && selector.Matches(o.Metadata.Labels) {
			items = append(items, c.objects[k])
		}
	}
	groupVersion := strings.TrimPrefix(q.group+"/"+q.version, "/")
	return object{"kind": q.kind() + "List", "apiVersion": groupVersion, "metadata": object{}, "items": items}, nil
}

func (c *Cluster) create(q request) (any, error) {
	sent, err := q.decode()
	if err != nil {
		return nil, err
	}
	var o object
	if err := convert(sent, &o); err != nil {
		return nil, err
	}
	o["kind"], o["apiVersion"] = q.kind(), strings.TrimPrefix(q.group+"/"+q.version, "/")
	meta, _ := o["metadata"].(object)
	if prefix := field(o, "metadata", "generateName"); prefix != "" {
		c.made++
		meta["name"] = fmt.Sprintf("%s%05d", prefix, c.made)
	}
	q.name = field(o, "metadata", "name")
	if err := c.admit(q, o); err != nil {
		return nil, err
	}
	if _, there := c.objects[q.key]; there {
		return nil, apierrors.NewAlreadyExists(q.groupResource(), q.name)
	}
	if q.dryRun {
		return o, nil
	}
	c.writes = append(c.writes, q.permission())
	delete(o, "status") // as the API server does with what a client says of it
	if err := c.add(q.key, o); err != nil {
		return nil, err
	}
	return c.objects[q.key], nil
}

func (c *Cluster) patch(q request, old object) (any, error) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return nil, err
	}
	before, err := json.Marshal(old)
	if err != nil {
		return nil, err
	}
	var after []byte
	switch types.PatchType(q.Header.Get("Content-Type")) {
	case types.StrategicMergePatchType:
		after, err = strategicpatch.StrategicMergePatch(before, body, corev1.Pod{})
	case types.JSONPatchType:
		var patch jsonpatch.Patch
		if patch, err = jsonpatch.DecodePatch(body); err == nil {
			after, err = patch.Apply(before)
		}
	default:
		after, err = jsonpatch.MergePatch(before, body)
	}
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	var o object
	if err := json.Unmarshal(after, &o); err != nil {
		return nil, err
	}
	if err := c.admit(q, o); err != nil {
		return nil, err
	}
	if q.dryRun {
		return o, nil
	}
	c.writes = append(c.writes, q.permission())
	if q.resource != "pods" {
		c.objects[q.key] = o
		return o, nil
	}
	err = c.changePod(q.key, o, func(pod *corev1.Pod) error { return c.kubelet.startHelpers(pod) })
	return c.objects[q.key], err
}

func (c *Cluster) remove(q request) (any, error) {
	gone := c.objects[q.key]
	if q.dryRun {
		return gone, nil
	}
	c.writes = append(c.writes, q.permission())
	delete(c.objects, q.key)
	return gone, nil
}

func (c *Cluster) pod(k key) (*corev1.Pod, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o, ok := c.objects[k]
	if !ok {
		return nil, fmt.Errorf("pod %s: not found", k.name)
	}
	var pod corev1.Pod
	return &pod, convert(o, &pod)
}

// convert makes one form of an object from another.
func convert(from, to any) error {
	text, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, to)
}

func field(o object, path ...string) string {
	for _, name := range path[:len(path)-1] {
		o, _ = o[name].(object)
	}
	text, _ := o[path[len(path)-1]].(string)
	return text
}
