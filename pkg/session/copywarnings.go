// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/target"
)

// warnAboutCopy reports what a copy does twice, what it shares with the original, and what a shared process namespace
// changes. The error says why the copy could never start.
func (o copyOpener) warnAboutCopy(ctx context.Context, c podspec.Copy, pod *corev1.Pod) error {
	claims := claimsOf(ctx, o.Client, pod)
	modes := map[string]string{}
	for name, claim := range claims {
		modes[name] = shortModes(claim.Spec.AccessModes)
	}
	if err := checkReadWriteOncePod(pod, claims); err != nil {
		return err
	}
	for _, line := range append(c.DuplicateWork(pod, modes), podspec.Sharing(&pod.Spec)...) {
		o.Report.Say("%s", line)
	}
	return nil
}

// checkReadWriteOncePod returns an error if a copy could never start because a claim is for one pod only.
func checkReadWriteOncePod(pod *corev1.Pod, claims map[string]*corev1.PersistentVolumeClaim) error {
	if pod.Spec.NodeName == "" || target.Finished(pod) {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		if slices.Contains(claims[name].Spec.AccessModes, corev1.ReadWriteOncePod) {
			return hint.With(fmt.Errorf("copy pod/%s: claim %s is ReadWriteOncePod and in use by this pod", pod.Name, name),
				fmt.Sprintf("run kubectl shareproc debug %s without --copy, or copy the pod after it has completed", pod.Name))
		}
	}
	return nil
}

// claimsOf reads the claims of a pod that the user is allowed to get.
func claimsOf(ctx context.Context, client kubernetes.Interface, pod *corev1.Pod) map[string]*corev1.PersistentVolumeClaim {
	found := map[string]*corev1.PersistentVolumeClaim{}
	for i := range pod.Spec.Volumes {
		ref := pod.Spec.Volumes[i].PersistentVolumeClaim
		if ref == nil || found[ref.ClaimName] != nil {
			continue
		}
		if claim, err := client.CoreV1().PersistentVolumeClaims(pod.Namespace).Get(ctx, ref.ClaimName, metav1.GetOptions{}); err == nil {
			found[ref.ClaimName] = claim
		}
	}
	return found
}

// shortModes abbreviates access modes like kubectl get pvc.
func shortModes(modes []corev1.PersistentVolumeAccessMode) string {
	short := map[corev1.PersistentVolumeAccessMode]string{
		corev1.ReadWriteOnce: "RWO", corev1.ReadOnlyMany: "ROX", corev1.ReadWriteMany: "RWX", corev1.ReadWriteOncePod: "RWOP",
	}
	var words []string
	for _, m := range modes {
		words = append(words, short[m])
	}
	return strings.Join(words, ",")
}
