// SPDX-License-Identifier: Apache-2.0

package ss

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
)

// pageSize is how many objects are asked for at once.
const pageSize = 500

// namePeers names remote addresses by pods and Services: of all namespaces, or of the pod's own where only that is allowed. The
// notes say what may not be listed.
func namePeers(ctx context.Context, deps *cli.Deps, l *inspect.Look, list []proc.Socket) (notes []string, err error) {
	wanted := map[string]bool{}
	for i := range list {
		if list[i].RemoteAddress != "" {
			wanted[list[i].RemoteAddress] = true
		}
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	client, err := deps.Client()
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, lister := range []struct {
		resource string
		list     func(context.Context, kubernetes.Interface, string, func(address, name string)) error
	}{{"services", services}, {"pods", pods}} {
		note := func(address, name string) {
			if wanted[address] && names[address] == "" {
				names[address] = name
			}
		}
		err := lister.list(ctx, client, metav1.NamespaceAll, note)
		if apierrors.IsForbidden(err) {
			err = lister.list(ctx, client, l.Namespace, note)
			notes = append(notes, fmt.Sprintf("peers are named by %s of namespace %s only: you may not list those of all namespaces", lister.resource, l.Namespace))
		}
		switch {
		case apierrors.IsForbidden(err):
			notes[len(notes)-1] = fmt.Sprintf("peers are not named by %s: you may not list them", lister.resource)
		case err != nil:
			return nil, fmt.Errorf("list %s: %w", lister.resource, err)
		}
	}
	for i := range list {
		list[i].PeerName = names[list[i].RemoteAddress]
	}
	return notes, nil
}

// qualified is KIND/NAME, with its namespace behind it.
func qualified(kind string, m metav1.Object) string {
	return kind + "/" + m.GetName() + "." + m.GetNamespace()
}

func services(ctx context.Context, client kubernetes.Interface, namespace string, note func(address, name string)) error {
	options := metav1.ListOptions{Limit: pageSize}
	for {
		page, err := client.CoreV1().Services(namespace).List(ctx, options)
		if err != nil {
			return err
		}
		for i := range page.Items {
			s := &page.Items[i]
			for _, address := range append(append([]string{}, s.Spec.ClusterIPs...), s.Spec.ExternalIPs...) {
				note(address, qualified("svc", s))
			}
		}
		if options.Continue = page.Continue; options.Continue == "" {
			return nil
		}
	}
}

func pods(ctx context.Context, client kubernetes.Interface, namespace string, note func(address, name string)) error {
	options := metav1.ListOptions{Limit: pageSize}
	for {
		page, err := client.CoreV1().Pods(namespace).List(ctx, options)
		if err != nil {
			return err
		}
		for i := range page.Items {
			p := &page.Items[i]
			// The address of one that has ended may be another's by now; those of the node are not a pod's.
			if p.Spec.HostNetwork || p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
				continue
			}
			for _, ip := range p.Status.PodIPs {
				note(ip.IP, qualified("pod", p))
			}
		}
		if options.Continue = page.Continue; options.Continue == "" {
			return nil
		}
	}
}
