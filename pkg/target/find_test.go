// SPDX-License-Identifier: Apache-2.0

package target

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

// member is a ready pod with the label app=web, controlled by owner, of some age.
func member(name, owner string, age time.Duration, edits ...func(*corev1.Pod)) *corev1.Pod {
	return pod(func(p *corev1.Pod) {
		p.Name = name
		p.Labels = map[string]string{"app": "web"}
		p.CreationTimestamp = metav1.NewTime(time.Unix(1e9, 0).Add(-age))
		p.OwnerReferences = []metav1.OwnerReference{{UID: types.UID(owner), Controller: new(true)}}
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		for _, edit := range edits {
			edit(p)
		}
	})
}

func meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: "shop", UID: types.UID(name)}
}

func app() *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}
}

func ofCron(name, cron string, age time.Duration) *batchv1.Job {
	j := &batchv1.Job{ObjectMeta: meta(name), Spec: batchv1.JobSpec{Selector: app()}}
	j.CreationTimestamp = metav1.NewTime(time.Unix(1e9, 0).Add(-age))
	j.OwnerReferences = []metav1.OwnerReference{{UID: types.UID(cron), Controller: new(true)}}
	return j
}

// workloads are one of each kind, by the name of its kind, that all select app=web.
func workloads() []runtime.Object {
	return []runtime.Object{
		&appsv1.Deployment{ObjectMeta: meta("deployment"), Spec: appsv1.DeploymentSpec{Selector: app()}},
		&appsv1.StatefulSet{ObjectMeta: meta("statefulset"), Spec: appsv1.StatefulSetSpec{Selector: app()}},
		&appsv1.DaemonSet{ObjectMeta: meta("daemonset"), Spec: appsv1.DaemonSetSpec{Selector: app()}},
		&appsv1.ReplicaSet{ObjectMeta: meta("replicaset"), Spec: appsv1.ReplicaSetSpec{Selector: app()}},
		&batchv1.Job{ObjectMeta: meta("job"), Spec: batchv1.JobSpec{Selector: app()}},
		&batchv1.CronJob{ObjectMeta: meta("cronjob"), Spec: batchv1.CronJobSpec{Schedule: "@daily"}},
		ofCron("cron-1", "cronjob", time.Hour), ofCron("cron-2", "cronjob", time.Minute), ofCron("other", "other", 0),
		&corev1.ReplicationController{ObjectMeta: meta("replicationcontroller"), Spec: corev1.ReplicationControllerSpec{Selector: map[string]string{"app": "web"}}},
		&corev1.Service{ObjectMeta: meta("service"), Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "web"}}},
	}
}

// requests lists what was asked of the API server.
func requests(client *fake.Clientset) []string {
	var all []string
	for _, a := range client.Actions() {
		all = append(all, a.GetVerb()+" "+a.GetResource().Resource)
	}
	return all
}

func TestResolveFindsAPodOfEveryKind(t *testing.T) {
	objects := workloads()
	for _, owner := range []string{"statefulset", "daemonset", "replicaset", "job", "cron-1", "cron-2", "other", "replicationcontroller"} {
		objects = append(objects, member("of-"+owner, owner, time.Minute))
	}
	objects = append(objects,
		member("newest", "nobody", time.Second),
		member("unlabelled", "nobody", 0, func(p *corev1.Pod) { p.Labels = nil }),
		// A copy of ours, made to look like a pod of each kind as well as it can.
		member("copy", "statefulset", 0, func(p *corev1.Pod) { p.Labels[labelManagedBy] = managedBy }))
	for _, c := range []struct {
		ref  Ref
		want string
		says string
		cost []string
	}{
		{Ref{Arg: "newest"}, "newest", "", []string{"get pods"}},
		{Ref{Arg: "po/newest"}, "newest", "", []string{"get pods"}},
		{Ref{Arg: "copy"}, "copy", "", []string{"get pods"}},
		{
			Ref{Arg: "deploy/deployment"},
			"newest", "using pod/newest, the newest of 9 ready pods of deployment/deployment",
			[]string{"get deployments", "list pods"},
		},
		{Ref{Arg: "sts/statefulset"}, "of-statefulset", "using pod/of-statefulset of statefulset/statefulset", []string{"get statefulsets", "list pods"}},
		{Ref{Arg: "ds/daemonset"}, "of-daemonset", "using pod/of-daemonset of daemonset/daemonset", []string{"get daemonsets", "list pods"}},
		{Ref{Arg: "rs/replicaset"}, "of-replicaset", "using pod/of-replicaset of replicaset/replicaset", []string{"get replicasets", "list pods"}},
		{Ref{Arg: "job.batch/job"}, "of-job", "using pod/of-job of job/job", []string{"get jobs", "list pods"}},
		{Ref{Arg: "cj/cronjob"}, "of-cron-2", "using pod/of-cron-2 of job/cron-2 of cronjob/cronjob", []string{"get cronjobs", "list jobs", "list pods"}},
		{
			Ref{Arg: "rc/replicationcontroller"},
			"of-replicationcontroller",
			"using pod/of-replicationcontroller of replicationcontroller/replicationcontroller",
			[]string{"get replicationcontrollers", "list pods"},
		},
		{Ref{Arg: "svc/service"}, "newest", "using pod/newest, the newest of 9 ready pods of service/service", []string{"get services", "list pods"}},
		{Ref{Selector: "app in (web)"}, "newest", `using pod/newest, the newest of 9 ready pods with labels "app in (web)"`, []string{"list pods"}},
		{Ref{Selector: "app=web," + labelManagedBy + "=" + managedBy}, "copy", "using pod/copy with labels", []string{"list pods"}},
		{Ref{Arg: "deploy/deployment", Container: "proxy"}, "newest", "the newest of 9 ready pods", []string{"get deployments", "list pods"}},
	} {
		client := fake.NewClientset(objects...)
		var said []string
		got, err := Resolve(t.Context(), client, "shop", c.ref, func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) })
		if err != nil || got.Pod.Name != c.want {
			t.Errorf("%v: got %+v, %v", c.ref, got, err)
			continue
		}
		if got.Container != cmp.Or(c.ref.Container, "web") {
			t.Errorf("%v: container %s", c.ref, got.Container)
		}
		if text := strings.Join(said, "\n"); !strings.Contains(text, c.says) || (c.says == "") != (text == "") || len(said) > 1 {
			t.Errorf("%v: said %q, want %q", c.ref, said, c.says)
		}
		if cost := requests(client); !slices.Equal(cost, c.cost) {
			t.Errorf("%v: cost %q, want %q", c.ref, cost, c.cost)
		}
		if _, err := Resolve(t.Context(), client, "shop", c.ref, nil); err != nil {
			t.Errorf("%v, with nobody to tell: %v", c.ref, err)
		}
	}
}

func TestResolveFindsNoPods(t *testing.T) {
	zero := new(int32(0))
	suspended := ofCron("suspended", "", 0)
	suspended.Spec.Suspend = new(true)
	completed := ofCron("completed", "", 0)
	completed.Status.CompletionTime = &metav1.Time{}
	objects := []runtime.Object{
		// None of these is anybody's pod below: another label, another owner, a copy of ours.
		member("unlabelled", "sts", 0, func(p *corev1.Pod) { p.Labels = nil }),
		member("adopted", "nobody", 0, func(p *corev1.Pod) { p.Labels["app"] = "owned" }),
		member("copy", "web", 0, func(p *corev1.Pod) { p.Labels[labelManagedBy] = managedBy }),
		&appsv1.Deployment{ObjectMeta: meta("web"), Spec: appsv1.DeploymentSpec{Selector: app(), Replicas: zero}},
		&appsv1.Deployment{ObjectMeta: meta("refused"), Spec: appsv1.DeploymentSpec{Selector: app(), Replicas: new(int32(3))}},
		&appsv1.StatefulSet{ObjectMeta: meta("owned"), Spec: appsv1.StatefulSetSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "owned"}}}},
		&appsv1.ReplicaSet{ObjectMeta: meta("web"), Spec: appsv1.ReplicaSetSpec{Selector: app(), Replicas: zero}},
		&appsv1.DaemonSet{ObjectMeta: meta("web"), Spec: appsv1.DaemonSetSpec{Selector: app()}},
		&corev1.Service{ObjectMeta: meta("outside")},
		&corev1.Service{ObjectMeta: meta("web"), Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "web"}}},
		&batchv1.CronJob{ObjectMeta: meta("web"), Spec: batchv1.CronJobSpec{Schedule: "0 3 * * *"}},
		&batchv1.CronJob{ObjectMeta: meta("off"), Spec: batchv1.CronJobSpec{Suspend: new(true)}},
		&batchv1.Job{ObjectMeta: meta("nothing")},
		suspended, completed,
	}
	for _, c := range []struct {
		ref       Ref
		want, try string
	}{
		{Ref{Arg: "deploy/web"}, "no pods of deployment/web found (0 replicas wanted)", "kubectl scale -n shop deployment/web --replicas=1"},
		{Ref{Arg: "deploy/refused"}, "no pods of deployment/refused found (3 replicas wanted)", "kubectl describe -n shop deployment/refused"},
		{Ref{Arg: "sts/owned"}, " found (1 replica wanted)", "kubectl describe -n shop statefulset/owned"},
		// Its Deployment would scale it down again.
		{Ref{Arg: "rs/web"}, " found (0 replicas wanted)", "kubectl describe -n shop replicaset/web"},
		{Ref{Arg: "ds/web"}, " found (wanted on 0 nodes)", "kubectl describe"},
		{Ref{Arg: "svc/outside"}, " found (it has no selector)", "kubectl describe"},
		{Ref{Arg: "svc/web"}, "no pods of service/web found", "kubectl describe"},
		{Ref{Arg: "job/suspended"}, " found (it is suspended)", "kubectl describe"},
		{Ref{Arg: "job/completed"}, " found (it has completed)", "kubectl describe"},
		{Ref{Arg: "job/nothing"}, "no pods of job/nothing found", "kubectl describe"},
		{Ref{Arg: "cj/web"}, `no pods of cronjob/web found: it has no jobs (its schedule is "0 3 * * *")`, "kubectl create job -n shop NAME --from=cronjob/web"},
		{Ref{Arg: "cj/off"}, "it has no jobs (it is suspended)", "kubectl create job"},
		{Ref{Selector: "app=none"}, `no pods with labels "app=none" found in namespace shop`, "kubectl get pods -n shop --show-labels"},
		// The copy matches, and is not meant.
		{Ref{Selector: "app!=owned,app"}, "found in namespace shop", "kubectl get pods"},
	} {
		_, err := Resolve(t.Context(), fake.NewClientset(objects...), "shop", c.ref, nil)
		wantError(t, c.ref, err, c.want, c.try)
		if err != nil && strings.HasPrefix(c.try, "kubectl describe") && !strings.HasPrefix(hint.Of(err), c.try) {
			t.Errorf("%v: try %q", c.ref, hint.Of(err))
		}
	}
}

// A refusal is printed with the rule that is missing, as pkg/session prints rules.
func TestResolveRefused(t *testing.T) {
	for _, c := range []struct {
		ref            Ref
		verb, resource string
		want, rule     string
	}{
		{Ref{Arg: "web"}, "get", "pods", "get pod/web: ", "- apiGroups: [\"\"]\n  resources: [\"pods\"]\n  verbs: [\"get\"]"},
		{
			Ref{Arg: "deploy/deployment"},
			"get", "deployments", "get deployment/deployment: ",
			"- apiGroups: [\"apps\"]\n  resources: [\"deployments\"]\n  verbs: [\"get\"]",
		},
		{Ref{Arg: "deploy/deployment"}, "list", "pods", "list pods of deployment/deployment: ", "- apiGroups: [\"\"]\n  resources: [\"pods\"]\n  verbs: [\"list\"]"},
		{Ref{Arg: "cj/cronjob"}, "list", "jobs", "list jobs of cronjob/cronjob: ", "- apiGroups: [\"batch\"]\n  resources: [\"jobs\"]\n  verbs: [\"list\"]"},
		{Ref{Selector: "app=web"}, "list", "pods", `list pods with labels "app=web": `, "- apiGroups: [\"\"]\n  resources: [\"pods\"]\n  verbs: [\"list\"]"},
	} {
		refuse := func(err error) error {
			client := fake.NewClientset(workloads()...)
			client.PrependReactor(c.verb, c.resource, func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, err })
			_, err = Resolve(t.Context(), client, "shop", c.ref, nil)
			return err
		}
		forbidden := refuse(apierrors.NewForbidden(schema.GroupResource{Resource: c.resource}, "", nil))
		wantError(t, c.ref, forbidden, c.want, "ask an admin to add these rules to your Role in namespace shop:\n"+c.rule)
		if !apierrors.IsForbidden(forbidden) {
			t.Errorf("%v: the API's error is lost: %v", c.ref, forbidden)
		}
		wantError(t, c.ref, refuse(apierrors.NewInternalError(errors.New("broken"))), c.want, "")
	}
}
