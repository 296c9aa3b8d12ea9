// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	authv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
)

// allow answers the harness's questions about permissions: yes but for those denied ("create pods").
func (d *harness) allow(denied ...string) {
	d.client.PrependReactor("create", "selfsubjectaccessreviews", func(a clienttesting.Action) (bool, runtime.Object, error) {
		review := a.(clienttesting.CreateAction).GetObject().(*authv1.SelfSubjectAccessReview)
		r := review.Spec.ResourceAttributes
		review.Status.Allowed = !slices.Contains(denied, strings.TrimSuffix(r.Verb+" "+r.Resource+"/"+r.Subresource, "/"))
		return true, review, nil
	})
}

func TestDoctorBadInput(t *testing.T) {
	d := newHarness(t)
	for _, c := range []struct {
		args   []string
		code   int
		errors string
	}{
		{[]string{"web", "more"}, cli.ExitUsage, "unexpected argument"},
		{[]string{"web", "-o", "wide"}, cli.ExitUsage, "not one of json, yaml"},
		{[]string{"web", "--role", "-o", "yaml"}, cli.ExitUsage, "and --role are mutually exclusive"},
		{[]string{"-c", "web"}, cli.ExitUsage, "-c web requires a pod"},
		{[]string{"web", "--profile", "sysadmin"}, cli.ExitUsage, "not one of"},
		{[]string{"gone"}, cli.ExitError, "not found in namespace"},
		{[]string{"web", "-c", "gone"}, cli.ExitError, "container \"gone\" not found"},
		{[]string{"web", "-l", "app=web"}, cli.ExitUsage, "unexpected argument"},
		{[]string{"-l", ""}, cli.ExitUsage, "a pod name or labels are required"},
		{[]string{"-l", "a=b=c"}, cli.ExitUsage, "parse label selector"},
		{[]string{"node/web"}, cli.ExitUsage, "is a node, and has no container to join"},
	} {
		d.allow()
		if code := d.run(t.Context(), append([]string{"doctor"}, c.args...)...); code != c.code || !strings.Contains(d.errOut.String(), c.errors) {
			t.Errorf("%q: exit code %d, stderr %q", c.args, code, d.errOut.String())
		}
		if !strings.Contains(d.errOut.String(), "\ntry: ") || d.out.Len() > 0 {
			t.Errorf("%q: stdout %q, stderr %q", c.args, d.out.String(), d.errOut.String())
		}
	}
}

func TestDoctorExitsByWhatDebugWould(t *testing.T) {
	d := newHarness(t)
	d.allow()
	if code := d.run(t.Context(), "doctor", "web"); code != 0 || d.errOut.Len() > 0 {
		t.Errorf("exit code %d, stderr %q", code, d.errOut.String())
	}
	if !strings.Contains(d.out.String(), "debug: yes, a helper next to the container, the existing shareproc-aaaaa; nothing restarts\n") || strings.Contains(d.out.String(), "kind: Role") {
		t.Errorf("stdout %s", d.out.String())
	}
	d.allow("create pods/exec")
	if code := d.run(t.Context(), "doctor", "web"); code != cli.ExitError {
		t.Errorf("exit code %d", code)
	}
	if !strings.HasPrefix(d.errOut.String(), "error: check pod/web: debug will not work: you lack permission to create pods/exec in namespace shop\ntry: ") {
		t.Errorf("stderr %q", d.errOut.String())
	}
	if !strings.Contains(d.out.String(), "\n# Missing permissions, for kubectl apply -f -\napiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n") {
		t.Errorf("stdout %s", d.out.String())
	}
	if code := d.run(t.Context(), "doctor", "web", "--role"); code != 0 || d.errOut.Len() > 0 || !strings.HasPrefix(d.out.String(), "apiVersion: ") ||
		strings.Count(d.out.String(), "verbs:") != 1 {
		t.Errorf("exit code %d, stdout %s", code, d.out.String())
	}
	d.allow()
	if code := d.run(t.Context(), "doctor", "web", "--role"); code != 0 || strings.Count(d.out.String(), "verbs:") != 3 {
		t.Errorf("exit code %d, stdout %s", code, d.out.String())
	}
}

// The shape of the document is what scripts read.
func TestDoctorDocument(t *testing.T) {
	d := newHarness(t)
	d.allow("patch pods/ephemeralcontainers")
	if code := d.run(t.Context(), "doctor", "-o", "json"); code != cli.ExitError {
		t.Fatalf("exit code %d: %s", code, d.errOut.String())
	}
	var got struct {
		APIVersion, Kind, Namespace, Mode string
		Works                             *bool
		Problems                          []struct{ Message, Hint string }
		Permissions                       []struct {
			NeededFor                         []string
			Verb, APIGroup, Resource, Allowed string
			Required                          bool
		}
		Server struct {
			EphemeralContainers struct{ Result, Detail string }
		}
		Admission []struct{ Mode, Description, Access, Admitted string }
		Missing   struct{ Role struct{ Kind string } }
	}
	if err := json.Unmarshal(d.out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.APIVersion != output.APIVersion || got.Kind != "Diagnosis" || got.Namespace != "shop" || got.Mode != "helper" || got.Works == nil || *got.Works {
		t.Errorf("head %+v", got)
	}
	if len(got.Problems) != 1 || got.Problems[0].Hint == "" || got.Missing.Role.Kind != "Role" || got.Server.EphemeralContainers.Result == "" {
		t.Errorf("got %+v", got)
	}
	patch := got.Permissions[1]
	if patch.Resource != "pods/ephemeralcontainers" || patch.Allowed != "no" || !patch.Required || patch.NeededFor[0] != "helper" {
		t.Errorf("permission %+v", patch)
	}
	if len(got.Admission) != 3 || got.Admission[0].Mode != "pod" || got.Admission[0].Admitted != "yes" || got.Admission[0].Access != "everything" {
		t.Errorf("admission %+v", got.Admission)
	}
}

func TestDoctorEscapesWhatTheServerSays(t *testing.T) {
	d := newHarness(t)
	d.allow()
	d.client.PrependReactor("create", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "x", errors.New("two\nlines\x1b[31m"))
	})
	if code := d.run(t.Context(), "doctor"); code != cli.ExitError {
		t.Errorf("exit code %d", code)
	}
	if !strings.Contains(d.out.String(), `two lines\x1b[31m`) || strings.Contains(d.out.String()+d.errOut.String(), "\x1b") {
		t.Errorf("stdout %q, stderr %q", d.out.String(), d.errOut.String())
	}
}

func TestDoctorInterruptedOrAlone(t *testing.T) {
	d := newHarness(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	d.client.PrependReactor("create", "selfsubjectaccessreviews", func(clienttesting.Action) (bool, runtime.Object, error) {
		cancel(cli.ErrInterrupted)
		return true, nil, ctx.Err()
	})
	if code := d.run(ctx, "doctor", "web"); code != cli.ExitInterrupted || d.out.Len() > 0 {
		t.Errorf("exit code %d, stdout %q", code, d.out.String())
	}
	d.client.PrependReactor("create", "selfsubjectaccessreviews", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, &url.Error{Op: "Post", URL: "https://away", Err: errors.New("connection refused")}
	})
	if code := d.run(t.Context(), "doctor", "web"); code != cli.ExitError || !strings.Contains(d.errOut.String(), "connection refused\ntry: run kubectl cluster-info") {
		t.Errorf("exit code %d, stderr %q", code, d.errOut.String())
	}
}
