// SPDX-License-Identifier: Apache-2.0

package report

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/report"
)

func TestTheOddPodIsTheOneThatDiffersFromMost(t *testing.T) {
	of := func(level string) Report {
		return Report{traits: map[string]string{"variable LEVEL": level, "image": "i"}}
	}
	for name, c := range map[string]struct {
		levels []string
		odd    []int
	}{
		"one of three":          {[]string{"info", "debug", "info"}, []int{0, 1, 0}},
		"one has no such":       {[]string{"info", "info", ""}, []int{0, 0, 1}},
		"all the same":          {[]string{"info", "info", "info"}, []int{0, 0, 0}},
		"of two neither":        {[]string{"info", "debug"}, []int{0, 0}},
		"without a majority":    {[]string{"a", "b", "c"}, []int{0, 0, 0}},
		"as many as the others": {[]string{"a", "a", "b", "b"}, []int{0, 0, 0, 0}},
	} {
		var reports []Report
		for _, level := range c.levels {
			reports = append(reports, of(level))
		}
		compare(reports)
		var got []int
		for _, r := range reports {
			got = append(got, len(r.facts.Odd))
		}
		if !slices.Equal(got, c.odd) {
			t.Errorf("%s: %v, want %v", name, got, c.odd)
		}
	}
}

func TestABundleHasThePodWithoutValues(t *testing.T) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Annotations: map[string]string{corev1.LastAppliedConfigAnnotation: `{"password":"s3cret"}`}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Env: []corev1.EnvVar{{Name: "PASSWORD", Value: "s3cret"}}}}},
	}
	r := Report{Pod: "web", Time: time.Unix(1, 0), facts: report.Facts{Pod: pod, Container: "app"}, raw: []rawFile{{"raw/mountinfo", []byte("m")}}}
	name := filepath.Join(t.TempDir(), "incident.tar.gz")
	if err := writeBundle(name, r); err != nil {
		t.Fatal(err)
	}
	if err := writeBundle(name, r); !errors.Is(err, os.ErrExist) {
		t.Errorf("a file that is there: %v", err)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	zip, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for tr := tar.NewReader(zip); ; {
		head, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(tr)
		if err != nil || strings.Contains(string(text), "s3cret") {
			t.Errorf("%s: %v\n%s", head.Name, err, text)
		}
		names = append(names, head.Name)
	}
	want := []string{"report-web/report.md", "report-web/report.json", "report-web/pod.yaml", "report-web/raw/mountinfo"}
	if !slices.Equal(names, want) {
		t.Errorf("%q", names)
	}
}

func TestAThreadIsStuckOnlyInWhatHealthyOnesDoNotWaitFor(t *testing.T) {
	for channel, want := range map[string]bool{
		"wait_for_partner": true, "flock_lock_inode": true, "locks_lock_inode_wait": true,
		"pipe_read": false, "ep_poll": false, "futex_wait_queue": false, "": false,
	} {
		if _, stuck := stuckIn(proc.Thread{State: "S", Channel: channel}); stuck != want {
			t.Errorf("%s: %v", channel, stuck)
		}
	}
	if _, stuck := stuckIn(proc.Thread{State: "T"}); !stuck {
		t.Error("a stopped thread is not stuck")
	}
}
