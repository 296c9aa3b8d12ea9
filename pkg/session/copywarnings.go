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
)

// warnAboutCopy says, before there is a copy, what it does twice, what it shares with the original and what a common process
// namespace changes for its containers. The error says why the copy could never start.
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

// checkReadWriteOncePod says that a copy could never start, since a claim of the pod is for one pod alone.
func checkReadWriteOncePod(pod *corev1.Pod, claims map[string]*corev1.PersistentVolumeClaim) error {
	if pod.Spec.NodeName == "" || finished(pod) {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		if slices.Contains(claims[name].Spec.AccessModes, corev1.ReadWriteOncePod) {
			return hint.With(fmt.Errorf("copy pod/%s: its claim %s may be used by one pod at a time (ReadWriteOncePod), and that is this one", pod.Name, name),
				fmt.Sprintf("kubectl shareproc debug %s without --copy; or the copy once the pod has finished", pod.Name))
		}
	}
	return nil
}

// claimsOf reads the pod's claims as far as the user may.
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

// shortModes writes access modes as kubectl get pvc does.
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
