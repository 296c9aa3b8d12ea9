// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Manager is something that keeps a workload as it wants it.
type Manager struct {
	// Name is what it is ("Helm release web"), Reverts when it takes a change of somebody else's back.
	Name, Reverts string
}

// marker is a label or annotation by which a manager knows its own.
type marker struct {
	key     string
	value   string // "" for any
	name    string
	reverts string
}

// markers are the documented ones of the managers that are met most.
func markers() []marker {
	const sync = "at its next sync, at once where it heals by itself"
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

// ManagerOf tells who else keeps an object: the controller that owns it, or whoever left its marks on it.
func ManagerOf(object metav1.Object) (Manager, bool) {
	if owner := metav1.GetControllerOf(object); owner != nil {
		return Manager{"the operator of " + owner.Kind + " " + owner.Name, "when it next reconciles, which may be at once"}, true
	}
	for _, m := range markers() {
		for _, set := range []map[string]string{object.GetAnnotations(), object.GetLabels()} {
			value, ok := set[m.key]
			if !ok || m.value != "" && m.value != value {
				continue
			}
			name := m.name
			if m.value == "" {
				// A tracking id goes on with the object's own name.
				who, _, _ := strings.Cut(value, ":")
				name += " " + who
			}
			return Manager{name, m.reverts}, true
		}
	}
	return Manager{}, false
}
