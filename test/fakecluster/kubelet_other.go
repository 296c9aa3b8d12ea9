// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package fakecluster

import (
	"context"
	"errors"
	"io"

	corev1 "k8s.io/api/core/v1"
)

const namespaces = false

var errNoContainers = errors.New("containers need Linux")

func (k *kubelet) process(*corev1.Pod, *corev1.Container, int64, int64) (int, error) {
	return 0, errNoContainers
}

func (k *kubelet) run(context.Context, *corev1.Pod, string, []string, io.Reader, io.Writer, io.Writer) (int, error) {
	return 0, errNoContainers
}

func install(string, string) error { return errNoContainers }

func devices(string) error { return errNoContainers }
