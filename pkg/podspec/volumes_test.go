// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"maps"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

func TestVolumesAreKnownByWhereTheyAreMounted(t *testing.T) {
	var pod corev1.Pod
	if err := yaml.Unmarshal([]byte(`
spec:
  containers:
  - name: web
    volumeMounts:
    - {name: data, mountPath: /data/}
    - {name: mem, mountPath: /cache}
    - {name: conf, mountPath: /etc/one.conf, subPath: one}
    - {name: key, mountPath: /key}
    - {name: claim, mountPath: /claim}
    - {name: logs, mountPath: /logs}
    - {name: tools, mountPath: /tools}
    - {name: token, mountPath: /token}
    - {name: gone, mountPath: /gone}
  - name: other
    volumeMounts: [{name: data, mountPath: /other}]
  volumes:
  - {name: data, emptyDir: {sizeLimit: 1Gi}}
  - {name: mem, emptyDir: {medium: Memory}}
  - {name: conf, configMap: {name: settings}}
  - {name: key, secret: {secretName: tls}}
  - {name: claim, persistentVolumeClaim: {claimName: web-data}}
  - {name: logs, hostPath: {path: /var/log}}
  - {name: tools, image: {reference: "busybox:1"}}
  - {name: token, projected: {sources: []}}
`), &pod); err != nil {
		t.Fatal(err)
	}
	want := map[string]Volume{
		"/data":         {Name: "data", Kind: "emptyDir", SizeLimit: 1 << 30},
		"/cache":        {Name: "mem", Kind: "emptyDir", Medium: "Memory"},
		"/etc/one.conf": {Name: "conf", Kind: "configMap", Of: "settings"},
		"/key":          {Name: "key", Kind: "secret", Of: "tls"},
		"/claim":        {Name: "claim", Kind: "persistentVolumeClaim", Of: "web-data"},
		"/logs":         {Name: "logs", Kind: "hostPath", Of: "/var/log"},
		"/tools":        {Name: "tools", Kind: "image", Of: "busybox:1"},
		"/token":        {Name: "token", Kind: "projected"},
	}
	got := VolumesOf(&pod, "web")
	if !maps.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	for at, onNode := range map[string]bool{"/data": true, "/cache": false, "/logs": true, "/claim": false} {
		if got[at].OnNode() != onNode {
			t.Errorf("%s on a disk of the node: %v", at, !onNode)
		}
	}
	if found := VolumesOf(&pod, "none"); len(found) != 0 {
		t.Errorf("of no container: %+v", found)
	}
}
