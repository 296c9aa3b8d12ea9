// SPDX-License-Identifier: Apache-2.0

package report

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/report"
)

// A rawFile is a text as it was read.
type rawFile struct {
	name string
	data []byte
}

// writeBundle writes the report, as Markdown and as JSON, the raw files and the pod to a new archive. An archive that is not whole
// is removed.
func writeBundle(name string, r Report) (err error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	defer func() {
		err = cmp.Or(err, f.Close())
		if err != nil {
			_ = os.Remove(name) // it is useless
			err = fmt.Errorf("write the bundle: %w", err)
		}
	}()
	files, err := r.files()
	if err != nil {
		return err
	}
	return archive(f, "report-"+r.Pod, r.Time, files)
}

func (r Report) files() ([]rawFile, error) {
	var page bytes.Buffer
	if err := report.Page(&page, r.facts, r.Findings, r.page()); err != nil {
		return nil, err
	}
	document, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, err
	}
	pod, err := yaml.Marshal(withoutValues(r.facts.Pod))
	if err != nil {
		return nil, err
	}
	return append([]rawFile{{"report.md", page.Bytes()}, {"report.json", document}, {"pod.yaml", pod}}, r.raw...), nil
}

// withoutValues is the pod without the values of its variables, of which some are secrets that were written into the spec, and
// without managed fields.
func withoutValues(pod *corev1.Pod) *corev1.Pod {
	pod = pod.DeepCopy()
	pod.ManagedFields = nil
	delete(pod.Annotations, corev1.LastAppliedConfigAnnotation)
	hide := func(env []corev1.EnvVar) {
		for i := range env {
			if env[i].Value != "" {
				env[i].Value = "(left out)"
			}
		}
	}
	for i := range pod.Spec.InitContainers {
		hide(pod.Spec.InitContainers[i].Env)
	}
	for i := range pod.Spec.Containers {
		hide(pod.Spec.Containers[i].Env)
	}
	return pod
}

// archive writes a compressed tar archive with all files in one directory.
func archive(w io.Writer, directory string, at time.Time, files []rawFile) error {
	zip := gzip.NewWriter(w)
	tw := tar.NewWriter(zip)
	for _, f := range files {
		head := &tar.Header{Name: path.Join(directory, f.name), Mode: 0o600, Size: int64(len(f.data)), ModTime: at, Format: tar.FormatPAX}
		if err := tw.WriteHeader(head); err != nil {
			return err
		}
		if _, err := tw.Write(f.data); err != nil {
			return err
		}
	}
	if err := tw.Close(); err != nil {
		return err
	}
	return zip.Close()
}
