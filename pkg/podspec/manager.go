// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Manager is a tool or controller that reverts changes of a workload.
type Manager struct {
	// Name describes it ("Helm release web"), and Reverts says when it reverts a change.
	Name, Reverts string
}

// marker is a label or annotation that identifies a manager.
type marker struct {
	key     string
	value   string // "" for any
	name    string
	reverts string
}

// markers are the documented ones of common managers.
func markers() []marker {
	const sync = "at its next sync, or at once with self-heal"
	return []marker{
		{"meta.helm.sh/release-name", "", "Helm release", "at the next helm upgrade"},
		{"app.kubernetes.io/managed-by", "Helm", "Helm", "at the next helm upgrade"},
		{"argocd.argoproj.io/tracking-id", "", "Argo CD application", sync},
		{"argocd.argoproj.io/instance", "", "Argo CD application", sync},
		{"helm.toolkit.fluxcd.io/name", "", "Flux HelmRelease", "when it next reconciles"},
		{"kustomize.toolkit.fluxcd.io/name", "", "Flux Kustomization", "when it next reconciles"},
		{"kapp.k14s.io/app", "", "kapp", "at the next kapp deploy"},
		{"configmanagement.gke.io/managed", "enabled", "Config Sync", "at once"},
		{"objectset.rio.cattle.io/id", "", "Rancher Fleet", "when it next reconciles"},
		{"addonmanager.kubernetes.io/mode", "Reconcile", "the addon manager", "within a minute"},
		{"olm.owner", "", "the Operator Lifecycle Manager", "when it next reconciles"},
	}
}

// ManagerOf returns the manager of an object: its controller, or the tool whose marks it has.
func ManagerOf(object metav1.Object) (Manager, bool) {
	if owner := metav1.GetControllerOf(object); owner != nil {
		return Manager{"the operator of " + owner.Kind + " " + owner.Name, "when it next reconciles, maybe at once"}, true
	}
	for _, m := range markers() {
		for _, set := range []map[string]string{object.GetAnnotations(), object.GetLabels()} {
			value, ok := set[m.key]
			if !ok || m.value != "" && m.value != value {
				continue
			}
			name := m.name
			if m.value == "" {
				// The name of the object follows a tracking id.
				who, _, _ := strings.Cut(value, ":")
				name += " " + who
			}
			return Manager{name, m.reverts}, true
		}
	}
	return Manager{}, false
}
