// SPDX-License-Identifier: Apache-2.0

package fakecluster

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

// Dynamic is a dynamic client for the workloads of a fake clientset: both see the same objects, and the same reactors.
func Dynamic(c *fake.Clientset) dynamic.Interface {
	kinds := map[string]string{"deployments": "Deployment", "statefulsets": "StatefulSet", "daemonsets": "DaemonSet"}
	lists := map[schema.GroupVersionResource]string{}
	for plural, kind := range kinds {
		lists[schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: plural}] = kind + "List"
	}
	d := dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), lists)
	d.PrependReactor("*", "*", func(a clienttesting.Action) (bool, runtime.Object, error) {
		gvr := a.GetResource()
		kind := gvr.GroupVersion().WithKind(kinds[gvr.Resource])
		if list, ok := a.(clienttesting.ListActionImpl); ok {
			list.Kind = kind
			a = list
		}
		object, err := c.Invokes(a, nil)
		if err != nil || object == nil {
			return true, nil, err
		}
		converted, err := toUnstructured(object, kind)
		return true, converted, err
	})
	return d
}

func toUnstructured(object runtime.Object, kind schema.GroupVersionKind) (runtime.Object, error) {
	if !meta.IsListType(object) {
		fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
		one := &unstructured.Unstructured{Object: fields}
		one.SetGroupVersionKind(kind)
		return one, err
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	err := meta.EachListItem(object, func(item runtime.Object) error {
		one, err := toUnstructured(item, kind)
		if err != nil {
			return fmt.Errorf("convert %s: %w", kind.Kind, err)
		}
		list.Items = append(list.Items, *one.(*unstructured.Unstructured))
		return nil
	})
	return list, err
}
