// SPDX-License-Identifier: Apache-2.0

// Package fakecluster is a cluster for tests in this process: an API server that whole command lines talk to over HTTP,
// with permissions and Pod Security, and a kubelet whose containers are processes of this machine.
package fakecluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	authnv1 "k8s.io/api/authentication/v1"
	authv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/kubernetes/scheme"
)

// Cluster is an API server with one node.
type Cluster struct {
	URL string

	kubelet  *kubelet
	mu       sync.Mutex
	objects  map[key]object
	denied   map[string][]string // user: "VERB RESOURCE", or "*"
	made     int
	requests []string
	writes   []string
	old      string // the minor version of an old server
}

// object is one as JSON has it.
type object = map[string]any

type key struct{ resource, namespace, name string }

// request is what an HTTP request asks for.
type request struct {
	*http.Request
	key
	group, version, sub, verb, user string
	dryRun                          bool
}

// Start runs a cluster for the length of a test. Its containers have the directory tree template as their root, and busybox
// for tools; without a busybox nothing can be run in them.
func Start(tb testing.TB, template, busybox string) *Cluster {
	tb.Helper()
	c := &Cluster{objects: map[key]object{}, denied: map[string][]string{}, kubelet: newKubelet(tb, template, busybox)}
	server := httptest.NewServer(c)
	tb.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	c.URL = server.URL
	return c
}

// Deny takes a permission from a user: "patch pods/ephemeralcontainers", or "*" for each.
func (c *Cluster) Deny(user, permission string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.denied[user] = append(c.denied[user], permission)
}

// Age makes it Kubernetes 1.MINOR, from before 1.35: exec over a WebSocket wants get, and not create.
func (c *Cluster) Age(minor string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.old = minor
}

func (c *Cluster) minor() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.old
}

// Writes are the requests that changed something, dry runs and reviews left out.
func (c *Cluster) Writes() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.writes)
}

// Requests are all that were made since it was last asked, as permissions.
func (c *Cluster) Requests() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.requests
	c.requests = nil
	return all
}

// ServeHTTP answers as an API server does.
func (c *Cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if answer := discovery(r.URL.Path); answer != nil {
		if info, ok := answer.(version.Info); ok && c.minor() != "" {
			info.Minor = c.minor()
			answer = info
		}
		reply(w, http.StatusOK, answer)
		return
	}
	q, ok := parse(r)
	if !ok {
		refuse(w, apierrors.NewGenericServerResponse(http.StatusNotFound, r.Method, schema.GroupResource{}, "", r.URL.Path, 0, true))
		return
	}
	if q.sub == "exec" && r.Method == http.MethodGet && c.minor() != "" {
		q.verb = "get"
	}
	c.mu.Lock()
	c.requests = append(c.requests, q.permission())
	c.mu.Unlock()
	if !c.allows(q.user, q.permission()) {
		refuse(w, q.forbidden(fmt.Sprintf("User %q cannot %s resource %q in API group %q in the namespace %q", q.user, q.verb, q.resource+q.slashSub(), q.group, q.namespace)))
		return
	}
	if q.sub == "exec" {
		c.exec(r.Context(), w, q)
		return
	}
	answer, err := c.answer(q) //nolint:contextcheck // a pod outlives the request that made it
	if err != nil {
		refuse(w, err)
		return
	}
	reply(w, http.StatusOK, answer)
}

func (c *Cluster) answer(q request) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case q.resource == "selfsubjectaccessreviews":
		return c.review(q)
	case q.resource == "selfsubjectreviews":
		return authnv1.SelfSubjectReview{
			TypeMeta: metav1.TypeMeta{Kind: "SelfSubjectReview", APIVersion: "authentication.k8s.io/v1"},
			Status:   authnv1.SelfSubjectReviewStatus{UserInfo: authnv1.UserInfo{Username: q.user}},
		}, nil
	case q.verb == "list":
		return c.list(q)
	case q.verb == "create":
		return c.create(q)
	}
	found, ok := c.objects[q.key]
	if !ok {
		return nil, apierrors.NewNotFound(q.groupResource(), q.name)
	}
	switch q.verb {
	case "get":
		return found, nil
	case "patch":
		return c.patch(q, found)
	case "delete":
		return c.remove(q)
	}
	return nil, apierrors.NewMethodNotSupported(q.groupResource(), q.verb)
}

func (c *Cluster) review(q request) (any, error) {
	sent, err := q.decode()
	if err != nil {
		return nil, err
	}
	review, ok := sent.(*authv1.SelfSubjectAccessReview)
	if !ok {
		return nil, apierrors.NewBadRequest("not a review")
	}
	review.TypeMeta = metav1.TypeMeta{Kind: "SelfSubjectAccessReview", APIVersion: "authorization.k8s.io/v1"}
	a := review.Spec.ResourceAttributes
	review.Status.Allowed = c.allowed(q.user, strings.TrimSuffix(a.Verb+" "+a.Resource+"/"+a.Subresource, "/"))
	return review, nil
}

func (c *Cluster) allows(user, permission string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.allowed(user, permission)
}

func (c *Cluster) allowed(user, permission string) bool {
	if strings.HasPrefix(permission, "create selfsubject") {
		return true
	}
	return !slices.Contains(c.denied[user], permission) && !slices.Contains(c.denied[user], "*")
}

// parse reads the path of a request: /api/v1/namespaces/NS/pods/NAME/SUB and the like.
func parse(r *http.Request) (request, bool) {
	q := request{Request: r, user: "admin", dryRun: r.URL.Query().Get("dryRun") != ""}
	if as := r.Header.Get("Impersonate-User"); as != "" {
		q.user = as
	}
	words := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case len(words) > 2 && words[0] == "api":
		q.version, words = words[1], words[2:]
	case len(words) > 3 && words[0] == "apis":
		q.group, q.version, words = words[1], words[2], words[3:]
	default:
		return q, false
	}
	if words[0] == "namespaces" && len(words) > 2 {
		q.namespace, words = words[1], words[2:]
	}
	words = append(words, "", "")
	q.resource, q.name, q.sub = words[0], words[1], words[2]
	q.verb = map[string]string{http.MethodGet: "get", http.MethodPost: "create", http.MethodPatch: "patch", http.MethodDelete: "delete", http.MethodPut: "update"}[r.Method]
	if q.verb == "get" && q.name == "" {
		q.verb = "list"
	}
	if q.sub == "exec" {
		q.verb = "create"
	}
	return q, true
}

// decode reads what a client sent, as JSON or protobuf.
func (q request) decode() (runtime.Object, error) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return nil, err
	}
	sent, err := runtime.Decode(scheme.Codecs.UniversalDeserializer(), body)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	return sent, nil
}

// kind is that of the request's resource.
func (q request) kind() string {
	path := "/api/" + q.version
	if q.group != "" {
		path = "/apis/" + q.group + "/" + q.version
	}
	list, _ := discovery(path).(metav1.APIResourceList)
	for _, r := range list.APIResources {
		if r.Name == q.resource {
			return r.Kind
		}
	}
	return ""
}

func (q request) groupResource() schema.GroupResource {
	return schema.GroupResource{Group: q.group, Resource: q.resource}
}

func (q request) slashSub() string {
	if q.sub == "" {
		return ""
	}
	return "/" + q.sub
}

func (q request) permission() string { return q.verb + " " + q.resource + q.slashSub() }

func (q request) forbidden(text string) error {
	return apierrors.NewForbidden(q.groupResource(), q.name, errors.New(text))
}

func reply(w http.ResponseWriter, code int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(answer) // a client that has left needs none
}

func refuse(w http.ResponseWriter, err error) {
	status, ok := errors.AsType[*apierrors.StatusError](err)
	if !ok {
		status = apierrors.NewInternalError(err)
	}
	answer := status.Status()
	answer.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
	reply(w, int(answer.Code), answer)
}

// discovery says what there is; nil for all other paths.
func discovery(path string) any {
	switch path {
	case "/version":
		return version.Info{Major: "1", Minor: "37", GitVersion: "v1.37.0"}
	case "/api":
		return metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}}
	case "/apis":
		list := metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}}
		for _, name := range []string{"apps", "batch"} {
			v := metav1.GroupVersionForDiscovery{GroupVersion: name + "/v1", Version: "v1"}
			list.Groups = append(list.Groups, metav1.APIGroup{Name: name, Versions: []metav1.GroupVersionForDiscovery{v}, PreferredVersion: v})
		}
		return list
	case "/api/v1":
		return resources("v1", "pods Pod", "pods/ephemeralcontainers Pod", "pods/exec PodExecOptions", "services Service", "replicationcontrollers ReplicationController", "namespaces Namespace", "nodes Node")
	case "/apis/apps/v1":
		return resources("apps/v1", "deployments Deployment", "statefulsets StatefulSet", "daemonsets DaemonSet", "replicasets ReplicaSet")
	case "/apis/batch/v1":
		return resources("batch/v1", "jobs Job", "cronjobs CronJob")
	}
	return nil
}

func resources(groupVersion string, list ...string) metav1.APIResourceList {
	answer := metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: groupVersion}
	for _, entry := range list {
		name, kind, _ := strings.Cut(entry, " ")
		answer.APIResources = append(answer.APIResources, metav1.APIResource{
			Name: name, SingularName: strings.ToLower(kind), Kind: kind, Namespaced: name != "namespaces" && name != "nodes",
			Verbs: metav1.Verbs{"get", "list", "create", "patch", "delete"},
		})
	}
	return answer
}
