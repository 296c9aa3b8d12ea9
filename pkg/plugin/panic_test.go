// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
)

// A mistakenWire panics where a word of the command is one of these. Without any it waits for a panic elsewhere.
type mistakenWire struct {
	localWire
	words []string
}

func (w mistakenWire) Run(ctx context.Context, argv []string, _ io.Reader, _, _ io.Writer) error {
	for _, word := range w.words {
		if slices.ContainsFunc(argv, func(arg string) bool { return strings.Contains(arg, word) }) {
			panic("a bug")
		}
	}
	if len(w.words) == 0 {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Minute):
		}
	}
	return errors.New("nothing else runs here")
}

// copyHarness makes the pods that are created run.
func copyHarness(t *testing.T) *harness {
	t.Helper()
	d := newHarness(t)
	d.allow()
	d.client.PrependReactor("create", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		create := a.(clienttesting.CreateActionImpl)
		if slices.Contains(create.CreateOptions.DryRun, metav1.DryRunAll) {
			return true, create.Object, nil
		}
		p := create.Object.(*corev1.Pod).DeepCopy()
		for _, c := range p.Spec.Containers {
			p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{
				Name: c.Name, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
			})
		}
		return true, p, d.client.Tracker().Add(p)
	})
	return d
}

// A mistake in this program leaves no copy behind, whenever it comes and in whichever goroutine.
func TestCopyIsDeletedAfterAPanic(t *testing.T) {
	mistaken := func(words ...string) func(*harness) {
		return func(d *harness) {
			d.Exec = func(attach.Container, bool) (cluster.Exec, error) { return mistakenWire{words: words}, nil }
		}
	}
	request := func(verb, resource string, when func(clienttesting.Action) bool) func(*harness) {
		return func(d *harness) {
			mistaken()(d)
			d.client.PrependReactor(verb, resource, func(a clienttesting.Action) (bool, runtime.Object, error) {
				if when(a) {
					panic("a bug")
				}
				return false, nil, nil
			})
		}
	}
	always := func(clienttesting.Action) bool { return true }
	for _, c := range []struct {
		sentence string
		prepare  func(*harness)
		made     bool
	}{
		{"in the session", mistaken("only-this"), true},
		{"in a goroutine of a look", mistaken("sh"), true},
		{"in a goroutine that asks for permissions", request("create", "selfsubjectaccessreviews", always), false},
		{"in the goroutine that tidies", request("list", "pods", always), true},
		{"while it starts", request("get", "pods", func(a clienttesting.Action) bool {
			return strings.HasPrefix(a.(clienttesting.GetAction).GetName(), "web-shareproc-")
		}), true},
		{"when the wire is made", func(d *harness) {
			d.Exec = func(attach.Container, bool) (cluster.Exec, error) { panic("a bug") }
		}, true},
	} {
		d := copyHarness(t)
		c.prepare(d)
		if code := d.run(t.Context(), "debug", "web", "--copy", "--", "only-this"); code != cli.ExitError {
			t.Errorf("%s: exit code %d", c.sentence, code)
		}
		if said := d.errOut.String(); !strings.Contains(said, "error: internal error: a bug") || !strings.Contains(said, ".go:") {
			t.Errorf("%s: %s", c.sentence, said)
		}
		pods, err := d.client.Tracker().List(corev1.SchemeGroupVersion.WithResource("pods"), corev1.SchemeGroupVersion.WithKind("Pod"), "shop")
		if err != nil || len(pods.(*corev1.PodList).Items) != 1 {
			t.Errorf("%s: left %v, %v\n%s", c.sentence, pods, err, d.errOut.String())
		}
		deleted := slices.ContainsFunc(d.client.Actions(), func(a clienttesting.Action) bool { return a.GetVerb() == "delete" })
		if deleted != c.made {
			t.Errorf("%s: deleted %t\n%s", c.sentence, deleted, d.errOut.String())
		}
	}
}
