// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect/environ"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

// OwnEnvironment is what a process shows of its environment, from a reading of environ, or the reason why it shows none.
func OwnEnvironment(p session.Process, r process.Reading) ([]proc.Variable, string) {
	switch {
	case r.Gone:
		return nil, "it has ended"
	case r.Denied && p.Undumpable:
		return nil, "its environment is denied, since it changed its user without exec"
	case r.Denied:
		return nil, fmt.Sprintf("its environment is denied: it is of user %d:%d", p.EUID, p.EGID)
	}
	environment, err := proc.Environ(r.Text)
	switch {
	case err != nil:
		return nil, err.Error()
	case environment.Overwritten:
		return nil, "it has overwritten its environment, as programs do that change their title"
	}
	return environment.Variables, ""
}

// Config are ConfigMaps and Secrets that were read.
type Config struct {
	environ.Objects
	// Changed is when each was last written, as far as the cluster keeps that.
	Changed map[environ.Ref]time.Time
	// Notes say what may not be read.
	Notes []string
}

// ReadConfig reads ConfigMaps and Secrets.
func ReadConfig(ctx context.Context, client kubernetes.Interface, namespace string, refs []environ.Ref) (Config, error) {
	c := Config{Objects: environ.Objects{}, Changed: map[environ.Ref]time.Time{}}
	for _, r := range refs {
		data, meta, err := readObject(ctx, client, namespace, r)
		switch {
		case apierrors.IsNotFound(err):
			c.Objects[r] = nil
		case apierrors.IsForbidden(err):
			c.Notes = append(c.Notes, fmt.Sprintf("you may not get %s, so what comes from it is not compared or named", r))
		case err != nil:
			return c, fmt.Errorf("get %s: %w", r, err)
		default:
			c.Objects[r], c.Changed[r] = data, lastWritten(meta)
		}
	}
	return c, nil
}

func readObject(ctx context.Context, client kubernetes.Interface, namespace string, r environ.Ref) (map[string]string, metav1.ObjectMeta, error) {
	data := map[string]string{}
	if r.Kind == environ.ConfigMap {
		object, err := client.CoreV1().ConfigMaps(namespace).Get(ctx, r.Name, metav1.GetOptions{})
		if err != nil {
			return nil, metav1.ObjectMeta{}, err
		}
		for key, value := range object.Data {
			data[key] = value
		}
		return data, object.ObjectMeta, nil
	}
	object, err := client.CoreV1().Secrets(namespace).Get(ctx, r.Name, metav1.GetOptions{})
	if err != nil {
		return nil, metav1.ObjectMeta{}, err
	}
	for key, value := range object.Data {
		data[key] = string(value)
	}
	return data, object.ObjectMeta, nil
}

// lastWritten is zero where the object does not say who wrote what.
func lastWritten(meta metav1.ObjectMeta) time.Time {
	var last time.Time
	for _, f := range meta.ManagedFields {
		if f.Time != nil && f.Time.After(last) {
			last = f.Time.Time
		}
	}
	return last
}
