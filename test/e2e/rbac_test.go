// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	authv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// roleWay is something to do with the plugin, and the smallest Role for it, in docs/rbac.
type roleWay struct {
	file string
	// pods are those that it needs, and objects the manifests of what they belong to.
	objects string
	pods    []string
	// again waits for what the commands need, or puts it back where one may have ended it; nil where pods is enough.
	again func(*testing.T, *environment)
	// tries are carried out with the Role; each rule of it is needed by one of them at least.
	tries []try
	// shows has rules without which nothing fails, and what is on the screen with them only.
	shows map[string]string
	// one failure for each rule is enough: there are many tries, of which most need most rules.
	one bool
}

// try is a command, and what doctor is asked about it; "" where it knows nothing of such commands.
type try struct{ command, doctor string }

// A way of a new command is a line here and a file in docs/rbac.
func ways() []roleWay {
	var kinds []try
	for _, pod := range []string{"-l app=deploy", "deploy/deploy", "sts/sts", "ds/ds", "rs/rs", "rc/rc", "job/job", "cronjob/cron", "svc/svc"} {
		kinds = append(kinds, try{"ps " + pod, pod})
	}
	return []roleWay{
		{file: "helper", objects: onePod, pods: []string{"web"}, tries: []try{
			{"debug web -- true", "web"}, {"ps web", ""}, {"fs web /etc", ""}, {"signal web 1 HUP", ""}, {"cp web:/etc/nginx/nginx.conf nginx.conf", ""},
		}},
		{file: "report", objects: configuredPod, pods: []string{"web"}, again: changeConfig, tries: []try{{"report web --interval 100ms", ""}, {"env web --stale", ""}}, shows: map[string]string{
			"get pods/log": "\n    hello\n", "list events": "\n## Events\n", "get configmaps": "variable LEVEL (configmap/app)", "get secrets": "\nPASSWORD ",
		}},
		{file: "persist", objects: onePod, pods: []string{"web"}, again: leaveShell, tries: []try{{"debug web --persist", ""}, {"attach web", ""}}},
		{file: "copy", objects: onePod, pods: []string{"web"}, tries: []try{
			{"debug web --copy -- true", "web --copy"}, {"debug web --copy --hold -- true", ""},
		}},
		{file: "patch", objects: oneDeployment, tries: []try{{"debug deploy/web --patch -y -- true", "deploy/web --patch"}}},
		{file: "workloads", objects: everyWorkload(), again: everyWorkloadReady, tries: kinds, one: true},
		{file: "sessions", objects: onePod, pods: []string{"web"}, tries: []try{{"sessions", ""}, {"sessions -o name", ""}, {"sessions web", ""}}},
		{file: "clean", objects: onePod, pods: []string{"web"}, again: leaveSomething, tries: []try{{"sessions", ""}, {"clean --all", ""}}},
	}
}

// Every Role in docs/rbac does its job; without any one of its rules the error names that rule, and nothing is created.
func TestSmallestRoles(t *testing.T) {
	full(t)
	t.Parallel()
	files, err := filepath.Glob("../../docs/rbac/*.yaml")
	if err != nil || len(files) != len(ways()) {
		t.Errorf("%d Roles (%v) and %d ways to use them", len(files), err, len(ways()))
	}
	for _, each := range ways() {
		t.Run(each.file, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile("../../docs/rbac/" + each.file + ".yaml")
			if err != nil {
				t.Fatal(err)
			}
			var role rbacv1.Role
			if err := yaml.UnmarshalStrict(text, &role); err != nil {
				t.Fatal(err)
			}
			w := testEnvironment(t)
			if err := w.apply(t.Context(), each.objects, each.pods...); err != nil {
				t.Fatal(err)
			}
			if each.again == nil {
				each.again = func(*testing.T, *environment) {}
			}
			each.holds(t, w, single(role.Rules))
		})
	}
}

func (y roleWay) holds(t *testing.T, w *environment, rules []rbacv1.PolicyRule) {
	t.Helper()
	for i, missing := range rules {
		user := w.grant(t, fmt.Sprintf("less-%d", i), slices.Delete(slices.Clone(rules), i, i+1))
		y.again(t, w)
		if text, ok := y.shows[words(missing)]; ok {
			if out := y.screen(t, w, user); strings.Contains(out, text) {
				t.Errorf("without %s there is %q in\n%s", words(missing), text, out)
			}
			continue
		}
		if failed := y.failures(t, w, user, missing); failed == 0 {
			t.Errorf("nothing fails without %s", words(missing))
		}
	}
	user := w.grant(t, "all", rules)
	y.again(t, w)
	var printed, want []string
	for _, r := range rules {
		want = append(want, words(r))
	}
	for _, try := range y.tries {
		if _, err := w.as(t, user, try.command); err != nil {
			t.Errorf("with the whole Role: %v", err)
		}
		if try.doctor != "" {
			printed = append(printed, w.role(t, user, try.doctor)...)
		}
	}
	for rule, text := range y.shows {
		if out := y.screen(t, w, user); !strings.Contains(out, text) {
			t.Errorf("with %s there is no %q in\n%s", rule, text, out)
		}
	}
	slices.Sort(printed)
	slices.Sort(want)
	if printed = slices.Compact(printed); len(printed) > 0 && !slices.Equal(printed, want) {
		t.Errorf("doctor --role prints\n%q, the file has\n%q", printed, want)
	}
}

// screen is what all tries print, of which none fails.
func (y roleWay) screen(t *testing.T, w *environment, user string) (all string) {
	t.Helper()
	for _, try := range y.tries {
		out, err := w.as(t, user, try.command)
		if err != nil {
			t.Errorf("%s: %v", try.command, err)
		}
		all += out
	}
	return all
}

// configuredPod runs with other values than its ConfigMap and its Secret have.
const configuredPod = `
apiVersion: v1
kind: ConfigMap
metadata: {name: app}
data: {level: info}
---
apiVersion: v1
kind: Secret
metadata: {name: db}
data: {password: aHVudGVyMg==}
---
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: $BUSYBOX
    imagePullPolicy: IfNotPresent
    command: [sh, -c, 'echo hello; export LEVEL=debug PASSWORD=other; exec sleep 36000']
    env:
    - {name: LEVEL, valueFrom: {configMapKeyRef: {name: app, key: level}}}
    - {name: PASSWORD, valueFrom: {secretKeyRef: {name: db, key: password}}}
`

// changeConfig writes the ConfigMap once more, so that it is newer than the pod.
func changeConfig(t *testing.T, w *environment) {
	t.Helper()
	if _, err := w.kubectl(t.Context(), "annotate", "--overwrite", "configmap", "app", "at="+time.Now().Format("15-04-05.000000")); err != nil {
		t.Fatal(err)
	}
}

// failures tries everything without one rule.
func (y roleWay) failures(t *testing.T, w *environment, user string, missing rbacv1.PolicyRule) (failed int) {
	t.Helper()
	for _, try := range y.tries {
		before := w.picture(t)
		_, err := w.as(t, user, try.command)
		if err == nil {
			continue
		}
		failed++
		if got := advised(err.Error()); len(got) != 1 || words(got[0]) != words(missing) {
			t.Errorf("%s without %s: %v", try.command, words(missing), err)
		}
		if after := w.picture(t); y.file != "clean" && after != before {
			t.Errorf("%s without %s: there were\n%s\nand there are\n%s", try.command, words(missing), before, after)
		}
		if try.doctor != "" {
			_, err := w.as(t, user, "doctor "+try.doctor)
			if what := "will not work: you lack permission to " + words(missing) + " in namespace"; err == nil || !strings.Contains(err.Error(), what) {
				t.Errorf("doctor %s without %s: %v", try.doctor, words(missing), err)
			}
		}
		if y.one {
			break
		}
	}
	return failed
}

// role is what doctor --role prints for somebody who lacks nothing.
func (w *environment) role(t *testing.T, user, question string) []string {
	t.Helper()
	out, err := w.as(t, user, "doctor --role "+question)
	if err != nil {
		t.Errorf("with the whole Role: %v", err)
	}
	var role rbacv1.Role
	text, _, _ := strings.Cut(out, "\n---\n")
	if err := yaml.UnmarshalStrict([]byte(text), &role); err != nil || len(role.Rules) == 0 {
		t.Errorf("doctor --role %s printed %q: %v", question, out, err)
	}
	var all []string
	for _, r := range single(role.Rules) {
		all = append(all, words(r))
	}
	return all
}

// single takes rules apart, into such of one verb and one resource.
func single(rules []rbacv1.PolicyRule) []rbacv1.PolicyRule {
	var all []rbacv1.PolicyRule
	for _, r := range rules {
		for _, resource := range r.Resources {
			for _, verb := range r.Verbs {
				all = append(all, rbacv1.PolicyRule{APIGroups: r.APIGroups, Resources: []string{resource}, Verbs: []string{verb}})
			}
		}
	}
	return all
}

// words is a single rule as messages name it: "get deployments.apps".
func words(r rbacv1.PolicyRule) string {
	return r.Verbs[0] + " " + strings.TrimSuffix(r.Resources[0]+"."+r.APIGroups[0], ".")
}

// advised reads the rules that an error tells to add.
func advised(text string) []rbacv1.PolicyRule {
	_, text, _ = strings.Cut(text, "try: ask an admin to add these rules to your Role in namespace ")
	_, text, _ = strings.Cut(text, "\n")
	var rules []rbacv1.PolicyRule
	if yaml.UnmarshalStrict([]byte(text), &rules) != nil {
		return nil
	}
	return rules
}

// grant makes a user who has a Role of these rules and nothing else, and waits until the API server knows of it.
func (w *environment) grant(t *testing.T, user string, rules []rbacv1.PolicyRule) string {
	t.Helper()
	rbac := w.client.RbacV1()
	meta := metav1.ObjectMeta{Name: user}
	if _, err := rbac.Roles(w.namespace).Create(t.Context(), &rbacv1.Role{ObjectMeta: meta, Rules: rules}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: meta,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: user},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	}
	if _, err := rbac.RoleBindings(w.namespace).Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		resource, sub, _ := strings.Cut(r.Resources[0], "/")
		review := &authv1.SubjectAccessReview{Spec: authv1.SubjectAccessReviewSpec{User: user, ResourceAttributes: &authv1.ResourceAttributes{
			Namespace: w.namespace, Verb: r.Verbs[0], Group: r.APIGroups[0], Resource: resource, Subresource: sub,
		}}}
		if err := poll(t.Context(), func() (bool, error) {
			answer, err := w.client.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), review, metav1.CreateOptions{})
			return err == nil && answer.Status.Allowed, err
		}); err != nil {
			t.Fatal(err)
		}
	}
	return user
}

// as runs a command as a user, in a directory of its own.
func (w *environment) as(t *testing.T, user, command string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience())
	defer cancel()
	flags := []string{"--as", user, "-q"}
	args := strings.Fields(command)
	if i := slices.Index(args, "--"); i >= 0 {
		args = slices.Insert(args, i, flags...)
	} else {
		args = append(args, flags...)
	}
	if command == "debug web --persist" || command == "attach web" {
		return "", w.inShell(t, args)
	}
	if args[0] == "cp" {
		args[2] = filepath.Join(t.TempDir(), args[2])
	}
	return w.plugin(ctx, args...)
}

// picture is what a command could have made in the namespace: pods and helpers.
func (w *environment) picture(t *testing.T) string {
	t.Helper()
	list, err := w.client.CoreV1().Pods(w.namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, pod := range list.Items {
		if pod.DeletionTimestamp != nil {
			continue
		}
		line := pod.Name
		for _, c := range pod.Spec.EphemeralContainers {
			line += " " + c.Name
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// leaveSomething leaves a running helper and a copy, where there are none.
func leaveSomething(t *testing.T, w *environment) {
	t.Helper()
	var last error
	if err := poll(t.Context(), func() (bool, error) { // the one before may be ending in this moment
		_, last = w.plugin(t.Context(), "debug", "web", "-q", "--", "true")
		return last == nil, nil
	}); err != nil {
		t.Fatal(err, last)
	}
	if strings.Contains(w.picture(t), "web-shareproc-") {
		return
	}
	manifest, err := w.plugin(t.Context(), "debug", "web", "--copy", "--dry-run=client", "-o", "yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.apply(t.Context(), manifest); err != nil {
		t.Fatal(err)
	}
}

// template is a pod's, labelled for who makes it.
func template(app string) string {
	return "{metadata: {labels: {app: " + app + "}}, spec: {terminationGracePeriodSeconds: 0, restartPolicy: RESTART, " +
		"containers: [{name: nginx, image: $NGINX, imagePullPolicy: IfNotPresent}]}}"
}

// everyWorkload is one of each kind by which a pod can be named.
func everyWorkload() string {
	var all strings.Builder
	for _, kind := range []string{"apps/v1 Deployment deploy", "apps/v1 StatefulSet sts", "apps/v1 DaemonSet ds", "apps/v1 ReplicaSet rs"} {
		word := strings.Fields(kind)
		fmt.Fprintf(&all, "apiVersion: %s\nkind: %s\nmetadata: {name: %[3]s}\nspec: {selector: {matchLabels: {app: %[3]s}}, template: %s}\n---\n",
			word[0], word[1], word[2], strings.Replace(template(word[2]), "RESTART", "Always", 1))
	}
	fmt.Fprintf(&all, "apiVersion: v1\nkind: ReplicationController\nmetadata: {name: rc}\nspec: {selector: {app: rc}, template: %s}\n---\n",
		strings.Replace(template("rc"), "RESTART", "Always", 1))
	job := strings.Replace(template("job"), "RESTART", "Never", 1)
	fmt.Fprintf(&all, "apiVersion: batch/v1\nkind: Job\nmetadata: {name: job}\nspec: {template: %s}\n---\n", job)
	fmt.Fprintf(&all, "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: cron}\nspec: {schedule: '0 0 1 1 *', suspend: true, jobTemplate: {spec: {template: %s}}}\n---\n",
		strings.Replace(job, "app: job", "app: cron", 1))
	all.WriteString("apiVersion: v1\nkind: Service\nmetadata: {name: svc}\nspec: {selector: {app: deploy}, ports: [{port: 80}]}\n")
	return all.String()
}

// everyWorkloadReady runs the cron job, and waits until each kind has a pod and all of them are ready.
func everyWorkloadReady(t *testing.T, w *environment) {
	t.Helper()
	if _, err := w.client.BatchV1().Jobs(w.namespace).Get(t.Context(), "now", metav1.GetOptions{}); apierrors.IsNotFound(err) {
		if _, err := w.kubectl(t.Context(), "create", "job", "now", "--from=cronjob/cron"); err != nil {
			t.Fatal(err)
		}
	}
	ready := func(pod corev1.Pod) bool {
		return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		})
	}
	if err := poll(t.Context(), func() (bool, error) {
		list, err := w.client.CoreV1().Pods(w.namespace).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		makers := map[string]bool{}
		for _, pod := range list.Items {
			makers[pod.Labels["app"]] = true
			if !ready(pod) {
				return false, nil
			}
		}
		return len(makers) == 7, nil
	}); err != nil {
		t.Fatal(err)
	}
}
