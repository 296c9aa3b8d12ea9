// SPDX-License-Identifier: Apache-2.0

package environ

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
)

func configMapKey(name, key string) *corev1.EnvVarSource {
	return &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: name}, Key: key}}
}

func secretKey(name, key string) *corev1.EnvVarSource {
	return &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: name}, Key: key}}
}

func fieldPath(path string) *corev1.EnvVarSource {
	return &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: path}}
}

// shop is a pod with every kind of source.
func shop() (*corev1.Pod, *corev1.Container) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web", Labels: map[string]string{"tier": "b"}}}
	pod.Spec.Containers = []corev1.Container{{
		Name: "web",
		EnvFrom: []corev1.EnvFromSource{
			{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "app"}}},
			{Prefix: "DB_", SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "db"}}},
		},
		Env: []corev1.EnvVar{
			{Name: "HOST", ValueFrom: configMapKey("app", "host")},
			{Name: "PASS", ValueFrom: secretKey("db", "pass")},
			{Name: "URL", Value: "$(HOST)/$$(HOST)?$(DB_USER)"},
			{Name: "PLAIN", Value: "a$(HOST)$(b"},
			{Name: "TIER", ValueFrom: fieldPath("metadata.labels['tier']")},
		},
	}}
	return pod, &pod.Spec.Containers[0]
}

func variables(words ...string) []proc.Variable {
	var list []proc.Variable
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		list = append(list, proc.Variable{Name: name, Value: value})
	}
	return list
}

func texts(list []Variable) []string {
	var out []string
	for _, v := range list {
		text := v.Name + " " + v.Source.String() + " "
		switch {
		case v.Masked:
			text += Mask
		case v.Unknown:
			text += "?"
		default:
			text += v.Value
		}
		if v.Stale {
			text += fmt.Sprintf(" -> %s unset=%t gone=%t", v.Now, v.Unset, v.Gone)
		}
		out = append(out, text)
	}
	return out
}

func check(t *testing.T, got []Variable, want ...string) {
	t.Helper()
	if lines := texts(got); !slices.Equal(lines, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
}

func TestEachVariableHasItsSource(t *testing.T) {
	pod, c := shop()
	process := variables(
		"HOST=h", "PASS=longsecret", "URL=h/$(HOST)?me", "PLAIN=ah$(b", "TIER=b", "PATH=/bin", "DB_USER=me", "LEVEL=info", "OWN=x",
		"K_SERVICE_HOST=10.0.0.1", "K_SERVICE_PORT=1", "K_PORT=tcp://10.0.0.1:1", "K_PORT_1_TCP_ADDR=10.0.0.1", "K_PORTAL=y",
		"COMPOSED=x:longsecret", "TWICE=1", "TWICE=2")
	objects := Objects{{ConfigMap, "app"}: {"LEVEL": "debug", "host": "h"}}
	check(t, Show(Explain(pod, c, process, objects), false),
		"COMPOSED process "+Mask,
		"DB_USER secret/db? "+Mask,
		"HOST configmap/app h",
		"K_PORTAL process y",
		"LEVEL configmap/app info",
		"OWN process x",
		"PASS secret/db "+Mask,
		"PATH process /bin",
		"PLAIN spec ah$(b",
		"TIER fieldRef b",
		"TWICE process 2",
		"URL spec "+Mask,
		"K_PORT service tcp://10.0.0.1:1",
		"K_PORT_1_TCP_ADDR service 10.0.0.1",
		"K_SERVICE_HOST service 10.0.0.1",
		"K_SERVICE_PORT service 1")
}

// What a Secret whose keys are not known may give is masked, unless the spec or a ConfigMap proves where it comes from.
func TestWhatMayBeSecretIsMasked(t *testing.T) {
	pod, c := shop()
	c.EnvFrom[1].Prefix = ""
	objects := Objects{{ConfigMap, "app"}: {"LEVEL": "debug", "MODE": "fast"}}
	check(t, Show(Explain(pod, c, variables("LEVEL=info", "MODE=fast", "HOST=h", "OTHER=1", "HOME=/"), objects), false),
		"HOME process /", "HOST configmap/app h", "LEVEL secret/db? "+Mask, "MODE configmap/app fast", "OTHER secret/db? "+Mask)
}

func TestSecretsAreShownWhenAskedFor(t *testing.T) {
	pod, c := shop()
	check(t, Show(Explain(pod, c, variables("PASS=longsecret"), nil), true), "PASS secret/db longsecret")
	for _, v := range Show(Explain(pod, c, variables("PASS=longsecret"), nil), false) {
		if v.Value != "" || v.Now != "" || !v.Masked || v.Plain() != "longsecret" {
			t.Errorf("%+v", v)
		}
	}
}

func TestNamesAndValuesThatLookSecretAreMasked(t *testing.T) {
	for _, word := range []string{
		"API_KEY=1", "apikey=1", "my.token=1", "DB_PWD=1", "REDIS_PASS=1", "AWS_SECRET_ACCESS_KEY=1", "CREDENTIALS=1", "SSH_KEYS=1",
		"URL=postgres://u:p/a@h/db", "BOTH=http://h/ https://u:p@h", "DSN=Server=h;Password=x;", "CERT=-----BEGIN PRIVATE KEY-----",
		"TOKEN_FILE=secret",
	} {
		if list := Show(Explain(nil, nil, variables(word), nil), false); !list[0].Masked || list[0].Value != "" {
			t.Errorf("%s is shown", word)
		}
	}
	for _, word := range []string{
		"MONKEY=1", "KEYBOARD=1", "PWD=/", "OLDPWD=/", "TOKEN_FILE=/var/run/token", "COMPASS=1", "URL=https://h:80/x", "MAIL=a@b", "TLS_KEY_PATH=/k",
	} {
		if list := Show(Explain(nil, nil, variables(word), nil), false); list[0].Masked {
			t.Errorf("%s is masked", word)
		}
	}
}

func TestStaleIsWhatARestartWouldChange(t *testing.T) {
	pod, c := shop()
	process := variables("HOST=old", "PASS=before", "URL=old/$(HOST)?me", "PLAIN=changed", "TIER=b", "DB_USER=me", "LEVEL=info")
	objects := Objects{
		{ConfigMap, "app"}: {"LEVEL": "info", "NEW": "1", "host": "next", "not-a-name": "1"},
		{Secret, "db"}:     {"USER": "me"},
	}
	check(t, Show(Stale(pod, c, process, objects), false),
		"HOST configmap/app old -> next unset=false gone=false",
		"NEW configmap/app  -> 1 unset=true gone=false",
		"PASS secret/db "+Mask+" ->  unset=false gone=true",
		"PLAIN spec changed -> anext$(b unset=false gone=false",
		"URL spec "+Mask+" ->  unset=false gone=false",
		"host configmap/app  -> next unset=true gone=false")
	if list := Stale(pod, c, process, nil); len(list) != 0 {
		t.Errorf("without the objects nothing is known: %v", texts(list))
	}
}

func TestDeletedObjectsGiveNothing(t *testing.T) {
	pod, c := shop()
	c.EnvFrom = nil
	objects := Objects{{ConfigMap, "app"}: nil, {Secret, "db"}: nil}
	check(t, Show(Stale(pod, c, variables("HOST=h", "TIER=b"), objects), false), "HOST configmap/app h ->  unset=false gone=true")
}

func TestTheSpecStandsForAProcessThatDoesNotShowItsOwn(t *testing.T) {
	pod, c := shop()
	objects := Objects{{ConfigMap, "app"}: {"host": "h"}}
	check(t, Show(Declared(pod, c, objects), false),
		"HOST configmap/app h", "PASS secret/db ?", "PLAIN spec ah$(b", "TIER fieldRef b", "URL spec ?", "host configmap/app h")
}

func TestObjectsAreAskedForOnce(t *testing.T) {
	_, c := shop()
	if refs := fmt.Sprint(Refs(c, false), Refs(c, true)); refs != "[configmap/app secret/db] [configmap/app secret/db]" {
		t.Error(refs)
	}
	c.EnvFrom = nil
	if refs := fmt.Sprint(Refs(c, false), Refs(c, true)); refs != "[configmap/app secret/db] []" {
		t.Error(refs)
	}
}

func FuzzExpand(f *testing.F) {
	f.Add("a$(HOST)b$$(HOST)$(", "h")
	f.Fuzz(func(t *testing.T, text, value string) {
		got, _, _ := expand(text, func(string) (declared, bool) { return declared{value: value, known: true}, true })
		if !strings.Contains(text, "$") && got != text {
			t.Errorf("%q became %q", text, got)
		}
	})
}
